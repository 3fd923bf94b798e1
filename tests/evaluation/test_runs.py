"""Run folders are found once, in order; a damaged one gives a one-line error."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation.runs import find_runs, load_run
from tests.evaluation.conftest import GOOD, write_run, write_seeds


@pytest.mark.parametrize("pattern", ["{home}", "{home}/*", "{home}/cnn?d_gru-[12]"])
def test_runs_are_found_by_folder_and_by_glob(tmp_path: Path, pattern: str) -> None:
    folders = write_seeds(tmp_path)
    assert list(find_runs(pattern.format(home=tmp_path))) == folders
    assert next(iter(find_runs([str(folders[1]), pattern.format(home=tmp_path)]))) == folders[1]


def test_a_run_is_found_once_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label={name}",)) for name in "ab"]
    (tmp_path / "link").symlink_to(folders[1])
    monkeypatch.chdir(tmp_path)
    assert list(find_runs(["a", str(folders[0]), "b/../a", "link", "*"])) == [Path("a"), Path("link")]


def test_job_9_comes_before_job_10(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        write_run(tmp_path / str(number), GOOD)
    assert [folder.name for folder in find_runs(str(tmp_path))] == ["1", "9", "10"]


def test_a_pattern_without_runs_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"is not a run folder and contains none: give one made by train\.py, with "):
        find_runs(str(tmp_path / "nowhere"))
    write_run(tmp_path / "mine", GOOD)
    with pytest.raises(GenreError, match=r"mien does not exist: did you mean .*/mine\?$"):
        find_runs(str(tmp_path / "mien"))


def test_runs_may_be_given_with_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("A", "B/1", "B/2", "x=1"):
        write_run(tmp_path / name, GOOD)
    monkeypatch.chdir(tmp_path)
    labeled = {Path("A"): "plain", Path("B/1"): "ema", Path("B/2"): "ema"}
    assert find_runs({"plain": "A", "ema": "B"}) == labeled
    assert find_runs(["plain=A", "ema=B/*"]) == labeled
    assert find_runs(["plain=A", "B", "x=1"]) == {
        **dict.fromkeys(map(Path, ("B/1", "B/2", "x=1"))),
        **{Path("A"): "plain"},
    }
    assert find_runs("B") == dict.fromkeys(map(Path, ("B/1", "B/2")))
    with pytest.raises(GenreError, match="A has two labels, plain and ema: give it once"):
        find_runs(["plain=A", "ema=./A"])


def test_a_given_label_replaces_that_of_the_run(tmp_path: Path) -> None:
    assert load_run(write_run(tmp_path, GOOD), label="plain").label == "plain"


def test_training_tracks_and_test_predictions_are_read(tmp_path: Path) -> None:
    folder = write_run(tmp_path, GOOD)
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    train = pd.DataFrame({"track_id": ["x", "y"], "artist": "Z", "split": "train"})
    pd.concat([tracks, train]).to_parquet(folder / run_folder.TRACKS)
    run = load_run(folder)
    assert run.train_ids == {"x", "y"}
    assert run.predictions.correct.tolist() == GOOD.tolist()
    assert (run.label, run.seed, run.fold) == ("cnn2d_gru", 42, None)


def _error(folder: Path) -> str:
    with pytest.raises(GenreError) as caught:
        load_run(folder)
    return str(caught.value)


def _change(folder: Path, **columns: object) -> None:
    path = folder / run_folder.PREDICTIONS
    pd.read_parquet(path).assign(**columns).to_parquet(path)


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    folder = write_run(tmp_path, GOOD)
    (folder / run_folder.PREDICTIONS).write_bytes(b"garbage")
    assert _error(folder).startswith(f"{folder} cannot be read (")
    assert json.loads((folder / run_folder.SCORES).read_text())


def test_a_track_with_two_predictions_is_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path, GOOD)
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    pd.concat([table, table.iloc[[7]]]).to_parquet(folder / run_folder.PREDICTIONS)
    assert _error(folder) == f"{folder} cannot be read (track 000007 has two predictions): train it again"


@pytest.mark.parametrize(
    ("logits", "what"),
    [
        ([np.zeros(5)] * 60, "5 logits per track for 3 genres"),
        ([np.zeros(3 + (number == 8)) for number in range(60)], "4 logits per track for 3 genres"),
    ],
)
def test_a_wrong_number_of_logits_is_one_line(tmp_path: Path, logits: list[np.ndarray], what: str) -> None:
    folder = write_run(tmp_path, GOOD)
    _change(folder, logits=logits)
    assert _error(folder) == f"{folder} cannot be read ({what}): train it again"


def test_a_run_without_test_tracks_is_one_line(tmp_path: Path) -> None:
    folder = write_run(tmp_path, GOOD)
    _change(folder, split="val")
    assert _error(folder) == f"{folder} cannot be read (no predictions of test tracks): train it again"
