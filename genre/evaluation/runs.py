"""Find and read run folders."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from genre import run_folder
from genre.config import stored
from genre.config.schema import TrainConfig
from genre.data.datamodule import GenreDataModule
from genre.errors import GenreError
from genre.evaluation.predictions import Predictions
from genre.files import similar_path
from genre.models.checkpoint import TrainedModel


@dataclass(frozen=True)
class FinishedRun:
    """A finished run, as stored.

    Attributes:
        folder: The run folder.
        label: Name of the model in a comparison; runs of one label differ in seed or fold.
        seed: Random seed of training.
        fold: Fold that is the test set; None for a single split.
        config: The configuration.
        scores: Content of scores.json.
        predictions: Stored predictions for the test set, or for the validation set.
        train_ids: Ids of the training tracks.
        epochs: Content of metrics.csv.
    """

    folder: Path
    label: str
    seed: int
    fold: int | None
    config: DictConfig
    scores: dict[str, Any]
    predictions: Predictions
    train_ids: frozenset[str]
    epochs: pd.DataFrame


@dataclass(frozen=True)
class EvaluatedRun:
    """A run whose best checkpoint was evaluated again.

    Attributes:
        folder: The run folder.
        scores: Test scores, as in scores.json; those of the baselines are the stored ones.
        predictions: Predictions for the test set.
        val_predictions: Predictions for the validation set.
        model: Network of the best checkpoint.
        datamodule: The data with the run's split.
        device: Device that was used.
        settings: The run's configuration.
        audio_root: Folder of the audio files.
        tested_on: Name of the collection, if it is not that of the run.
        notes: Sentences on its tracks.
    """

    folder: Path
    scores: dict[str, Any]
    predictions: Predictions
    val_predictions: Predictions
    model: TrainedModel
    datamodule: GenreDataModule
    device: str
    settings: TrainConfig
    audio_root: Path
    tested_on: str = ""
    notes: Sequence[str] = ()


def find_runs(given: Any) -> dict[Path, str | None]:
    """Find the run folders that `run_dir` names, and their labels.

    Args:
        given: A pattern, which is a run folder, a folder that contains run folders at any depth, or a glob of either; a
            list of patterns, each of which may be `label=pattern`; or patterns by label.

    Returns:
        The label of each run folder, None for the one that it was trained with; in the order of the patterns and,
        within a pattern, in natural order of names.

    Raises:
        GenreError: A pattern matches no run folder, or two labels are given to one folder.
    """
    pairs: list[tuple[str | None, str]]
    if isinstance(given, dict):
        pairs = [(str(label), str(pattern)) for label, pattern in given.items()]
    else:
        pairs = [_split_label(str(text)) for text in (given if isinstance(given, list) else [given])]
    found: dict[Path, tuple[Path, str | None]] = {}
    for label, pattern in pairs:
        for folder in _matching(pattern):
            _, other = found.setdefault(folder.resolve(), (folder, label))
            if other != label:
                raise GenreError(f"{folder} has two labels, {other} and {label}: give it once")
    return dict(found.values())


def _split_label(text: str) -> tuple[str | None, str]:
    label, equals, pattern = text.partition("=")
    is_path = "/" in label or glob.glob(text)  # noqa: PTH207
    return (None, text) if is_path or not equals else (label, pattern)


def _matching(pattern: str) -> list[Path]:
    names = sorted(glob.glob(pattern), key=_natural)  # noqa: PTH207 (pathlib's takes no absolute pattern)
    if folders := [folder for name in names or [pattern] for folder in _run_folders_in(Path(name))]:
        return folders
    if not names and (other := similar_path(Path(pattern))):
        raise GenreError(f"{pattern} does not exist: did you mean {other}?")
    raise GenreError(
        f"{pattern} is not a run folder and contains none: give one made by train.py, with {run_folder.CONFIG} in it"
    )


def _run_folders_in(folder: Path) -> list[Path]:
    if run_folder.is_started(folder):
        return [folder]
    configs = sorted(map(str, folder.glob(f"**/{run_folder.CONFIG}")), key=_natural)
    return [Path(config).parents[1] for config in configs]


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key that puts job 10 after job 9."""
    return [(int(word), "") if word.isdecimal() else (-1, word) for word in name.replace("-", "/").split("/")]


def load_run(folder: Path, trust: Sequence[str] = (), split: str = "test", label: str | None = None) -> FinishedRun:
    """Read a finished run.

    Args:
        folder: The run folder.
        trust: Packages that its configuration may name.
        split: Split whose predictions are read, val or test.
        label: Name of the model in a comparison; None for that of the configuration.

    Returns:
        The run.

    Raises:
        GenreError: A file is missing or damaged, or holds no predictions of that split.
    """
    try:
        config = stored.read(folder, trust)
        scores = run_folder.read_scores(folder)
        tracks = pd.read_parquet(folder / run_folder.TRACKS).reindex(columns=["track_id", "artist", "title", "split"])
        table = pd.read_parquet(folder / run_folder.PREDICTIONS)
        epochs = pd.read_csv(folder / run_folder.METRICS)
        if split == "val" and not (table["split"] == "val").any():
            raise GenreError(
                f"{folder} stores no predictions of validation tracks: train it again with another run_dir, or leave "
                "out split=val"
            )
        predictions = Predictions.from_table(table, tracks, scores["genres"], split)
        train_ids = frozenset(tracks.loc[tracks["split"] == "train", "track_id"])
        facts = (label or config.label, config.seed, config.data.get("fold"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError, OmegaConfBaseException) as error:
        text = next(iter(str(error).splitlines()), type(error).__name__)
        raise GenreError(f"{folder} cannot be read ({text}): train it again") from error
    return FinishedRun(folder, *facts, config, scores, predictions, train_ids, epochs)
