"""The report of a search shows what its trials say, few or many."""

from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from optuna.distributions import LogUniformDistribution, UniformDistribution
from optuna.trial import create_trial

from genre.reports.search import (
    SearchResult,
    format_value,
    history_figure,
    print_summary,
    print_trial,
    slices_figure,
    write_search_report,
)
from genre.search.results import load_result
from genre.search.storage import CONFIG
from tests.search.conftest import MADE_SPACE, made_search


def test_a_report_has_all_its_sections(tmp_path: Path) -> None:
    page = write_search_report(made_search(tmp_path, "ccpcfccpccrcw" + "c" * 10)).read_text()
    for title in ("Best", "History", "Parameters", "Trials"):
        assert f">{title}</h2>" in page
    assert f"python train.py model=cnn1d_gru best={tmp_path}" in page
    assert {path.stem for path in (tmp_path / "report/figures").glob("*.png")} == {"history", "importance", "slices"}
    table = pd.read_csv(tmp_path / "report/tables/trials.csv")
    assert len(table) == 23
    assert set(MADE_SPACE) < set(table.columns)
    by_state = pd.read_csv(tmp_path / "report/tables/time.csv").set_index("state")
    assert by_state.loc["pruned"].tolist() == [2, 12, 60.0]


@pytest.mark.parametrize("states", ["", "r", "w", "f", "p", "c", "cc", "rfp", "cccc"])
def test_a_search_that_has_just_started_has_a_report(tmp_path: Path, states: str) -> None:
    page = write_search_report(made_search(tmp_path, states)).read_text()
    assert ("No trial is complete yet." in page) == ("c" not in states)
    assert ("complete trials are too few" in page) == (states.count("c") < 4)


def test_importance_names_the_parameter_that_matters(tmp_path: Path) -> None:
    page = write_search_report(made_search(tmp_path, "c" * 30)).read_text()
    name, _, share = page.partition("Importance of the parameters: ")[2].partition(",")[0].rpartition(" ")
    assert name == "model.learning_rate"
    assert float(share) > 0.9


def test_the_history_shows_the_best_so_far_and_marks_what_did_not_complete(tmp_path: Path) -> None:
    result = made_search(tmp_path, "ccpcfc")
    (axes,) = history_figure(result).axes
    (line,) = axes.lines
    assert line.get_xdata().tolist() == [0, 1, 3, 5]
    assert line.get_ydata().tolist() == result.complete["value"].cummin().tolist()
    marks = {str(points.get_label()): points.get_offsets()[:, 0].tolist() for points in axes.collections}
    assert marks == {"complete": [0, 1, 3, 5], "pruned": [2], "failed": [4]}


def intervals(home: Path, count: int) -> SearchResult:
    """A study of numbers from intervals, one of them over decades."""
    study = optuna.create_study(study_name="s")
    random = np.random.default_rng(0)
    space = {"model.learning_rate": LogUniformDistribution(1e-5, 1e-1), "model.net.dropout": UniformDistribution(0, 1)}
    study.set_user_attr(CONFIG, {"monitor.metric": "val/loss", "model.name": "cnn1d_gru"})
    for _ in range(count):
        params = {"model.learning_rate": 10 ** random.uniform(-5, -1), "model.net.dropout": random.random()}
        study.add_trial(create_trial(params=params, distributions=space, value=random.random()))
    return load_result(study, home)


def test_numbers_from_intervals_are_drawn_to_scale(tmp_path: Path) -> None:
    result = intervals(tmp_path, 24)
    figure = slices_figure(result)
    rate, dropout = figure.axes
    assert (rate.get_xscale(), dropout.get_xscale()) == ("log", "linear")
    for axes, name in zip((rate, dropout), result.params, strict=True):
        np.testing.assert_array_equal(axes.collections[0].get_offsets()[:, 0], result.trials[name])
    FigureCanvasAgg(figure).draw()
    labels = [label.get_text().replace("\N{MINUS SIGN}", "-") for label in rate.get_xticklabels()]
    assert list(map(float, labels)) == pytest.approx(rate.get_xticks())
    page = write_search_report(result).read_text()
    assert str(result.trials["model.learning_rate"][0]) not in page
    assert str(result.trials["model.learning_rate"][0]) in (tmp_path / "report/tables/trials.csv").read_text()


def test_choices_are_drawn_side_by_side_in_order(tmp_path: Path) -> None:
    result = made_search(tmp_path, "c" * 12)
    axes = slices_figure(result).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["16", "32", "64"]
    positions = result.trials["data.batch_size"].map({16: 0, 32: 1, 64: 2})
    np.testing.assert_array_equal(axes.collections[0].get_offsets()[:, 0], positions)


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.324930835134174e-05, "3.325e-5"), (0.0001, "1e-4"), (0.30000001, "0.3"), (16, "16"), (np.nan, "–"), ("a", "a")],
)
def test_values_have_four_digits(value: object, text: str) -> None:
    assert format_value(value) == text


def test_the_line_of_a_trial_and_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = made_search(tmp_path, "fc")
    print_trial(result, 0, 600)
    printed = capsys.readouterr().out
    assert printed.startswith("trial 0: failed (no) after 6 epochs, 30 s, batch_size=")
    assert printed.rstrip().endswith(" by trial 1; about 10 min left")
    print_summary([result])
    printed = capsys.readouterr().out
    assert f"train the best: python train.py model=cnn1d_gru best={tmp_path}\n" in printed
    assert "1 complete, 1 failed" in printed
