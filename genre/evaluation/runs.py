"""Run folders, read for a report."""

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
from genre.data.datamodule import GenreDataModule
from genre.errors import GenreError
from genre.evaluation.predictions import Predictions, answers
from genre.models.checkpoint import TrainedModel


@dataclass(frozen=True)
class FinishedRun:
    """A finished run.

    Attributes:
        folder: Where it lies.
        label: Runs of one label differ in seed or fold.
        seed: Of its weights and order.
        fold: Which fold its test part is; None for a single split.
        config: Its whole configuration.
        scores: As in scores.json.
        test: What it said of its test tracks.
        training: Identities of its training tracks.
        epochs: Its metrics.csv.
    """

    folder: Path
    label: str
    seed: int
    fold: int | None
    config: DictConfig
    scores: dict[str, Any]
    test: Predictions
    training: frozenset[str]
    epochs: pd.DataFrame


def find_run_folders(patterns: list[str]) -> list[Path]:
    """Find run folders.

    Args:
        patterns: Run folders, folders that hold run folders at any depth, and globs of either.

    Returns:
        The run folders, each once however its path is written, in the order of their names where one pattern finds
        several.

    Raises:
        GenreError: A pattern finds none.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        names = sorted(glob.glob(pattern), key=_natural)  # noqa: PTH207 (pathlib's takes no absolute pattern)
        hits = [Path(name) for name in names] or [Path(pattern)]
        these: list[Path] = []
        for hit in hits:
            if run_folder.is_started(hit):
                these.append(hit)
            else:
                configs = sorted(hit.glob(f"**/{run_folder.CONFIG}"), key=lambda path: _natural(str(path)))
                these += [path.parents[1] for path in configs]
        for folder in these:
            found.setdefault(folder.resolve(), folder)
        if not these:
            raise GenreError(
                f"{pattern} is not a run folder, and holds none: give one that train.py made, with "
                f"{run_folder.CONFIG} in it"
            )
    return list(found.values())


def load_run(folder: Path, trust: Sequence[str] = ()) -> FinishedRun:
    """Read a finished run.

    Args:
        folder: The run folder.
        trust: Resolvers that its configuration may use.

    Returns:
        Its results.

    Raises:
        GenreError: A file of it is missing or damaged.
    """
    try:
        config = stored.read(folder, trust)
        scores = run_folder.read_scores(folder)
        tracks = pd.read_parquet(folder / run_folder.TRACKS, columns=["track_id", "artist", "split"])
        predictions = pd.read_parquet(folder / run_folder.PREDICTIONS)
        epochs = pd.read_csv(folder / run_folder.METRICS)
        test = answers(predictions, tracks, scores["genres"])
        training = frozenset(tracks.loc[tracks["split"] == "train", "track_id"])
        label, seed, fold = config.label, config.seed, config.data.get("fold")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError, OmegaConfBaseException) as error:
        text = next(iter(str(error).splitlines()), type(error).__name__)
        raise GenreError(f"{folder} cannot be read ({text}): train it again") from error
    return FinishedRun(folder, label, seed, fold, config, scores, test, training, epochs)


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort job 10 behind job 9."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.replace("-", "/").split("/")]


@dataclass(frozen=True)
class EvaluatedRun:
    """A run, tested again.

    Attributes:
        folder: The run folder.
        scores: As in scores.json.
        predictions: As `evaluate.predict_splits` makes them.
        model: Of its best checkpoint.
        data: The collection with the run's split.
        device: Where to compute, as torch calls it.
        monitor: Score that chose the best epoch, and whether it is to be `min` or `max`.
    """

    folder: Path
    scores: dict[str, Any]
    predictions: pd.DataFrame
    model: TrainedModel
    data: GenreDataModule
    device: str
    monitor: tuple[str, str]
