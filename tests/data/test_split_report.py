"""Training and `genre eda` warn of splits that are too small, in one line each."""

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from genre.cli import app
from genre.config.schema import DataConfig
from genre.config.validate import validate
from genre.data.split_report import split_warnings
from genre.evaluation import evaluate
from genre.pipeline import train_and_test
from tests.composing import TINY, compose, evaluation
from tests.conftest import track_table


def collection(genres: dict[str, dict[str, tuple[int, int]]]) -> pd.DataFrame:
    """Genre -> set -> (artists, tracks of each)."""
    rows = [
        (genre, f"{genre} {split} {artist}", split)
        for genre, sets in genres.items()
        for split, (artists, tracks) in sets.items()
        for artist in range(artists)
        for _ in range(tracks)
    ]
    genre, artist, split = zip(*rows, strict=True)
    return track_table({f"{n}": name for n, name in enumerate(genre)}, artist=list(artist), split=list(split))


def settings(*overrides: str) -> DataConfig:
    return validate(compose(["data=folder", "data.root=x", *overrides])).data


ENOUGH = {"train": (4, 5), "val": (3, 1), "test": (3, 1)}
SMALL = {
    "rock": ENOUGH | {"test": (1, 9)},
    "pop": ENOUGH | {"test": (2, 9), "val": (2, 1)},
    "folk": ENOUGH | {"train": (19, 1)},
    "jazz": ENOUGH | {"train": (3, 6), "val": (0, 0)},
}
ADD = "to test all artists, add -m {} to your command"
TEST = "test set: fewer than 3 artists in pop (2), rock (1); their scores depend on one or two artists: "
VALIDATION = (
    "validation set: fewer than 3 artists in pop (2); what is chosen by its scores depends on one or two artists: "
    "add artists"
)
TRAINING = (
    "training set: fewer than 20 tracks of folk (19), jazz (18): add tracks or set 'data.exclude_genres=[folk,jazz]'"
)


def test_large_splits_cause_no_warning() -> None:
    assert split_warnings(collection({"rock": ENOUGH, "pop": ENOUGH}), settings()) == []


@pytest.mark.parametrize(
    ("overrides", "advice"),
    [
        ((), ADD.format("data.fold=0,1,2,3,4")),
        (("data.folds=3",), ADD.format("data.fold=0,1,2")),
        (("data.splits=official",), ADD.format("data.splits=artist data.fold=0,1,2,3,4")),
        (("data.fold=1",), "evaluate all folds together, not one of them"),
        (("data.splits=leak_nothing",), "add artists"),
        (("data.splits=mine.csv",), "add artists"),
        (("data.folds=7",), "add artists"),  # jazz has six
    ],
)
def test_one_warning_per_split_with_advice(overrides: tuple[str, ...], advice: str) -> None:
    assert split_warnings(collection(SMALL), settings(*overrides)) == [TEST + advice, VALIDATION, TRAINING]


def test_genres_are_not_proposed_for_exclusion_where_fewer_than_two_would_be_left() -> None:
    tracks = collection(SMALL)
    assert split_warnings(tracks[tracks["genre"] != "rock"], settings())[-1] == TRAINING.partition(" or set")[0]


def test_unknown_artists_are_not_counted_as_one() -> None:
    tracks = collection(SMALL)
    assert split_warnings(tracks.assign(artist=None), settings()) == [TRAINING]
    rock = (tracks["genre"] == "rock") & (tracks["split"] == "test")
    some = tracks.assign(artist=tracks["artist"].mask(rock))
    assert split_warnings(some, settings())[0].startswith("test set: fewer than 3 artists in pop (2); ")


def test_training_and_eda_warn_and_evaluation_does_not(
    fma_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    fma = ["data=fma", "data.subset=small", *TINY[1:], "data.splits=official", "model=majority"]
    fma += [f"data.root={fma_folder}", f"paths.data={tmp_path}", f"paths.runs={tmp_path}/runs"]
    few = "Blues (1), Jazz (1), Rock (1);"
    expected = [
        f"test set: fewer than 3 artists in {few} their scores depend on one or two artists: to test all artists, add "
        "-m data.splits=artist data.fold=0,1,2,3,4 to your command",
        f"validation set: fewer than 3 artists in {few} what is chosen by its scores depends on one or two artists: "
        "add artists",
        "training set: fewer than 20 tracks of Blues (6), Jazz (6), Rock (6): add tracks",
    ]
    train_and_test(compose([*fma, f"run_dir={run}"]), run, fma)
    said = [line for line in capsys.readouterr().out.splitlines() if "fewer than" in line]
    assert said == expected
    logged = [line.partition(" WARNING ")[2] for line in (run / "train.log").read_text().splitlines()]
    assert [line for line in logged if "fewer than" in line] == expected
    done = CliRunner().invoke(app, ["eda", *fma])
    assert [line for line in done.output.splitlines() if "fewer than" in line] == expected
    evaluate.reevaluate_run(evaluation(accelerator="cpu"), run)
    assert "fewer than" not in capsys.readouterr().out


def test_artists_of_the_test_set_in_training_are_counted() -> None:
    tracks = collection({"rock": {"train": (9, 5), "val": (3, 1), "test": (4, 1)}, "pop": ENOUGH | {"train": (9, 5)}})
    assert split_warnings(tracks, settings("data.splits=official")) == []
    tracks.loc[tracks["artist"].isin(["rock test 0", "pop test 1"]), "artist"] = "rock train 0"
    said = "2 of 7 test tracks are by artists of the training set, so scores are higher than on new artists: "
    assert split_warnings(tracks, settings("data.splits=official")) == [said + "data.splits=artist keeps them apart"]
    assert split_warnings(tracks, settings("data.splits=leak_artists")) == []


def test_a_training_set_that_is_small_on_purpose_is_not_warned_about() -> None:
    tracks = collection({"rock": ENOUGH | {"train": (1, 5)}, "pop": ENOUGH})
    assert len(split_warnings(tracks, settings())) == 1
    assert split_warnings(tracks, settings("data.train_fraction=0.25")) == []
