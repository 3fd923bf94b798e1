"""Predictions and run folders made without training, and one run that is trained."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from genre import run_folder
from genre.evaluation.evaluate import reevaluate_run
from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import EvaluatedRun
from genre.pipeline import train_and_test
from tests.composing import TINY, compose, evaluation
from tests.conftest import sound, write_sound

GOOD, BAD = np.arange(60) % 10 != 0, np.arange(60) % 2 == 0
"""Whether each of 60 test tracks is classified correctly."""
OTHER = {"Blues": 200.0, "JAZZ": 700.0, "polka": 1500.0}
"""Genres of music that a run on `music_folder` was not trained on, and their pitches; it knows two of them."""


def make_predictions(pairs: list[tuple[int, int]], genres: list[str], artists: list[str] | None = None) -> Predictions:
    """Predictions of tracks given as (true, predicted); the predicted genre has two thirds or so of the probability."""
    target, prediction = np.array(pairs).T
    return Predictions(
        np.array([f"{number:06d}" for number in range(len(pairs))]),
        target,
        2.0 * np.eye(len(genres))[prediction],
        np.array(artists or [f"track {number}" for number in range(len(pairs))]),
        np.full(len(pairs), None),
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
    """A finished run whose n-th test track, of genre n % 3, is classified correctly or as the next genre."""
    (folder / ".hydra").mkdir(parents=True)
    OmegaConf.save(compose(["data=folder", "data.root=x", *overrides]), folder / run_folder.CONFIG)
    _add_tracks(folder, "test", correct, first, genres, artists)
    epochs = pd.DataFrame({"epoch": range(3), "val/loss": [3.0, 1.0, 2.0], "val/f1_macro": [0.1, 0.4, 0.3]})
    if not {"model=logreg", "model=majority"} & set(overrides):
        epochs["learning_rate"] = 0.001
    epochs.to_csv(folder / run_folder.METRICS, index=False)
    scores = {"model": "cnn", "genres": list(genres), "parameters": 12345, "epochs": 3, "train_seconds": 60.0}
    (folder / run_folder.SCORES).write_text(json.dumps(scores))
    return folder


def _add_tracks(
    folder: Path, split: str, correct: np.ndarray, first: int, genres: tuple[str, ...], artists: int
) -> None:
    count = len(correct)
    target = np.arange(first, first + count) % len(genres)
    prediction = np.where(correct, target, (target + 1) % len(genres))
    ids = [f"{number:06d}" for number in range(first, first + count)]
    table = pd.DataFrame({"track_id": ids, "split": split, "target": target, "prediction": prediction})
    table["logits"] = list(np.log(0.2 + 0.4 * np.eye(len(genres))[prediction]))
    tracks = pd.DataFrame({"track_id": ids, "artist": [f"Artist {number % artists}" for number in range(count)]})
    tracks["genre"], tracks["audio_digest"] = [genres[number] for number in target], ids
    tracks["title"], tracks["split"] = "Song " + tracks["track_id"], split
    for path, new in ((folder / run_folder.PREDICTIONS, table), (folder / run_folder.TRACKS, tracks)):
        (pd.concat([pd.read_parquet(path), new]) if path.exists() else new).to_parquet(path)


def add_validation(folder: Path, correct: np.ndarray, first: int, artists: int = 10) -> None:
    """Add validation tracks to a run, as `write_run` makes its test tracks."""
    _add_tracks(folder, "val", correct, first, ("Folk", "Pop", "Rock"), artists)


def write_seeds(home: Path, artists: int = 10) -> list[Path]:
    """Two models with two seeds each, on the same 60 tracks; the second seeds have one more error, or other errors."""
    every = {"cnn1d_gru": (GOOD, GOOD & (np.arange(60) != 1)), "cnn2d_gru": (BAD, np.roll(BAD, 1))}
    return [
        write_run(home / f"{name}-{seed}", correct, (f"model={name}", f"seed={seed}"), artists=artists)
        for name, both in every.items()
        for seed, correct in enumerate(both, 1)
    ]


def write_folds(home: Path, missing: set[tuple[str, int]] = frozenset()) -> list[Path]:
    """Two models with three folds of 20 tracks each, some of them missing."""
    return [
        write_run(home / f"{name}-{fold}", correct[20 * fold :][:20], (f"model={name}", f"data.fold={fold}"), 20 * fold)
        for name, correct in (("cnn1d_gru", GOOD), ("logreg", BAD))
        for fold in range(3)
        if (name, fold) not in missing
    ]


def write_leakage_levels(home: Path) -> None:
    """Three leakage levels; one training track of ten leaks in all but the first."""
    for name, correct in (("leak_albums", GOOD), ("leak_artists", BAD), ("leak_nothing", BAD)):
        folder = write_run(home / name, correct, (f"label={name}", "against=leak_nothing"), artists=60)
        train = pd.DataFrame({"track_id": [f"t{number}" for number in range(9)] + [name], "split": "train"})
        pd.concat([pd.read_parquet(folder / run_folder.TRACKS), train]).to_parquet(folder / run_folder.TRACKS)


def train_and_evaluate(music: Path, home: Path, *overrides: str) -> EvaluatedRun:
    """A tiny model that is trained in seconds, and evaluated again."""
    every = [*TINY, f"data.root={music}", f"paths.data={home}", "data.split_seed=3", *overrides, f"run_dir={home}/run"]
    train_and_test(compose(every), home / "run", every)
    return reevaluate_run(evaluation(accelerator="cpu"), home / "run")


@pytest.fixture(scope="session")
def run(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> EvaluatedRun:
    """A trained network with three test tracks. Restore what you change in its folder."""
    return train_and_evaluate(music_folder, tmp_path_factory.mktemp("run"), "model=cnn1d_gru", "trainer.max_epochs=3")


@pytest.fixture(scope="session")
def other_music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five clips of three genres each, of which the run knows two."""
    root = tmp_path_factory.mktemp("others") / "elsewhere"
    for number, (genre, pitch) in enumerate(OTHER.items()):
        for clip in range(5):
            write_sound(root / genre / f"{clip}.wav", sound(1000 + 100 * number + clip, pitch=pitch))
    return root
