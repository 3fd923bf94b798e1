"""Pictures of a search."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from genre.reports.theme import color, marker_style, theme
from genre.search.outcome import STATES, brief

CHOICES = 8
"""More numbers than these are drawn to scale."""


@theme()
def history_figure(trials: pd.DataFrame, metric: str, maximize: bool) -> Figure:
    """Draw the trials' values in their order, and the best so far; trials that failed stand on the ground.

    Args:
        trials: As in `Outcome.trials`.
        metric: What the values are.
        maximize: Whether more is better.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    axes = figure.subplots()
    complete = trials[trials["state"] == "complete"]
    so_far = complete["value"].cummax() if maximize else complete["value"].cummin()
    axes.step(complete["trial"], so_far, where="post", color=color(0), label="best so far", zorder=1)
    axes.scatter(complete["trial"], complete["value"], color=color(0), label="complete", zorder=2)
    for number, state in enumerate(STATES[1:4], 1):
        some = trials[trials["state"] == state]
        if len(some):
            ground = np.full(len(some), 0.03)
            floor = axes.get_xaxis_transform()
            axes.scatter(some["trial"], ground, transform=floor, clip_on=False, label=state, **marker_style(number))
    axes.set(xlabel="trial", ylabel=metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.15)
    axes.grid(visible=True, axis="y")
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    return figure


@theme()
def slices_figure(trials: pd.DataFrame, space: list[str], metric: str) -> Figure:
    """Draw the values of complete trials over each parameter, the later a trial the stronger its dot."""
    columns = min(4, len(space))
    rows = -(-len(space) // columns)
    figure = Figure(figsize=(2.3 * columns + 0.4, 2.5 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    complete = trials[trials["state"] == "complete"]
    for axes in grid.flat[len(space) :]:
        axes.set_visible(False)
    for axes, name in zip(grid.flat, space, strict=False):
        place = _place(axes, complete[name])
        late = 0.25 + 0.75 * complete["trial"].rank(pct=True)
        axes.scatter(place, complete["value"], color=color(0), alpha=late, s=24)
        axes.set_xlabel(name.removeprefix("model.").removeprefix("net."))
        axes.grid(visible=True, axis="y")
    for axes in grid[:, 0]:
        axes.set_ylabel(metric)
    return figure


@theme()
def parallel_figure(trials: pd.DataFrame, space: list[str], metric: str, maximize: bool) -> Figure:
    """Draw each complete trial as a line through its parameters to its value; the better half stands out."""
    figure = Figure(figsize=(max(8.0, 1.35 * (len(space) + 1)), 4.2), layout="constrained")
    axes = figure.subplots()
    complete = trials[trials["state"] == "complete"]
    value = complete["value"].to_numpy(float)
    low, high = value.min(), value.max()
    worth = (value - low) / (high - low or 1)
    worth = worth if maximize else 1 - worth
    behind = {"facecolor": mpl.rcParams["axes.facecolor"], "edgecolor": "none", "pad": 0.8, "alpha": 0.8}
    heights = []
    for column, name in enumerate(space):
        labels = _ordered(complete[name])
        if _is_to_scale(complete[name]):
            scaled = np.log(complete[name]) if _is_wide(complete[name]) else complete[name]
            heights.append(((scaled - scaled.min()) / (scaled.max() - scaled.min())).to_numpy(float))
            labels = [labels[0], labels[-1]]
        else:
            places = {value: place / max(len(labels) - 1, 1) for place, value in enumerate(labels)}
            heights.append(complete[name].map(places).to_numpy(float))
        for at, label in zip(np.linspace(0, 1, len(labels)), labels, strict=True):
            where = (column - 0.06, at)
            axes.annotate(brief(label), where, ha="right", va="center", fontsize=9, bbox=behind)
    heights.append((value - low) / (high - low or 1))
    for at, text in ((0, low), (1, high)):
        axes.annotate(f"{text:.3g}", (len(space) + 0.06, at), ha="left", va="center", fontsize=9)
    lines = np.stack(heights, axis=1)
    lines[:, :-1] += np.random.default_rng(0).uniform(-0.015, 0.015, lines[:, :-1].shape)
    for line, good in sorted(zip(lines, worth, strict=True), key=lambda pair: pair[1]):
        axes.plot(line, color=color(0 if good >= 0.5 else 6), alpha=0.3 + 0.6 * good, linewidth=0.8 + 1.4 * good)
    short = [name.rpartition(".")[2] if "scheduler" not in name else name.removeprefix("scheduler.") for name in space]
    axes.set_xticks(range(len(space) + 1), [*short, metric], rotation=20, ha="right")
    axes.set_xlim(-0.6, len(space) + 0.4)
    axes.set_yticks([])
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(visible=True, axis="x")
    return figure


@theme()
def time_figure(trials: pd.DataFrame) -> Figure:
    """Draw how long each trial trained, by how it ended."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots()
    for number, state in enumerate(STATES):
        some = trials[trials["state"] == state]
        if len(some):
            axes.bar(some["trial"], some["seconds"] / 60, color=color(number), label=state)
    axes.set(xlabel="trial", ylabel="minutes of training")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    return figure


def _ordered(values: pd.Series) -> list:
    return sorted(values.dropna().unique().tolist(), key=lambda value: (isinstance(value, str), value))


def _is_to_scale(values: pd.Series) -> bool:
    """Whether values are so many numbers that they stand where they are, and not side by side."""
    return values.nunique() > CHOICES and pd.api.types.is_numeric_dtype(values)


def _is_wide(values: pd.Series) -> bool:
    """Whether a logarithmic axis shows them better."""
    return bool(values.min() > 0 and values.max() > 30 * values.min())


def _place(axes: Axes, values: pd.Series) -> np.ndarray:
    """Where values stand: choices side by side, equal ones a little apart; many numbers to scale."""
    if _is_to_scale(values):
        if _is_wide(values):
            axes.set_xscale("log")
            axes.set_xticks([low := values.min(), np.sqrt(low * values.max()), values.max()])
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0e}".replace("e-0", "e-"))
            axes.xaxis.set_minor_locator(NullLocator())
        return values.to_numpy(float)
    names = _ordered(values)
    axes.set_xticks(range(len(names)), [brief(name) for name in names])
    axes.set_xlim(-0.5, len(names) - 0.5)
    spread = np.random.default_rng(0).uniform(-0.12, 0.12, len(values))
    return values.map({value: place for place, value in enumerate(names)}).to_numpy(float) + spread
