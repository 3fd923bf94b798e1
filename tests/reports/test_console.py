"""Tables printed on the terminal."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from genre.cli import app
from genre.evaluation.comparison import compare
from genre.evaluation.runs import EvaluatedRun
from genre.reports.console import print_audit, print_comparison, print_config, print_run, print_test_scores
from genre.reports.formatting import INTERVAL
from tests.composing import TINY, compose
from tests.evaluation.conftest import GOOD, add_validation, write_seeds


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def test_seeds_of_one_model_are_no_comparison_of_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compare(write_seeds(tmp_path, artists=60)[:2]))
    assert "differ" not in capsys.readouterr().out


def test_the_audit_counts_tracks_of_unknown_artists(music_folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "music"
    shutil.copytree(music_folder, root)
    rows = "".join(f"{genre}/{n}.wav,Band {n},First\n" for genre in ("rock", "jazz") for n in range(8))
    (root / "tracks.csv").write_text("path,artist,album\n" + rows)
    given = [*TINY, f"data.root={root}", f"paths.data={tmp_path}", "data.splits=stratified"]
    done = CliRunner().invoke(app, ["audit", *given])
    assert "artist: unknown for 14 of 30 tracks" in done.output
    assert "album: unknown for 14 of 30 tracks" in done.output


def test_leakage_is_counted_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    leaks = pd.DataFrame(
        {"kind": "artist", "name": [f"Band {n}" for n in range(7)], "parts": ["test, train"] * 7, "tracks": [3] * 7}
    )
    print_audit(leaks, ["album"])
    said = capsys.readouterr().out
    assert "Leakage found." in said
    row = next(line for line in said.splitlines() if "artist" in line)
    assert [cell.strip() for cell in row.split("│")][1:5] == ["artist", "7", "21", "test, train: 7"]
    assert "Band 4" in said
    assert "Band 5" not in said
    assert "unknown" in next(line for line in said.splitlines() if "album" in line)


@pytest.mark.parametrize(
    ("unknown", "said"), [([], "No leakage found."), (["album"], "No leakage found among known artists and albums.")]
)
def test_no_leakage_is_reported(capsys: pytest.CaptureFixture[str], unknown: list[str], said: str) -> None:
    print_audit(pd.DataFrame({"kind": [], "name": [], "parts": [], "tracks": []}), unknown)
    assert said in capsys.readouterr().out


def test_scores_of_a_run_are_printed(run: EvaluatedRun, capsys: pytest.CaptureFixture[str]) -> None:
    print_test_scores(run.scores, run.folder)
    print_run(run)
    said = capsys.readouterr().out
    assert f"{run.scores['test/accuracy']:.4f}" in said
    assert f"run folder: {run.folder}" in said
    assert "balanced accuracy" in said
    assert "Test by genre" in said
    assert "No intervals: the test set has only 3 tracks." in said


def test_a_comparison_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worst_first = list(reversed(write_seeds(tmp_path, artists=60)))
    print_comparison(compare(worst_first))
    said = capsys.readouterr().out
    assert 0 < said.index("cnn1d_gru") < said.index("cnn2d_gru")
    assert INTERVAL in said
    assert "89.2 ± 1.2" in said
    assert "1 of 1 differ significantly (cnn1d_gru above cnn2d_gru)" in said


def test_a_comparison_on_validation_tracks_is_called_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = write_seeds(tmp_path)
    for folder in folders:
        add_validation(folder, GOOD, 60)
    print_comparison(compare(folders, split="val", ensemble=True))
    said = capsys.readouterr().out
    assert "Comparison on validation tracks" in said
    assert "model (validation tracks)" in said
    assert "cnn1d_gru ensemble" not in said  # the seeds do not differ
    assert "ensemble of 2 models (2 members)" in said
    assert "With only 10 artists in the validation set" in said


def test_a_configuration_is_printed_as_a_tree_with_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    print_config(compose(["run_dir=here", "logger=tensorboard", "trainer.max_epochs=7", "label='a [b]'"]))
    lines = [line.strip("│├└─ ") for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "configuration"
    assert {
        'label: "a [b]"',
        'run_dir: "here"',
        "pool_sizes: [2, 2]",
        "deterministic: true",
        "fold: null",
        "exclude_genres: []",
        "tensorboard",
    } <= set(lines)
    assert lines.index("trainer") < lines.index("max_epochs: 7")
