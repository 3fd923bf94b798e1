"""The report of a run, of a tiny network that was trained for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre import run_folder
from genre.evaluation.runs import EvaluatedRun
from genre.reports.run import run_notes, write_run_report
from tests.evaluation.conftest import train_and_evaluate


def break_logits(run: EvaluatedRun, rows: slice) -> EvaluatedRun:
    logits = run.predictions.logits.copy()
    logits[rows] = np.nan
    return replace(run, predictions=replace(run.predictions, logits=logits))


def test_a_report_has_all_its_sections_figures_and_tables(run: EvaluatedRun, tmp_path: Path) -> None:
    page = write_run_report(run, tmp_path).read_text()
    for title in ("Scores", "Genres", "Training", "Calibration", "Embeddings", "Errors"):
        assert f">{title}</h2>" in page
    figures = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert figures >= {"confusion", "curves"}
    assert figures & {"errors", "right"}
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == figures
    scores = pd.read_csv(tmp_path / "tables/scores.csv").set_index("score")["value"]
    assert scores["accuracy"] == pytest.approx(run.scores["test/accuracy"])
    assert scores["F1 macro"] == pytest.approx(run.scores["test/f1_macro"])
    assert scores["log loss"] == pytest.approx(run.scores["test/loss"], abs=1e-6)
    confusion = pd.read_csv(tmp_path / "tables/confusion.csv", index_col="true")
    assert confusion.columns.tolist() == confusion.index.tolist() == ["blues", "jazz", "rock"]
    assert confusion.to_numpy().sum() == 3


def test_non_finite_logits_and_unfinished_runs_are_noted(run: EvaluatedRun, tmp_path: Path) -> None:
    broken = break_logits(run, slice(1))
    (run.folder / run_folder.SCORES).rename(run.folder / "hidden")
    try:
        page = write_run_report(broken, tmp_path).read_text()
        notes = run_notes(broken)
    finally:
        (run.folder / "hidden").rename(run.folder / run_folder.SCORES)
    assert notes == [
        "No intervals: the test set has only 3 tracks.",
        "1 test tracks have non-finite logits: they count as errors.",
        "The run is unfinished: these are the scores of its best checkpoint so far.",
    ]
    assert all(note in page for note in notes)
    assert run_notes(run) == notes[:1]


def test_a_run_without_any_finite_logits_has_a_report(run: EvaluatedRun, tmp_path: Path) -> None:
    page = write_run_report(break_logits(run, slice(None)), tmp_path).read_text()
    assert "3 test tracks have non-finite logits" in page
    assert "100 test tracks (0 found)" in page


def test_a_run_that_diverged_has_no_curves(run: EvaluatedRun, tmp_path: Path) -> None:
    metrics = run.folder / run_folder.METRICS
    content = metrics.read_text()
    pd.read_csv(metrics).assign(**{"val/loss": np.nan}).to_csv(metrics, index=False)
    try:
        page = write_run_report(run, tmp_path).read_text()
    finally:
        metrics.write_text(content)
    assert "Skipped: val/loss is not finite in any epoch, training diverged." in page
    assert not (tmp_path / "figures/curves.png").exists()


def test_a_genre_without_test_tracks_is_named(run: EvaluatedRun, tmp_path: Path) -> None:
    keep = run.predictions.target != 1
    test = replace(
        run.predictions, **{n: getattr(run.predictions, n)[keep] for n in ("track_id", "target", "logits", "artist")}
    )
    tracks = run.datamodule.data.tracks
    gone = (tracks["split"] == "test") & (tracks["genre"] == "jazz")
    data = replace(run.datamodule.data, tracks=tracks[~gone].reset_index(drop=True))
    run.datamodule._data, kept = data, run.datamodule.data
    try:
        page = write_run_report(replace(run, predictions=test), tmp_path).read_text()
    finally:
        run.datamodule._data = kept
    assert "No test tracks: jazz." in page


def test_a_baseline_has_a_report_without_curves_saliency_and_map(music_folder: Path, tmp_path: Path) -> None:
    run = train_and_evaluate(music_folder, tmp_path, "model=majority")
    page = write_run_report(run, tmp_path / "report").read_text()
    assert ">Training</h2>" not in page
    assert "Saliency" not in page
    assert ">Scores</h2>" in page
