"""The report of a comparison."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, recall_score

from genre import run_folder
from genre.evaluation.comparison import compare
from genre.evaluation.runs import find_runs
from genre.reports import comparison
from genre.reports.comparison import write_comparison_report
from genre.reports.formatting import INTERVAL
from tests.evaluation.conftest import (
    BAD,
    GOOD,
    add_validation,
    write_folds,
    write_leakage_levels,
    write_run,
    write_seeds,
)


def test_what_was_compared_is_above_the_contents(tmp_path: Path) -> None:
    folders = write_folds(tmp_path)
    for day, folder in enumerate(folders, 1):
        session = {"date": f"2026-03-{day:02}T10:00:00+00:00", "version": "1.2", "git_commit": "abc"}
        (folder / run_folder.RECORD).write_text(json.dumps({"split": "artist", "sessions": [session]}))
    page = write_comparison_report(compare(folders), tmp_path / "report").read_text()
    assert "<dt>trained on</dt><dd>folder, 20 tracks</dd>" in page
    assert "<dt>split</dt><dd>artist, 5 folds, seed 42</dd>" in page
    assert "<dt>date</dt><dd>2026-03-01 to 2026-03-06</dd>" in page
    assert "<dt>version</dt><dd>1.2, commit abc</dd>" in page


def test_a_report_holds_tables_and_figures_in_all_formats(tmp_path: Path) -> None:
    report = tmp_path / "report"
    page = write_comparison_report(compare(write_seeds(tmp_path)), report).read_text()
    assert {path.name for path in (report / "figures").iterdir()} == {
        f"{name}.{suffix}" for name in ("scores", "curves") for suffix in ("png", "svg")
    }
    names = {"scores.csv", "scores.md", "scores.tex", "pairs.csv", "cost.csv", "disagreements.csv", "runs.csv"}
    assert {path.name for path in (report / "tables").iterdir()} == {*names, "genres.csv"}
    assert "| cnn1d_gru |      2 | 89.2 ± 1.2 [" in (report / "tables/scores.md").read_text()
    assert r"cnn1d\_gru & 2 & 89.2 ± 1.2 [" in (report / "tables/scores.tex").read_text()
    assert page.count("data:image/svg+xml,") == 2
    assert "12,345" in page
    for score in ("accuracy", "F1 macro", "F1 weighted", "balanced accuracy"):
        assert f">{score}&nbsp;%</th>" in page
    assert "top-3" not in page  # there are three genres
    assert "With only 10 artists in the test set, the intervals may be too narrow." in page
    assert f"<figcaption>Test tracks. Mean over seeds ± their standard deviation. {INTERVAL}</figcaption>" in page
    assert "trained weights" not in page


def test_models_are_ordered_by_accuracy_and_leakage_levels_are_not(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, right, (f"label={name}",)) for name, right in (("bad", BAD), ("good", GOOD))]
    write_comparison_report(compare(folders), tmp_path / "report")
    assert pd.read_csv(tmp_path / "report/tables/scores.csv")["label"].tolist() == ["good", "bad"]
    write_leakage_levels(tmp_path / "leakage")
    write_comparison_report(compare(list(find_runs(str(tmp_path / "leakage")))), tmp_path / "report")
    assert (
        pd.read_csv(tmp_path / "report/tables/scores.csv")["label"].tolist()[-1] == "leak_albums"
    )  # the most accurate


def test_there_is_a_row_per_run_with_a_link(tmp_path: Path) -> None:
    folders = write_folds(tmp_path / "my runs")
    (folders[0] / "report").mkdir()
    (folders[0] / "report/index.html").touch()
    page = write_comparison_report(compare(folders), tmp_path / "report").read_text()
    table = pd.read_csv(tmp_path / "report/tables/runs.csv")
    assert table["model"].tolist() == ["cnn1d_gru"] * 3 + ["logreg"] * 3
    assert table["fold"].tolist() == [0, 1, 2] * 2
    expected = [np.mean(right[20 * fold :][:20]) for right in (GOOD, BAD) for fold in range(3)]
    assert table["accuracy"].tolist() == pytest.approx(expected)
    assert table["folder"][0] == "../my runs/cnn1d_gru-0"
    assert '<a href="../my%20runs/cnn1d_gru-0/report/index.html">cnn1d_gru</a>' in page
    assert '<a href="../my%20runs/cnn1d_gru-1">cnn1d_gru</a>' in page


def test_scores_are_drawn_over_the_number_of_training_tracks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    draw = comparison.scores_by_size
    monkeypatch.setattr(comparison, "scores_by_size", lambda panels: drawn.append(panels) or draw(panels))
    folders = []
    for model, fraction, right in (("a", 1.0, GOOD), ("a", 0.5, BAD), ("b", 1.0, BAD)):
        label = f"label={model}_{fraction}"
        folders.append(write_run(tmp_path / label, right, (label, f"data.train_fraction={fraction}"), artists=60))
        ids = [f"t{number}" for number in range(round(40 * fraction))]
        tracks = pd.concat(
            [pd.read_parquet(folders[-1] / run_folder.TRACKS), pd.DataFrame({"track_id": ids, "split": "train"})]
        )
        tracks.to_parquet(folders[-1] / run_folder.TRACKS)
    page = write_comparison_report(compare(folders), tmp_path / "report").read_text()
    assert "Training tracks" in page
    (panels,) = drawn
    assert list(panels) == ["accuracy %", "F1 macro %"]
    size, value, low, high = panels["accuracy %"]["a"]
    assert size.tolist() == [20, 40]
    assert value.tolist() == pytest.approx([50, 90])
    assert (low < value).all()
    assert (value < high).all()
    assert panels["accuracy %"]["b"][0].tolist() == [40]
    table = pd.read_csv(tmp_path / "report/tables/sizes.csv")
    assert table[["model", "fraction", "training tracks"]].to_numpy().tolist() == [
        ["a", 0.5, 20.0],
        ["a", 1.0, 40.0],
        ["b", 1.0, 40.0],
    ]
    same = write_comparison_report(compare(folders[::2]), tmp_path / "same").read_text()
    assert "Training tracks" not in same


def test_each_genre_has_a_score_of_each_model(tmp_path: Path) -> None:
    result = compare(write_seeds(tmp_path))
    page = write_comparison_report(result, tmp_path / "report").read_text()
    table = pd.read_csv(tmp_path / "report/tables/genres.csv")
    for model in result.models:
        rows = table[table["model"] == model.label]
        seeds = list(model.predictions.values())
        for name, score in {"f1": f1_score, "recall": recall_score}.items():
            expected = np.mean([score(each.target, each.prediction, average=None) for each in seeds], axis=0)
            assert rows[name].tolist() == pytest.approx(expected)
        assert f">{100 * rows['f1'].iloc[0]:.1f}</td>" in page
    assert all(f">{genre} (20)</th>" in page for genre in ("Folk", "Pop", "Rock"))
    assert "F1 in percent, mean over seeds. In brackets: the number of test tracks." in page


def test_tracks_on_which_models_disagree_are_listed(tmp_path: Path) -> None:
    right = {"a": np.ones(6, bool), "b": np.arange(6) < 4, "c": np.arange(6) < 5}
    folders = [write_run(tmp_path / name, each, (f"label={name}",), artists=3) for name, each in right.items()]
    page = write_comparison_report(compare(folders), tmp_path / "report").read_text()
    table = pd.read_csv(tmp_path / "report/tables/disagreements.csv", dtype=str)
    assert table.to_numpy().tolist() == [
        ["000004", "Pop", "✓", "✓", "Rock", "Artist 1", "Song 000004"],
        ["000005", "Rock", "✓", "Folk", "Folk", "Artist 2", "Song 000005"],
    ]
    assert "The models disagree on 2 of 6 tracks." in page
    same = write_comparison_report(compare([folders[0], folders[0]][:1]), tmp_path / "one").read_text()
    assert ">Disagreements</h2>" not in same


def test_single_seeds_are_noted(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label={name}",)) for name in "ab"]
    page = write_comparison_report(compare(folders), tmp_path / "report").read_text()
    assert "The verdicts are for these trained weights; other seeds may differ." in page


def test_folds_have_a_section(tmp_path: Path) -> None:
    page = write_comparison_report(compare(write_folds(tmp_path)), tmp_path / "report").read_text()
    assert ">Folds</h2>" in page
    assert pd.read_csv(tmp_path / "report/tables/folds.csv")["accuracy_fold_mean"].tolist() == [0.9, 0.5]


def test_a_single_model_has_no_differences_and_notes_are_shown(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, correct, (f"label={name}",)) for name, correct in (("a", GOOD), ("b", BAD))]
    (folders[1] / run_folder.SCORES).unlink()
    page = write_comparison_report(compare(folders), tmp_path / "report").read_text()
    assert ">Differences</h2>" not in page
    assert f"{folders[1]} is unfinished: resume it with run_dir={folders[1]}." in page


def test_models_without_epochs_are_named_and_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cnn1d_gru", "logreg", "majority"):
        folder = write_run(tmp_path / name, GOOD, (f"model={name}",))
        if name != "cnn1d_gru":
            metrics = pd.DataFrame({"epoch": [0], "val/loss": [1.0], "val/f1_macro": [0.5]})
            metrics.to_csv(folder / run_folder.METRICS, index=False)
    drawn: list[str] = []
    draw = comparison.learning_curves_overlay
    monkeypatch.setattr(comparison, "learning_curves_overlay", lambda curves: drawn.extend(curves) or draw(curves))
    result = compare(list(find_runs(str(tmp_path))))
    page = write_comparison_report(result, tmp_path / "report").read_text()
    assert drawn == ["cnn1d_gru"]
    assert "One line per run. Trained without epochs: logreg, majority." in page
    baselines = compare([tmp_path / "logreg", tmp_path / "majority"])
    assert ">Learning curves</h2>" not in write_comparison_report(baselines, tmp_path / "baselines").read_text()


def test_a_pipe_in_a_label_keeps_the_markdown_table_intact(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label='{name}|x'",)) for name in "ab"]
    write_comparison_report(compare(folders), tmp_path / "report")
    lines = (tmp_path / "report/tables/scores.md").read_text().splitlines()
    assert [line.replace(r"\|", "").count("|") for line in lines] == [6] * 4
    assert lines[2].startswith(r"| a\|x ")


def test_small_dots_are_the_scores_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list = []
    draw = comparison.forest_plot
    monkeypatch.setattr(comparison, "forest_plot", lambda *all_of_it: given.append(all_of_it) or draw(*all_of_it))
    write_comparison_report(compare(write_seeds(tmp_path)), tmp_path / "report")
    labels, panels, runs = given[0]
    assert labels == ["cnn1d_gru", "cnn2d_gru"]
    assert panels["test accuracy %"][0].tolist() == pytest.approx([5350 / 60, 50])
    assert np.array(runs["test accuracy %"]).tolist() == [pytest.approx([90, 5300 / 60]), pytest.approx([50, 50])]


def test_ensembles_are_rows_of_all_tables_and_figures_but_have_no_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list = []
    draw = comparison.forest_plot
    monkeypatch.setattr(comparison, "forest_plot", lambda *all_of_it: given.append(all_of_it) or draw(*all_of_it))
    page = write_comparison_report(compare(write_seeds(tmp_path), ensemble=True), tmp_path / "report").read_text()
    labels = ["cnn1d_gru", "cnn1d_gru ensemble (2 members)", "cnn2d_gru", "cnn2d_gru ensemble (2 members)"]
    labels.append("ensemble of 2 models (4 members)")
    tables = {name: pd.read_csv(tmp_path / f"report/tables/{name}.csv") for name in ("scores", "cost", "pairs")}
    shown = tables["scores"]["label"].tolist()
    assert shown == tables["cost"]["label"].tolist() == given[0][0]
    assert sorted(shown) == sorted(labels)
    assert set(tables["pairs"]["first"]) | set(tables["pairs"]["second"]) == set(labels)
    rows = [line.split("|")[1:3] for line in (tmp_path / "report/tables/scores.md").read_text().splitlines()[2:]]
    assert [(name.strip(), int(runs)) for name, runs in rows] == [
        (label, 4 if "models" in label else 2) for label in shown
    ]
    assert "Trained without epochs" not in page
    assert "Ensembles: all members together." in page
    assert "The verdicts on ensembles are for these trained weights; other seeds may differ." in page


def test_a_page_and_tables_of_validation_tracks_say_so(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    for folder in folders:
        add_validation(folder, GOOD[:30], 60)
    report = tmp_path / "report"
    page = write_comparison_report(compare(folders, split="val"), report).read_text()
    assert "<h1>Comparison on validation tracks</h1>" in page
    assert "2 models, 30 validation tracks by 10 artists, 3 genres" in page
    for caption in ("The 95 % intervals", "First minus second"):
        assert f"<figcaption>Validation tracks. {caption}" in page
    assert "With only 10 artists in the validation set" in page
    assert "test tracks" not in page.replace("validation and test tracks per second", "")
    for name in ("scores.md", "scores.tex"):
        assert "model (validation tracks)" in (report / "tables" / name).read_text()
    for name in ("scores", "pairs"):
        assert set(pd.read_csv(report / f"tables/{name}.csv")["split"]) == {"val"}
    tested = write_comparison_report(compare(folders), tmp_path / "tested").read_text()
    assert "<h1>Comparison on test tracks</h1>" in tested
    assert "alidation tracks" not in tested
