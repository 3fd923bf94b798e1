"""The page of a search."""

from pathlib import Path

import optuna
import pandas as pd
from filelock import FileLock
from optuna.importance import MeanDecreaseImpurityImportanceEvaluator

from genre import run_folder
from genre.reports.figures import bar_chart
from genre.reports.page import Page
from genre.search import figures
from genre.search.outcome import Outcome, brief
from genre.search.study import LOCK

MIN_TRIALS = 4
"""Fewer complete trials say nothing about importance, and make no lines worth comparing."""


def write(found: Outcome) -> Path:
    """Write the page of a search, its figures and tables.

    Args:
        found: What came out so far.

    Returns:
        The page.
    """
    states = ", ".join(f"{count} {state}" for state, count in found.counts.items())
    page = Page(f"{found.name}: search", f"{len(found.trials)} trials: {states or 'none'}")
    _best(page, found)
    page.section("History")
    if len(found.trials):
        page.figure(
            figures.history_figure(found.trials, found.metric, found.maximize),
            "history",
            f"{found.metric} of each trial in order, and the best so far.",
            "Trials that were pruned, failed or were interrupted stand at the bottom.",
        )
    _parameters(page, found)
    _unfinished(page, found)
    _time(page, found)
    page.section("Trials")
    page.table(found.trials, "trials", "All trials, in the order of their numbers.", shown=_shown(found.trials))
    with FileLock(found.folder / LOCK):  # several processes may end at once
        return page.write(found.folder / run_folder.REPORT)


def _best(page: Page, found: Outcome) -> None:
    page.section("Best")
    best = found.best
    if best is None:
        page.text("No trial is complete yet.", "note")
        return
    page.text(f"Trial {best['trial']}: {found.metric} {best['value']:.4f} after {best['epochs']} epochs.", "result")
    values = pd.DataFrame({"parameter": found.best_values.keys(), "value": map(brief, found.best_values.values())})
    page.table(values, "best", "Of the best trial; best.yaml holds the same, with all digits.")
    page.text("Train it, and test it:")
    page.text(found.command, "code")


def _parameters(page: Page, found: Outcome) -> None:
    complete = found.trials[found.trials["state"] == "complete"]
    varied = [name for name in found.space if complete[name].nunique() > 1]
    page.section("Parameters")
    if len(complete) < MIN_TRIALS or not varied or complete["value"].nunique() < 2:
        page.text(f"Left out: {len(complete)} complete trials say nothing about parameters.", "note")
        return
    evaluator = MeanDecreaseImpurityImportanceEvaluator(seed=0)
    importance = pd.Series(optuna.importance.get_param_importances(found.study, evaluator=evaluator, params=varied))
    page.figure(
        bar_chart(importance, "importance", decimals=2),
        "importance",
        "Importance of the parameters: " + ", ".join(f"{name} {share:.2f}" for name, share in importance.items()) + ".",
        f"Mean decrease of impurity in a random forest on {len(complete)} complete trials: with few trials, a hint.",
    )
    page.figure(
        figures.slices_figure(found.trials, found.space, found.metric),
        "slices",
        f"{found.metric} over each parameter, a dot a trial.",
        "Complete trials; the later a trial, the stronger its dot.",
    )
    page.figure(
        figures.parallel_figure(found.trials, found.space, found.metric, found.maximize),
        "parallel",
        f"Complete trials as lines through their parameters to their {found.metric}.",
        "The better a trial, the stronger its line; the better half of the scale in colour.",
    )


def _unfinished(page: Page, found: Outcome) -> None:
    lost = found.trials[found.trials["state"].isin(["pruned", "failed", "interrupted"])]
    page.section("Pruned and failed")
    if lost.empty:
        page.text("None.")
        return
    trained, saved = found.epochs_saved
    if "pruned" in found.counts:
        page.text(
            f"Trials that were pruned ({found.counts['pruned']}) trained {trained} epochs together, and about "
            f"{saved:.0f} fewer than if they had gone on as long as complete trials did.",
            "result",
        )
    page.table(lost[["trial", "state", "epochs", "reason"]], "lost", "What was interrupted was tried again.")


def _time(page: Page, found: Outcome) -> None:
    page.section("Time")
    if not found.trials["seconds"].sum():
        page.text("No trial has ended yet.", "note")
        return
    by_state = found.trials.groupby("state", sort=False)[["epochs", "seconds"]].sum()
    table = by_state.assign(trials=found.trials["state"].value_counts()).reset_index()[
        ["state", "trials", "epochs", "seconds"]
    ]
    page.figure(figures.time_figure(found.trials), "time", "Minutes of training of each trial, by how it ended.")
    shown = table.assign(seconds=table["seconds"].map("{:.0f}".format))
    page.table(table, "time", "Seconds of training, without what a trial needs besides.", shown=shown)


def _shown(trials: pd.DataFrame) -> pd.DataFrame:
    shown = trials.drop(columns="begun").astype(object)
    for name in trials.columns[trials.columns.get_loc("reason") + 1 :]:
        shown[name] = trials[name].map(brief)
    shown["value"] = trials["value"].map(lambda value: "–" if pd.isna(value) else f"{value:.4f}")
    shown["seconds"] = trials["seconds"].map("{:.0f}".format)
    return shown
