"""Figures of run and comparison reports."""

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from genre.reports.theme import TEXT_COLOR, color, line_style, marker_style, theme

MAX_LABELED_RATES = 8
"""More learning rates, as those of a schedule per step, have a logarithmic axis instead of labels of their own."""
SIDE_STEP = 1.03
"""Factor between the places of two models with the same number of training tracks, so that their intervals are seen."""
LABEL_LENGTH = 36
"""Longer names of models are wrapped beside their rows."""
THIN: dict[str, Any] = {"color": TEXT_COLOR, "linewidth": 0.8, "alpha": 0.6}


@theme()
def bar_chart(values: pd.Series, label: str, decimals: int = 0) -> Figure:
    """Draw named values as horizontal bars.

    Args:
        values: Values indexed by name, drawn from the top down.
        label: Label of the value axis.
        decimals: Decimals of the numbers beside the bars.
    """
    figure = Figure(figsize=(7, 0.9 + 0.3 * len(values)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(values.index, values, color=color(0))
    axes.bar_label(bars, padding=3, fmt=f"{{:,.{decimals}f}}")
    axes.invert_yaxis()
    axes.margins(x=0.1, y=0.01)
    axes.xaxis.set_major_formatter(f"{{x:,.{decimals}f}}")
    axes.set_xlabel(label)
    return figure


@theme()
def confusion_figure(counts: pd.DataFrame) -> Figure:
    """Draw a confusion matrix: counts and shares of the true genre as text, shares as color, the diagonal framed.

    Args:
        counts: As returned by `scores.confusion_table`.
    """
    size = len(counts)
    figure = Figure(figsize=(2.4 + 0.56 * size, 2.0 + 0.5 * size), layout="constrained")
    axes = figure.subplots()
    shares = counts.div(counts.sum(axis=1).clip(lower=1), axis=0).to_numpy()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts.to_numpy() > 0):
        ink = "white" if shares[row, column] > 0.5 else TEXT_COLOR
        text = f"{counts.iat[row, column]}\n{100 * shares[row, column]:.0f} %"
        axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
    for place in range(size):
        axes.add_patch(Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, edgecolor=TEXT_COLOR, linewidth=1.2))
    axes.set(xlabel="predicted genre", ylabel="true genre")
    axes.set_xticks(range(size), counts.columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), counts.index)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, label="share of the true genre", shrink=0.8)
    bar.outline.set_visible(False)
    assert bar.solids is not None
    bar.solids.set_rasterized(True)
    return figure


@theme()
def learning_curves(epochs: pd.DataFrame, best: int) -> Figure:
    """Draw loss, accuracy, F1 macro and learning rate of a run by epoch.

    Args:
        epochs: Content of metrics.csv.
        best: Index of the tested epoch, which is marked.
    """
    figure = Figure(figsize=(7, 5.2), layout="constrained")
    *panels, rate = figure.subplots(2, 2, sharex=True).flat
    titles = {"loss": "loss", "accuracy": "accuracy", "f1_macro": "F1 macro"}
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        for number, (split, label) in enumerate((("train", "training"), ("val", "validation"))):
            if (column := f"{split}/{name}") in epochs:
                axes.plot(epochs["epoch"] + 1, epochs[column], **line_style(number), **_point(epochs), label=label)
        axes.set_title(title)
        axes.legend()
    rate.step(epochs["epoch"] + 1, epochs["learning_rate"], where="mid", color=color(2))
    rate.set_title("learning rate")
    rates = sorted(set(epochs["learning_rate"]) - {0.0})  # which a logarithmic axis lacks
    if len(rates) <= MAX_LABELED_RATES:
        rate.set_yscale("log")
        rate.set_yticks(rates, [f"{value:.2g}" for value in rates])
        rate.set_yticks([], minor=True)
    else:
        rate.set_ylim(bottom=0)
    for axes in figure.axes:
        axes.axvline(best + 1, **THIN)
        axes.grid(visible=True, axis="y")
    for axes in figure.axes[2:]:
        _epoch_axis(axes)
    return figure


@theme()
def learning_curves_overlay(curves: dict[str, list[pd.DataFrame]]) -> Figure:
    """Draw validation loss and validation F1 macro of several models by epoch.

    Args:
        curves: Content of metrics.csv of each run, by label.
    """
    legend_rows = -(-len(curves) // 2)
    figure = Figure(figsize=(7.5, 4.2 + 0.26 * legend_rows), layout="constrained")
    panels = figure.subplots(1, 2)
    titles = {"val/loss": "validation loss", "val/f1_macro": "validation F1 macro"}
    for axes, (column, title) in zip(panels, titles.items(), strict=True):
        for number, (label, runs) in enumerate(curves.items()):
            for position, epochs in enumerate(runs):
                style = {"alpha": 1 if len(runs) == 1 else 0.55, "label": None if position else label}
                if column in epochs:
                    axes.plot(epochs["epoch"] + 1, epochs[column], **line_style(number), **style, **_point(epochs))
        axes.set_title(title)
        axes.grid(visible=True, axis="y")
        _epoch_axis(axes)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def _point(epochs: pd.DataFrame) -> dict[str, Any]:
    """Style of the only epoch, which as a line would be invisible."""
    return {"marker": "o", "markersize": 4} if len(epochs) == 1 else {}


def _epoch_axis(axes: Axes) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


@theme()
def forest_plot(labels: list[str], panels: dict[str, np.ndarray], runs: dict[str, list[np.ndarray]]) -> Figure:
    """Draw scores with their confidence intervals, one row per model.

    Args:
        labels: Names of the models.
        panels: For each score its value, lower and upper bound, shape (3, models).
        runs: For each score the values of each model's runs, shape (runs,), drawn as small dots below it.
    """
    wrapped = [fill(label, LABEL_LENGTH) for label in labels]
    lines = 1 + max(label.count("\n") for label in wrapped)
    figure = Figure(figsize=(7.5, 1.4 + (0.14 + 0.18 * lines) * len(labels)), layout="constrained")
    rows = np.arange(len(labels))[::-1]
    every = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, (value, low, high)) in zip(every, panels.items(), strict=True):
        axes.hlines(rows, low, high, color=color(0), linewidth=2)
        for row, values in zip(rows, runs.get(title, []), strict=False):
            axes.plot(values, np.full(len(values), row - 0.2), ".", color=color(1), markersize=6)
        axes.plot(value, rows, "o", color=color(0))
        axes.set(title=title, ylim=(-0.6, len(labels) - 0.4))
        axes.grid(visible=True, axis="x")
    every[0].set_yticks(rows, wrapped)
    return figure


@theme()
def scores_by_size(panels: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Draw scores over the number of training tracks, one line per model.

    Args:
        panels: For each score, by model: numbers of tracks, the score, its lower and its upper bound, shape (4, sizes).
    """
    models = next(iter(panels.values()))
    sizes = sorted({round(size) for line in models.values() for size in line[0]})
    figure = Figure(figsize=(7.5, 3.8 + 0.26 * -(-len(models) // 2)), layout="constrained")
    every = figure.subplots(1, len(panels), sharex=True, squeeze=False)[0]
    for axes, (title, lines) in zip(every, panels.items(), strict=True):
        for number, (label, (size, value, low, high)) in enumerate(lines.items()):
            beside = size * SIDE_STEP ** (number - (len(lines) - 1) / 2)
            axes.vlines(beside, low, high, color=color(number), alpha=0.5)
            axes.plot(beside, value, **marker_style(number), label=label)
        axes.set(title=title, xlabel="training tracks", xscale="log")
        axes.xaxis.set_major_locator(FixedLocator(sizes))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(visible=True, axis="y")
    figure.legend(*every[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@theme()
def reliability_diagram(bins: dict[str, pd.DataFrame]) -> Figure:
    """Draw accuracy over confidence, and the number of tracks per bin.

    Args:
        bins: Named tables as returned by `calibration.reliability_table`.
    """
    figure = Figure(figsize=(6.2, 5.2), layout="constrained")
    axes, sizes = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    axes.plot([0, 1], [0, 1], **THIN, label="perfect calibration")
    for number, (name, table) in enumerate(bins.items()):
        axes.plot(table["confidence"], table["accuracy"], **marker_style(number), label=name)
        center = (table["low"] + table["high"]) / 2 + (number - 0.5) * 0.035
        sizes.bar(center, table["tracks"], 0.033, color=color(number))
    axes.set(ylabel="accuracy", xlim=(0, 1), ylim=(-0.02, 1.02))
    axes.legend(loc="upper left")
    axes.grid(visible=True)
    sizes.set(xlabel="confidence", ylabel="tracks")
    return figure
