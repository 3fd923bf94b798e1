"""What is drawn is what was given."""

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg

from genre.reports.figures import (
    embedding_scatter,
    forest_plot,
    learning_curves,
    learning_curves_overlay,
    reliability_diagram,
)


def epochs(count: int) -> pd.DataFrame:
    names = ("train/loss", "val/loss", "train/accuracy", "val/accuracy", "train/f1_macro", "val/f1_macro")
    table = pd.DataFrame({name: np.linspace(0.9, 0.1, count) + place for place, name in enumerate(names)})
    return table.assign(epoch=range(count), learning_rate=[1e-3] * (count - 1) + [5e-4])


def test_curves_show_both_parts_and_the_best_epoch() -> None:
    loss, accuracy, f1, rate = learning_curves(epochs(4), 2).axes
    titles = [axes.get_title() for axes in (loss, accuracy, f1, rate)]
    assert titles == ["loss", "accuracy", "F1 macro", "learning rate"]
    assert loss.lines[0].get_ydata().tolist() == epochs(4)["train/loss"].tolist()
    assert loss.lines[1].get_ydata().tolist() == epochs(4)["val/loss"].tolist()
    assert loss.lines[2].get_xdata() == [3, 3]  # epochs are counted from 1
    assert [label.get_text() for label in rate.get_yticklabels()] == ["0.0005", "0.001"]


def test_runs_of_one_model_share_their_style_and_stand_once_in_the_legend() -> None:
    figure = learning_curves_overlay({"one": [epochs(3), epochs(4)], "other": [epochs(1)]})
    lines = figure.axes[0].lines
    assert len(lines) == 3
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert lines[2].get_marker() == "o"  # a line of one point would not be seen
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "other"]


def test_a_forest_has_a_row_for_each() -> None:
    values = np.array([[0.5, 0.7], [0.4, 0.6], [0.6, 0.8]])
    runs = [np.array([0.45, 0.55]), np.array([0.7])]
    axes = forest_plot(["a", "b"], {"accuracy": values}, {"accuracy": runs}).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert axes.lines[0].get_xdata().tolist() == [0.45, 0.55]
    assert axes.lines[-1].get_xdata().tolist() == [0.5, 0.7]


def test_a_map_names_the_largest_groups_and_counts_the_rest() -> None:
    members = ["big"] * 10 + [f"artist {number:02d}" for number in range(30)]
    points = np.random.default_rng(0).normal(0, 1, (40, 2))
    axes = embedding_scatter(points, [("by artist", members)]).axes[0]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend[0] == "big: 10 (25 %)"
    assert legend[-1] == "15 more: 15 (38 %)"
    assert len(legend) == 17


def test_reliability_draws_both() -> None:
    table = pd.DataFrame({"low": [0.5], "high": [0.6], "tracks": [4], "confidence": [0.55], "accuracy": [0.25]})
    axes, sizes = reliability_diagram(table, table.assign(accuracy=0.5), ("before", "after")).axes
    assert [line.get_ydata().tolist() for line in axes.lines[1:]] == [[0.25], [0.5]]
    assert [bar.get_height() for bar in sizes.patches] == [4, 4]


def test_long_names_are_shortened_in_pictures_and_nothing_is_cut_off() -> None:
    random = np.random.default_rng(0)
    genres = [f"Old-Time / Historic, part {number}" for number in range(16)]
    artists = [f"London Symphony Orchestra, André Previn, Itzhak Perlman [{number}]" for number in range(40)]
    members = [[names[i] for i in random.integers(len(names), size=300)] for names in (genres, artists)]
    points = random.normal(size=(300, 2))
    figure = embedding_scatter(points, [("by genre", members[0]), ("by artist", members[1])])
    FigureCanvasAgg(figure).draw()
    left, right = (axes.get_legend().get_window_extent() for axes in figure.axes)
    assert left.x1 <= right.x0
    assert left.x0 >= 0
    assert right.x1 <= figure.bbox.width
    assert min(axes.get_window_extent().width for axes in figure.axes) > 0.3 * figure.bbox.width
    texts = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert any("[7]" in text or "Perlman [" in text for text in texts)  # the telling end stays
