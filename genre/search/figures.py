"""Pictures of a search."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from genre.pages.theme import colour, dot
from genre.search.outcome import STATES

SHOWN = ("complete", "pruned")


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
    axes.step(complete["trial"], so_far, where="post", color=colour(0), label="best so far", zorder=1)
    axes.scatter(complete["trial"], complete["value"], color=colour(0), label="complete", zorder=2)
    for number, state in enumerate(STATES[1:4], 1):
        some = trials[trials["state"] == state]
        if len(some):
            ground = np.full(len(some), 0.03)
            floor = axes.get_xaxis_transform()
            axes.scatter(some["trial"], ground, transform=floor, clip_on=False, label=state, **dot(number))
    axes.set(xlabel="trial", ylabel=metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.15)
    axes.grid(visible=True, axis="y")
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    return figure


def slices_figure(trials: pd.DataFrame, space: list[str], metric: str) -> Figure:
    """Draw the values of complete trials over each parameter, the later a trial the darker its dot."""
    columns = min(4, len(space))
    rows = -(-len(space) // columns)
    figure = Figure(figsize=(2.3 * columns + 0.4, 2.5 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    complete = trials[trials["state"] == "complete"]
    for axes in grid.flat[len(space) :]:
        axes.set_visible(False)
    for axes, name in zip(grid.flat, space, strict=False):
        place = _place(axes, complete[name])
        spread = np.random.default_rng(0).uniform(-0.12, 0.12, len(complete))  # equal choices side by side
        late = 0.25 + 0.75 * complete["trial"].rank(pct=True)
        axes.scatter(place + spread, complete["value"], color=colour(0), alpha=late, s=24)
        axes.set_xlabel(name.removeprefix("model.").removeprefix("net."))
        axes.grid(visible=True, axis="y")
    for axes in grid[:, 0]:
        axes.set_ylabel(metric)
    return figure


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
        names = _ordered(complete[name])
        heights.append(complete[name].map({v: i / max(len(names) - 1, 1) for i, v in enumerate(names)}).to_numpy(float))
        for place, text in enumerate(names):
            where = (column - 0.06, place / max(len(names) - 1, 1))
            axes.annotate(_text(text), where, ha="right", va="center", fontsize=9, bbox=behind)
    heights.append((value - low) / (high - low or 1))
    for at, text in ((0, low), (1, high)):
        axes.annotate(f"{text:.3g}", (len(space) + 0.06, at), ha="left", va="center", fontsize=9)
    lines = np.stack(heights, axis=1)
    lines[:, :-1] += np.random.default_rng(0).uniform(-0.015, 0.015, lines[:, :-1].shape)
    for line, good in sorted(zip(lines, worth, strict=True), key=lambda pair: pair[1]):
        axes.plot(line, color=colour(0 if good >= 0.5 else 6), alpha=0.15 + 0.75 * good, linewidth=0.8 + 1.4 * good)
    short = [name.rpartition(".")[2] if "scheduler" not in name else name.removeprefix("scheduler.") for name in space]
    axes.set_xticks(range(len(space) + 1), [*short, metric], rotation=20, ha="right")
    axes.set_xlim(-0.6, len(space) + 0.4)
    axes.set_yticks([])
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.grid(visible=True, axis="x")
    return figure


def time_figure(trials: pd.DataFrame) -> Figure:
    """Draw how long each trial trained, by how it ended."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots()
    for number, state in enumerate(STATES):
        some = trials[trials["state"] == state]
        if len(some):
            axes.bar(some["trial"], some["seconds"] / 60, color=colour(number), label=state)
    axes.set(xlabel="trial", ylabel="minutes of training")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    return figure


def _ordered(values: pd.Series) -> list:
    return sorted(values.dropna().unique().tolist(), key=lambda value: (isinstance(value, str), value))


def _text(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    plain = value == 0 or abs(value) >= 0.01
    return f"{value:g}" if plain else np.format_float_scientific(value, trim="-", exp_digits=1)


def _place(axes: Axes, values: pd.Series) -> np.ndarray:
    """Where values stand: choices side by side, many numbers to scale."""
    names = _ordered(values)
    if len(names) > 8 and not any(isinstance(name, str) for name in names):
        return values.to_numpy(float)
    axes.set_xticks(range(len(names)), [_text(name) for name in names])
    axes.set_xlim(-0.5, len(names) - 0.5)
    return values.map({value: place for place, value in enumerate(names)}).to_numpy(float)
