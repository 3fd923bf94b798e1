"""The report of a run, of a tiny network that was trained for it."""

import json
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre import run_folder
from genre.evaluation.runs import EvaluatedRun
from genre.provenance import data_id
from genre.reports.run import run_facts, run_notes, write_run_report
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
    assert figures >= {f"track_{number}" for number in (1, 2)}
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == figures
    scores = pd.read_csv(tmp_path / "tables/scores.csv").set_index("score")["value"]
    assert scores["accuracy"] == pytest.approx(run.scores["test/accuracy"])
    assert scores["F1 macro"] == pytest.approx(run.scores["test/f1_macro"])
    assert scores["log loss"] == pytest.approx(run.scores["test/loss"], abs=1e-6)
    confusion = pd.read_csv(tmp_path / "tables/confusion.csv", index_col="true")
    assert confusion.columns.tolist() == confusion.index.tolist() == ["blues", "jazz", "rock"]
    assert confusion.to_numpy().sum() == 3
    few = "Training set: fewer than 20 tracks of blues (8), jazz (8), rock (8): add tracks."
    assert few in page


def test_a_report_says_where_the_run_comes_from(run: EvaluatedRun, tmp_path: Path) -> None:
    facts = run_facts(run)
    tracks = pd.read_parquet(run.folder / run_folder.TRACKS)
    assert facts["data set"] == f"folder, 30 tracks, id {data_id(tracks)}"
    assert facts["split"] == "stratified, seed 3"
    assert facts["tracks"] == "24 training, 3 validation, 3 test"
    losses = pd.read_csv(run.folder / run_folder.METRICS)["val/loss"]
    assert facts["tested epoch"] == f"{losses.argmin() + 1} of 3"
    (session,) = json.loads((run.folder / run_folder.RECORD).read_text())["sessions"]
    assert facts["command"] == session["command"]
    assert facts["command"].startswith("python train.py data=folder")
    assert facts["hardware"] == session["hardware"]
    assert facts["time"].endswith(f", {session['seconds']:.0f} s in all")
    assert facts["peak memory"] == f"{session['peak_memory_mib']:,} MiB"
    page = write_run_report(run, tmp_path).read_text()
    assert all(f"<dt>{name}</dt><dd>{escape(value)}</dd>" in page for name, value in facts.items())
    assert "SYNTHETIC" not in page


def test_a_run_of_an_earlier_version_says_what_it_stores(run: EvaluatedRun) -> None:
    every = run_facts(run)
    record = run.folder / run_folder.RECORD
    record.rename(run.folder / "hidden")
    try:
        facts = run_facts(run)
    finally:
        (run.folder / "hidden").rename(record)
    assert set(every) - set(facts) == {"date", "version", "hardware", "peak memory"}
    assert facts["command"] == every["command"]  # from the stored overrides
    assert facts["time"] == f"{run.scores['train_seconds']:.0f} s of training"


def test_the_last_epoch_is_the_tested_one_where_the_run_says_so(run: EvaluatedRun) -> None:
    monitor = replace(run.settings.monitor, select="last")
    assert run_facts(replace(run, settings=replace(run.settings, monitor=monitor)))["tested epoch"] == "3 of 3"


def test_synthetic_data_are_named_in_large_letters(run: EvaluatedRun, tmp_path: Path) -> None:
    source = {"_target_": "genre.data.sources.synthetic.Synthetic"}
    settings = replace(run.settings, data=replace(run.settings.data, source=source))
    page = write_run_report(replace(run, settings=settings), tmp_path).read_text()
    assert '<p class="banner">SYNTHETIC DATA: these scores say nothing about real music</p>' in page


def test_baselines_stand_beside_the_model(run: EvaluatedRun, tmp_path: Path) -> None:
    write_run_report(run, tmp_path)
    table = pd.read_csv(tmp_path / "tables/scores.csv").set_index("score")
    stored = run_folder.read_scores(run.folder)
    for name in ("logreg", "majority"):
        assert table.loc["accuracy", name] == pytest.approx(stored[f"{name}/test/accuracy"])
        assert table.loc["F1 macro", name] == pytest.approx(stored[f"{name}/test/f1_macro"])
        assert np.isnan(table.loc["log loss", name])


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
        "Training set: fewer than 20 tracks of blues (8), jazz (8), rock (8): add tracks.",
        "1 test track has non-finite logits, which counts as an error.",
        "The run is unfinished: these are the scores of its best checkpoint so far.",
    ]
    assert all(note in page for note in notes)
    assert run_notes(run) == notes[:2]


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
    test = run.predictions.take(run.predictions.target != 1)
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
