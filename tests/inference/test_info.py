"""Descriptions of trained models."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from genre import run_folder
from genre.cli import app
from genre.errors import GenreError
from genre.inference.info import describe, training_facts


def test_a_run_and_a_checkpoint_are_described(trained: Path) -> None:
    out = CliRunner().invoke(app, ["info", str(trained)], catch_exceptions=False).stdout
    scores = run_folder.read_scores(trained)
    assert f"accuracy {scores['test/accuracy']:.3f}, F1 macro {scores['test/f1_macro']:.3f}" in out
    described = describe(trained)
    assert described["genres"] == "3: blues, jazz, rock"
    assert described["network"].startswith("CRNN(")
    assert described["parameters"] == f"{scores['parameters']:,}"
    assert described["window"] == "1.5 s"
    assert described["data set"].startswith("folder, 30 tracks, id ")
    assert described["split"] == "stratified, seed 42"
    assert described["tracks"] == "24 training, 3 validation, 3 test"
    assert "model" not in describe(trained / run_folder.BEST)
    with pytest.raises(GenreError, match="nowhere does not exist"):
        describe(Path("nowhere"))


def test_an_unfinished_and_a_finished_run_are_described_together(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    (other / run_folder.SCORES).unlink()
    found = training_facts([trained, other])
    assert found["test scores"].endswith("; none: the run is not finished")
    assert found["seed"] == "42"
    (other / run_folder.SCORES).write_text("{}")
    with pytest.raises(GenreError, match="other is not a run folder: one of its files is missing or damaged"):
        training_facts([other])
