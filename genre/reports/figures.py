"""Bars with names and numbers beside them."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genre.reports.theme import color, line_style, marker_style, truncate_middle


def bar_chart(values: pd.Series, label: str, decimals: int = 0) -> Figure:
    """Draw named values as bars, in their order from the top.

    Args:
        values: By their names.
        label: What they are.
        decimals: Shown of each.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(8, 0.9 + 0.3 * len(values)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(values.index, values, color=color(0))
    axes.bar_label(bars, padding=3, fmt=f"{{:,.{decimals}f}}")
    axes.invert_yaxis()
    axes.margins(x=0.1, y=0.01)
    axes.xaxis.set_major_formatter(f"{{x:,.{decimals}f}}")
    axes.set_xlabel(label)
    return figure


LEGEND_GROUPS = 16
"""FMA's genres; of artists there are more than a legend can hold."""

VECTORS = 1500
"""Points that are drawn as shapes; more are drawn as an image, lest the page becomes megabytes."""
RATES = 8
"""Learning rates that are labelled at most."""


def confusion_figure(counts: pd.DataFrame) -> Figure:
    """Draw a confusion matrix: counts as text, the share of the true genre as colour.

    Args:
        counts: True genres as rows, predicted ones as columns.

    Returns:
        The figure.
    """
    return _confusion(counts, counts, "d", "Test tracks")


def confusion_by_row_figure(counts: pd.DataFrame) -> Figure:
    """Draw a confusion matrix in per cent of each true genre; see `confusion_figure`."""
    return _confusion(counts, 100 * _share(counts), ".0f", "Test tracks, per cent of the true genre")


def _confusion(counts: pd.DataFrame, text: pd.DataFrame, form: str, title: str) -> Figure:
    size = len(counts)
    figure = Figure(figsize=(3 + 0.55 * size, 2.4 + 0.5 * size), layout="constrained")
    axes = figure.subplots()
    bar = {"label": "share of the true genre", "shrink": 0.8}
    share = _share(counts)
    sns.heatmap(
        share, annot=text, fmt=form, cmap="Blues", vmin=0, vmax=1, square=True, ax=axes, cbar_kws=bar, linewidths=0.3
    )
    axes.set(xlabel="predicted genre", ylabel="true genre", title=title)
    axes.set_xticks(axes.get_xticks(), counts.columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(axes.get_yticks(), counts.index, rotation=0)
    return figure


def _share(counts: pd.DataFrame) -> pd.DataFrame:
    return counts.div(counts.sum(axis=1).clip(lower=1), axis=0)


def learning_curves(epochs: pd.DataFrame, best: int) -> Figure:
    """Draw a run's loss, accuracy, F1 macro and learning rate over its epochs.

    Args:
        epochs: The run's metrics.csv.
        best: The epoch whose weights were tested.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9, 5.6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True).flat
    shown = [("loss", "loss"), ("accuracy", "accuracy"), ("f1_macro", "F1 macro")]
    for axes, (name, title) in zip(panels, shown, strict=False):
        for number, part in enumerate(("train", "val")):
            column = f"{part}/{name}"
            if column in epochs:
                axes.plot(epochs["epoch"] + 1, epochs[column], **line_style(number), marker=".", label=part)
        _mark(axes, best, title)
        axes.legend(frameon=False)
    rate = figure.axes[3]
    rate.step(epochs["epoch"] + 1, epochs["learning_rate"], where="mid", color=color(2))
    rate.set_yscale("log")
    rates = sorted(set(epochs["learning_rate"]))[:: -(-epochs["learning_rate"].nunique() // RATES)]
    rate.set_yticks(rates, [f"{value:.2g}" for value in rates])
    rate.set_yticks([], minor=True)
    _mark(rate, best, "learning rate")
    for axes in figure.axes[2:]:
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _mark(axes: Axes, best: int, title: str) -> None:
    axes.axvline(best + 1, color=axes.xaxis.label.get_color(), linewidth=0.8, alpha=0.6)
    axes.set_title(title)
    axes.grid(visible=True, axis="y")


def learning_curves_overlay(curves: dict[str, list[pd.DataFrame]]) -> Figure:
    """Draw the validation loss and F1 macro of several models over each other.

    Args:
        curves: The metrics.csv of each label's runs.

    Returns:
        The figure.
    """
    rows = -(-len(curves) // 3)
    figure = Figure(figsize=(9.5, 4.2 + 0.26 * rows), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, (column, title) in zip(
        panels, [("val/loss", "validation loss"), ("val/f1_macro", "validation F1 macro")], strict=True
    ):
        for number, (label, runs) in enumerate(curves.items()):
            for position, epochs in enumerate(runs):
                style = {"alpha": 1 if len(runs) == 1 else 0.55, "label": None if position else label}
                single = {"marker": "o", "markersize": 4} if len(epochs) == 1 else {}
                if column in epochs:
                    axes.plot(epochs["epoch"] + 1, epochs[column], **line_style(number), **style, **single)
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True, axis="y")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def forest_plot(labels: list[str], panels: dict[str, np.ndarray], runs: dict[str, list[np.ndarray]]) -> Figure:
    """Draw scores with their intervals, one row each.

    Args:
        labels: Names of the rows.
        panels: Of each score its value, low and high, shape (3, rows).
        runs: Of each score the values of the single runs, shape (runs,), row by row; drawn as small dots.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(9, 1.4 + 0.32 * len(labels)), layout="constrained")
    rows = np.arange(len(labels))[::-1]
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, (value, low, high)) in zip(every, panels.items(), strict=True):
        axes.hlines(rows, low, high, color=color(0), linewidth=2)
        for row, values in zip(rows, runs.get(title, []), strict=False):
            axes.plot(values, np.full(len(values), row), ".", color=color(1), markersize=5)
        axes.plot(value, rows, "o", color=color(0))
        axes.set(title=title, ylim=(-0.6, len(labels) - 0.4))
        axes.grid(visible=True, axis="x")
    every[0].set_yticks(rows, labels)
    return figure


def reliability_diagram(before: pd.DataFrame, after: pd.DataFrame, names: tuple[str, str]) -> Figure:
    """Draw accuracy over confidence, and how many tracks are that sure.

    Args:
        before: As `calibration.reliability`, of the model as it is.
        after: The same, of its probabilities at the temperature that validation asks for.
        names: What the two are called.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(6.2, 5.2), layout="constrained")
    axes, sizes = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    axes.plot([0, 1], [0, 1], color=axes.xaxis.label.get_color(), linewidth=0.8, alpha=0.6, label="as sure as right")
    for number, (table, name) in enumerate(zip((before, after), names, strict=True)):
        axes.plot(table["confidence"], table["accuracy"], **marker_style(number), label=name)
        middle = (table["low"] + table["high"]) / 2 + (number - 0.5) * 0.035
        sizes.bar(middle, table["tracks"], 0.033, color=color(number))
    axes.set(ylabel="accuracy", xlim=(0, 1), ylim=(-0.02, 1.02))
    axes.legend(frameon=False, loc="upper left")
    axes.grid(visible=True)
    sizes.set(xlabel="confidence", ylabel="tracks")
    return figure


def embedding_scatter(points: np.ndarray, groups: list[tuple[str, list[str]]]) -> Figure:
    """Draw points of the plane, coloured in several ways side by side.

    Args:
        points: Shape (tracks, 2).
        groups: For each panel its title and each track's group; the legend names the largest groups and counts all.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(5.2 * len(groups), 6.4), layout="constrained")
    panels = figure.subplots(1, len(groups), squeeze=False)[0]
    size = float(np.clip(13000 / len(points), 4, 26))
    style = {"linewidths": 0, "alpha": 0.85, "rasterized": len(points) > VECTORS}
    for axes, (title, members) in zip(panels, groups, strict=True):
        counts = pd.Series(members).value_counts()
        named = counts.index[:LEGEND_GROUPS]
        for number, name in enumerate(named):
            rows = np.array(members) == name
            label = f"{truncate_middle(name)}: {counts[name]} ({100 * counts[name] / len(members):.0f} %)"
            axes.scatter(*points[rows].T, s=size, **style, **marker_style(number), label=label)
        if len(counts) > len(named):
            rows = ~np.isin(members, named)
            label = f"{len(counts) - len(named)} more: {rows.sum()} ({100 * rows.mean():.0f} %)"
            axes.scatter(*points[rows].T, s=size / 2, **style, color=color(6), label=label)
        axes.set(title=title, xticks=[], yticks=[])
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.02)}
        axes.legend(**below, ncols=2, frameon=False, fontsize=7, markerscale=1.5, columnspacing=1.0, handletextpad=0.2)
    return figure
