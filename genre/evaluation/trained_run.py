"""A trained run, and its test on tracks that are not its own."""

import json
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from genre import run_folder
from genre.config.schema import EvaluateConfig
from genre.data.datamodule import GenreDataModule
from genre.data.prepared import PreparedData
from genre.data.shared_genres import SharedGenres
from genre.errors import GenreError
from genre.evaluation.evaluate import predict_splits
from genre.evaluation.logit_adjustment import adjust_logits
from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import EvaluatedRun, FinishedRun, load_run
from genre.models.checkpoint import TrainedModel, load_model
from genre.models.merged import MergedGenres, merge_genres
from genre.training.components import Components, build_components
from genre.training.metrics import compute_metrics
from genre.training.resume import restore_settings


@dataclass(frozen=True)
class TrainedRun:
    """A finished run with its network.

    Attributes:
        run: The run, as stored.
        components: Components built from its configuration.
        model: Network of the best checkpoint.
        tracks: Its track table.
    """

    run: FinishedRun
    components: Components
    model: TrainedModel
    tracks: pd.DataFrame

    @classmethod
    def load(cls, folder: Path, evaluation: EvaluateConfig, label: str | None = None) -> "TrainedRun":
        """Read a finished run.

        Args:
            folder: Run folder.
            evaluation: Trusted packages, and the location of the cache if it moved.
            label: Label in place of its own.

        Returns:
            The run.

        Raises:
            GenreError: The run is unfinished, or a file is missing or damaged.
        """
        if not run_folder.is_finished(folder):
            raise GenreError(f"{folder} is unfinished: resume it with run_dir={folder}, or leave it out")
        components = build_components(restore_settings(folder, evaluation), folder / run_folder.TRACKS)
        run = load_run(folder, evaluation.trust, label=label)
        model = load_model(folder / run_folder.BEST, components.trust(run.predictions.genres))
        return cls(run, components, model, pd.read_parquet(folder / run_folder.TRACKS))

    @property
    def seen(self) -> pd.DataFrame:
        """The tracks that it was trained or validated on."""
        return self.tracks[self.tracks["split"] != "test"]

    @property
    def data_key(self) -> str:
        """Equal for runs that need the same features of the same tracks."""
        key = self.components.cache.spec.cache_key | {"min_seconds": self.components.settings.data.min_seconds}
        return json.dumps(key, sort_keys=True)

    def test_on(self, data: PreparedData, genres: SharedGenres, name: str, root: Path) -> tuple[EvaluatedRun, int]:
        """Test the network on other tracks.

        Args:
            data: The tracks, all of them test tracks.
            genres: Their genres. Those of the network are merged into these or left out.
            name: Name of their collection.
            root: Folder of their audio files.

        Returns:
            The run with its predictions for these tracks, and for how many a genre that is left out is more probable.
        """
        settings, own = self.components.settings, self.components.datamodule
        datamodule = GenreDataModule(
            lambda: data, nn.Identity(), own.batch_size, None, 0, own.seed, half_clips=own.half_clips
        )
        device = self.components.device
        table = predict_splits(self.model, datamodule, device, ["test"])
        logits = self._adjusted(torch.from_numpy(np.stack(table["logits"].to_list())))
        groups = genres.groups(self.model.genres)
        merged, target = merge_genres(logits, groups), torch.from_numpy(table["target"].to_numpy(copy=True))
        facts = {"model": settings.model.name, "genres": genres.names}
        counts = {"test/tracks": len(table), "test/genres": len(genres.names)}
        run = EvaluatedRun(
            self.run.folder,
            compute_metrics(merged, target, "test/") | facts | counts,
            Predictions.from_table(table.assign(logits=list(merged.numpy())), data.tracks, genres.names),
            self._validation(genres),
            TrainedModel(MergedGenres(self.model.net, groups), self.model.metadata | {"genres": genres.names}),
            datamodule,
            device,
            settings,
            root,
            name,
        )
        return run, int((~np.isin(logits.argmax(dim=1), list(chain.from_iterable(groups)))).sum())

    def _adjusted(self, logits: Tensor) -> Tensor:
        """Adjust logits by class frequencies as in the run's own test."""
        tau = self.run.scores.get("tau")
        if not tau:
            return logits
        counts = self.tracks.loc[self.tracks["split"] == "train", "genre"].value_counts()[self.model.genres]
        return adjust_logits(logits, torch.tensor((counts / counts.sum()).to_numpy()).float(), tau)

    def _validation(self, genres: SharedGenres) -> Predictions:
        """The stored predictions of the validation tracks of shared genres; runs of earlier versions have none."""
        stored = pd.read_parquet(self.run.folder / run_folder.PREDICTIONS)
        split = "val" if (stored["split"] == "val").any() else "test"
        found = Predictions.from_table(stored, self.tracks, self.model.genres, split)
        names = [genres.find(genre) for genre in found.genres]
        numbers = np.array([genres.names.index(name) if name in genres.names else -1 for name in names])
        kept = (numbers[found.target] >= 0) & (split == "val")
        kept_tracks = found.take(kept)
        logits = merge_genres(torch.from_numpy(kept_tracks.logits), genres.groups(found.genres)).numpy()
        return replace(kept_tracks, logits=logits, target=numbers[kept_tracks.target], genres=genres.names)
