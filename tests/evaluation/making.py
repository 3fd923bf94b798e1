"""Results without training: tests of runs, and run folders."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from genre import run_folder
from genre.evaluation.predictions import Predictions
from tests.composing import compose


def made(
    pairs: list[tuple[int, int]],
    genres: list[str],
    artists: list[str] | None = None,
    ids: list[str] | None = None,
) -> Predictions:
    """Tests of tracks, given as (true, predicted); the prediction has two thirds or so of the probability."""
    target, prediction = np.array(pairs).T
    return Predictions(
        np.array(ids or [f"{number:06d}" for number in range(len(pairs))]),
        target,
        2.0 * np.eye(len(genres))[prediction],
        np.array(artists or [f"track {number}" for number in range(len(pairs))]),
        genres,
        artists is not None,
    )


def write_run(
    folder: Path,
    correct: np.ndarray,
    overrides: tuple[str, ...] = (),
    first: int = 0,
    genres: tuple[str, ...] = ("Folk", "Pop", "Rock"),
    artists: int = 10,
) -> Path:
    """A finished run whose n-th test track, of genre n % 3, is answered rightly or by the next genre."""
    count = len(correct)
    target = np.arange(first, first + count) % len(genres)
    prediction = np.where(correct, target, (target + 1) % len(genres))
    ids = [f"{number:06d}" for number in range(first, first + count)]
    table = pd.DataFrame({"track_id": ids, "split": "test", "target": target, "prediction": prediction})
    table["logits"] = list(np.log(0.2 + 0.4 * np.eye(len(genres))[prediction]))
    tracks = pd.DataFrame({"track_id": ids, "artist": [f"Artist {number % artists}" for number in range(count)]})
    tracks["split"] = "test"
    (folder / ".hydra").mkdir(parents=True)
    OmegaConf.save(compose(["data=folder", "data.root=x", *overrides]), folder / run_folder.CONFIG)
    table.to_parquet(folder / run_folder.PREDICTIONS)
    tracks.to_parquet(folder / run_folder.TRACKS)
    epochs = pd.DataFrame({"epoch": range(3), "val/loss": [3.0, 1.0, 2.0], "val/f1_macro": [0.1, 0.4, 0.3]})
    epochs["learning_rate"] = 0.001
    epochs.to_csv(folder / run_folder.METRICS, index=False)
    stored = {"model": "cnn", "genres": list(genres), "parameters": 12345, "epochs": 3, "train_seconds": 60.0}
    (folder / run_folder.SCORES).write_text(json.dumps(stored))
    return folder
