"""Figures show what they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from genre.evaluation.scores import confusion_table
from genre.reports.figures import (
    bar_chart,
    confusion_figure,
    forest_plot,
    learning_curves,
    learning_curves_overlay,
    reliability_diagram,
)
from tests.evaluation.conftest import make_predictions

GENRES = ["Folk", "Old-Time / Historic", "Pop", "Rock", "Spoken"]
PAIRS = [(0, 0), (0, 0), (0, 2), (1, 1), (3, 0), (3, 1)]


def epochs(count: int) -> pd.DataFrame:
    names = ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "train/f1_macro", "val/f1_macro")
    table = pd.DataFrame({name: np.linspace(0.9, 0.1, count) + place for place, name in enumerate(names)})
    return table.assign(epoch=range(count), learning_rate=[1e-3] * (count - 1) + [5e-4])


def test_bars_name_and_count_every_genre() -> None:
    names = [f"Genre number {number} of many" for number in range(15)] + ["Old-Time / Historic"]
    axes = bar_chart(pd.Series([2 ** (15 - number) for number in range(15)] + [6], names), "tracks").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    assert [text.get_text() for text in axes.texts][-2:] == ["2", "6"]


def test_a_confusion_matrix_shows_counts_as_text_and_shares_as_color() -> None:
    axes = confusion_figure(confusion_table(make_predictions(PAIRS, GENRES))).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted genre", "true genre")
    assert [label.get_text() for label in axes.get_xticklabels()] == GENRES
    assert [label.get_text() for label in axes.get_yticklabels()] == GENRES
    texts = {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in axes.texts}
    assert texts == {(0, 0): "2\n67 %", (0, 2): "1\n33 %", (1, 1): "1\n100 %", (3, 0): "1\n50 %", (3, 1): "1\n50 %"}
    assert [frame.get_xy() for frame in axes.patches] == [(place - 0.5, place - 0.5) for place in range(5)]
    shares = np.asarray(axes.images[0].get_array())
    assert shares[0].tolist() == [2 / 3, 0, 1 / 3, 0, 0]
    assert shares[3].tolist() == [0.5, 0.5, 0, 0, 0]
    assert not shares[2].any()  # no tracks: no share, and no division by 0
    assert axes.images[0].get_clim() == (0, 1)
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    assert left < right
    assert bottom > top  # the first row is at the top


def test_names_are_not_read_as_formulas() -> None:
    figure = confusion_figure(confusion_table(make_predictions(PAIRS, [r"$\frac$", *GENRES[1:]])))
    FigureCanvasAgg(figure).draw()


def test_curves_show_both_splits_and_the_best_epoch() -> None:
    loss, accuracy, f1, rate = learning_curves(epochs(4), 2).axes
    titles = [axes.get_title() for axes in (loss, accuracy, f1, rate)]
    assert titles == ["loss", "accuracy", "F1 macro", "learning rate"]
    assert loss.lines[0].get_ydata().tolist() == epochs(4)["train/loss"].tolist()
    assert loss.lines[1].get_ydata().tolist() == epochs(4)["val/loss"].tolist()
    assert loss.lines[2].get_xdata() == [3, 3]  # epochs are counted from 1
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training", "validation"]
    assert [label.get_text() for label in rate.get_yticklabels()] == ["0.0005", "0.001"]


def test_a_rate_of_every_step_is_drawn_to_scale() -> None:
    cycle = epochs(20).assign(learning_rate=2e-3 * np.sin(np.linspace(0.1, np.pi, 20)))
    figure = learning_curves(cycle, 19)
    rate = figure.axes[3]
    assert rate.get_yscale() == "linear"  # a cycle ends near 0, which would fill a logarithmic axis
    assert rate.get_ylim()[0] == 0
    FigureCanvasAgg(figure).draw()
    assert [float(label.get_text()) for label in rate.get_yticklabels()] == pytest.approx(rate.get_yticks())


def test_runs_of_one_model_share_a_style_and_a_legend_entry() -> None:
    figure = learning_curves_overlay({"one": [epochs(3), epochs(4)], "other": [epochs(1)]})
    lines = figure.axes[0].lines
    assert len(lines) == 3
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert lines[2].get_marker() == "o"  # a line of one point would be invisible
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "other"]


def test_a_forest_plot_has_a_row_per_model() -> None:
    values = np.array([[0.5, 0.7], [0.4, 0.6], [0.6, 0.8]])
    runs = [np.array([0.45, 0.55]), np.array([0.7])]
    axes = forest_plot(["a", "b"], {"accuracy": values}, {"accuracy": runs}).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.lines[0].get_xdata().tolist() == [0.45, 0.55]
    assert axes.lines[-1].get_xdata().tolist() == [0.5, 0.7]


def test_long_names_are_wrapped_in_taller_rows() -> None:
    names = ["ensemble of 4 models (12 members)", "CNN1D + LSTM, one way, last state ensemble (3 seeds)"]
    figure = forest_plot(names, {"accuracy": np.full((3, 2), 0.5)}, {})
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert shown == [names[0], "CNN1D + LSTM, one way, last state\nensemble (3 seeds)"]
    short = forest_plot(["a", "b"], {"accuracy": np.full((3, 2), 0.5)}, {})
    assert figure.get_figheight() > short.get_figheight() + 0.3


def test_a_reliability_diagram_shows_both_tables() -> None:
    table = pd.DataFrame({"low": [0.5], "high": [0.6], "tracks": [4], "confidence": [0.55], "accuracy": [0.25]})
    axes, sizes = reliability_diagram({"before": table, "after": table.assign(accuracy=0.5)}).axes
    assert [line.get_ydata().tolist() for line in axes.lines[1:]] == [[0.25], [0.5]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["perfect calibration", "before", "after"]
    assert [bar.get_height() for bar in sizes.patches] == [4, 4]
