"""The result of a search, its report, and what is printed of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from optuna.importance import MeanDecreaseImpurityImportanceEvaluator, get_param_importances

from genre import run_folder
from genre.reports.console import print_table
from genre.reports.figures import bar_chart
from genre.reports.page import Page
from genre.reports.theme import color, marker_style, theme

STATES = ("complete", "pruned", "failed", "interrupted", "running", "waiting")
"""Interrupted trials are those that were retried."""
MIN_TRIALS = 4
"""Fewer complete trials say nothing about importance."""
MAX_CHOICES = 8
"""More distinct numbers than these are drawn to scale."""


@dataclass(frozen=True)
class SearchResult:
    """What a study holds at a moment.

    Attributes:
        folder: Folder of the search.
        study: The study.
        config: Values that its trials share, by dotted keys.
        command: Command that trains the best trial and tests it.
        params: Names of the searched keys.
        trials: One row per trial: `trial, state, value, epochs, seconds, started, reason` and the parameters.
    """

    folder: Path
    study: optuna.Study
    config: dict[str, Any]
    command: str
    params: list[str]
    trials: pd.DataFrame

    @property
    def maximize(self) -> bool:
        """Whether larger scores are better."""
        return bool(self.study.direction.name == "MAXIMIZE")

    @property
    def metric(self) -> str:
        """Name of the score."""
        return str(self.config["monitor.metric"])

    @property
    def complete(self) -> pd.DataFrame:
        """Rows of the complete trials."""
        return self.trials[self.trials["state"] == "complete"]

    @property
    def best(self) -> pd.Series | None:
        """Row of the best complete trial, the earliest of equals; None where none is complete."""
        values = self.complete["value"]
        return None if values.empty else self.trials.loc[values.idxmax() if self.maximize else values.idxmin()]

    @property
    def best_params(self) -> dict[str, Any]:
        """Parameters of the best trial; lists as lists, which Optuna stores as text."""
        params = {} if self.best is None else self.study.trials[self.best["trial"]].params
        return {key: yaml.safe_load(v) if str(v).startswith("[") else v for key, v in params.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Number of trials in each state that occurs."""
        counts = self.trials["state"].value_counts()
        return {state: int(counts[state]) for state in STATES if state in counts}

    def describe(self) -> str:
        """Number of trials in each state, as text."""
        return ", ".join(f"{count} {state}" for state, count in self.counts.items())


def write_search_report(result: SearchResult) -> Path:
    """Write the report of a search into `report/` in its folder; return the page."""
    page = Page(f"{result.study.study_name}: search", f"{len(result.trials)} trials: {result.describe() or 'none'}")
    page.section("Best")
    if (best := result.best) is None:
        page.text("No trial is complete yet.", "note")
    else:
        page.text(
            f"Trial {best['trial']}: {result.metric} {best['value']:.4f} after {best['epochs']} epochs.", "result"
        )
        params = result.best_params
        table = pd.DataFrame({"parameter": params.keys(), "value": map(format_value, params.values())})
        page.table(table, "best", "Parameters of the best trial; best.yaml holds them with all digits.")
        page.text("Train and test it:")
        page.text(result.command, "code")
    page.section("History")
    if len(result.trials):
        caption = "Pruned, failed and interrupted trials are marked at the bottom."
        alt = f"{result.metric} of each trial in order, and the best so far."
        page.figure(history_figure(result), "history", alt, caption)
    page.section("Parameters")
    _add_parameters(page, result)
    page.section("Trials")
    by_state = result.trials.groupby("state", sort=False).agg({"trial": "size", "epochs": "sum", "seconds": "sum"})
    by_state = by_state.rename(columns={"trial": "trials"}).reset_index()
    shown = by_state.assign(seconds=by_state["seconds"].map("{:.0f}".format))
    page.table(by_state, "time", "Epochs and seconds of training. Interrupted trials were retried.", shown=shown)
    page.table(result.trials, "trials", "All trials, with the reason of those that failed.", shown=_shown(result))
    return page.write(result.folder / run_folder.REPORT)


def _add_parameters(page: Page, result: SearchResult) -> None:
    complete = result.complete
    varied = [key for key in result.params if complete[key].nunique() > 1]
    if len(complete) < MIN_TRIALS or not varied or complete["value"].nunique() < 2:
        few = "are too few to compare parameters"
        why = few if len(complete) < MIN_TRIALS else "do not differ in their parameters or values"
        page.text(f"Skipped: the {len(complete)} complete trials {why}.", "note")
        return
    evaluator = MeanDecreaseImpurityImportanceEvaluator(seed=0)
    importance = pd.Series(get_param_importances(result.study, evaluator=evaluator, params=varied))
    alt = "Importance of the parameters: " + ", ".join(f"{key} {share:.2f}" for key, share in importance.items()) + "."
    caption = (
        f"Mean decrease of impurity in a random forest on {len(complete)} complete trials: a hint if they are few."
    )
    page.figure(bar_chart(importance, "importance", decimals=2), "importance", alt, caption)
    alt = f"{result.metric} of the complete trials over each parameter."
    page.figure(slices_figure(result), "slices", alt, "One dot per trial; later trials are darker.")


def _shown(result: SearchResult) -> pd.DataFrame:
    shown = result.trials.drop(columns="started").astype(object)
    for key in result.params:
        shown[key] = result.trials[key].map(format_value)
    shown["value"] = result.trials["value"].map(lambda value: "–" if pd.isna(value) else f"{value:.4f}")
    return shown.assign(seconds=result.trials["seconds"].map("{:.0f}".format))


@theme()
def history_figure(result: SearchResult) -> Figure:
    """Draw the score of each trial in order and the best so far, with marks for trials that did not complete."""
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    axes = figure.subplots()
    number, value = result.complete["trial"], result.complete["value"]
    best = value.cummax() if result.maximize else value.cummin()
    axes.step(number, best, where="post", color=color(0), label="best so far", zorder=1)
    axes.scatter(number, value, color=color(0), label="complete", zorder=2)
    for style, state in enumerate(STATES[1:4], 1):
        some = result.trials.loc[result.trials["state"] == state, "trial"]
        if len(some):
            bottom = axes.get_xaxis_transform()
            axes.scatter(
                some, np.full(len(some), 0.03), transform=bottom, clip_on=False, label=state, **marker_style(style)
            )
    axes.set(xlabel="trial", ylabel=result.metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.margins(y=0.15)
    axes.grid(visible=True, axis="y")
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    return figure


@theme()
def slices_figure(result: SearchResult) -> Figure:
    """Draw the scores of the complete trials over each parameter; later trials are darker."""
    columns = min(4, len(result.params))
    rows = -(-len(result.params) // columns)
    figure = Figure(figsize=(2.3 * columns + 0.4, 2.5 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    complete = result.complete
    for axes, key in zip(grid.flat, result.params, strict=False):
        alpha = 0.25 + 0.75 * complete["trial"].rank(pct=True)
        axes.scatter(_positions(axes, complete[key]), complete["value"], color=color(0), alpha=alpha, s=24)
        axes.set_xlabel(key.removeprefix("model.").removeprefix("net."))
        axes.grid(visible=True, axis="y")
    for axes in grid.flat[len(result.params) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_ylabel(result.metric)
    return figure


def _positions(axes: Axes, values: pd.Series) -> pd.Series:
    """Return where values are drawn: many numbers to scale, others side by side in order."""
    if values.nunique() > MAX_CHOICES and pd.api.types.is_numeric_dtype(values):
        if values.min() > 0 and values.max() > 30 * values.min():
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")  # the default is a formula, which the theme does not typeset
        return values
    choices = sorted(values.dropna().unique().tolist(), key=lambda value: (isinstance(value, str), value))
    axes.set_xticks(range(len(choices)), [format_value(choice) for choice in choices])
    axes.set_xlim(-0.5, len(choices) - 0.5)
    return values.map({choice: position for position, choice in enumerate(choices)})


def format_value(value: object) -> str:
    """Format a parameter with four significant digits at most; a dash where it is not chosen yet."""
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return "–"
    is_plain = value == 0 or abs(value) >= 0.01
    return f"{value:.4g}" if is_plain else np.format_float_scientific(value, precision=3, trim="-", exp_digits=1)


def print_trial(result: SearchResult, number: int, seconds_left: float) -> None:
    """Print how a trial ended, the best one so far and the time left."""
    row = result.trials.loc[number]
    ended = f"{row['value']:.4f}" if row["state"] == "complete" else row["state"]
    ended += f" ({row['reason']})" if row["reason"] else ""
    values = " ".join(f"{key.rpartition('.')[2]}={format_value(row[key])}" for key in result.params)
    best = "" if result.best is None else f"; best {result.best['value']:.4f} by trial {result.best['trial']}"
    left = f"; about {seconds_left / 60:.0f} min left" if seconds_left >= 30 else ""
    print(f"trial {number}: {ended} after {row['epochs']} epochs, {row['seconds']:.0f} s, {values}{best}{left}")


def print_summary(results: list[SearchResult]) -> None:
    """Print each search's best trial and the command that trains it."""
    rows = []
    for result in results:
        best = ("-", "-") if result.best is None else (f"{result.best['value']:.4f}", result.best["trial"])
        minutes = f"{result.trials['seconds'].sum() / 60:.1f}"
        rows.append((result.study.study_name, *best, result.describe(), result.trials["epochs"].sum(), minutes))
    columns = ["search", "best", "trial", "trials", "epochs", "minutes"]
    print_table(pd.DataFrame(rows, columns=columns), "Search")
    for result in results:
        if result.best is not None:
            print(f"train the best: {result.command}")
            print(f"report: {result.folder / run_folder.REPORT / 'index.html'}")
