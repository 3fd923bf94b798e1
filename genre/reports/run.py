"""The report of one run."""

from pathlib import Path

import pandas as pd

from genre import run_folder
from genre.evaluation.bootstrap import (
    interval_warnings,
    per_class_table,
    score_intervals,
)
from genre.evaluation.predictions import Predictions, answers
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.scores import confusion_table
from genre.reports import run_diagnostics
from genre.reports.console import UNFINISHED, _three
from genre.reports.figures import confusion_by_row_figure, confusion_figure, learning_curves
from genre.reports.page import Page

SHARES = ("precision", "recall", "f1")
ALIKE = (
    "With 95 % intervals. One without width means that the few artists of a genre are alike here, not that its score "
    "is certain."
)


def write_run_report(run: EvaluatedRun, report: Path) -> pd.DataFrame:
    """Write the page of a run, its figures and its tables.

    Args:
        run: What it is made of.
        report: Where to.

    Returns:
        The per-genre table.
    """
    test = answers(run.predictions, run.data.data.tracks, run.scores["genres"])
    page = Page(f"{run.scores['model']}: test", f"{test.size}, {len(test.genres)} genres")
    _scores(page, run, test)
    table = per_class_table(test)
    _genres(page, test, table)
    _training(page, run)
    run_diagnostics.add_calibration(page, run, test)
    run_diagnostics.add_embedding_map(page, run, test)
    run_diagnostics.add_errors(page, run, test)
    page.write(report)
    return table


def _scores(page: Page, run: EvaluatedRun, test: Predictions) -> None:
    page.section("Scores")
    if not run_folder.is_finished(run.folder):
        page.text(UNFINISHED, "note")
    values, what = score_intervals(test), "artists" if test.by_artist else "tracks"
    shown = values.assign(**{name: values[name].map(_three) for name in ("value", "low", "high")})
    page.table(values, "scores", f"With 95 % intervals of a bootstrap that resamples {what}.", shown=shown)
    for note in interval_warnings(test):
        page.text(note, "note")
    if broken := int((~test.usable).sum()):
        page.text(f"{broken} test tracks have logits that are no numbers: they count as wrong.", "note")


def _genres(page: Page, test: Predictions, table: pd.DataFrame) -> None:
    page.section("Genres")
    page.table(table, "per_genre", ALIKE, shown=_shown(table))
    if absent := table.loc[table["support"] == 0, "genre"].tolist():
        page.text(f"No test track of {', '.join(absent)}: nothing can be said about them.", "note")
    counts = confusion_table(test)
    page.figure(lambda: confusion_figure(counts), "confusion", "Confusion matrix in counts of test tracks.")
    page.figure(
        lambda: confusion_by_row_figure(counts), "confusion_by_row", "Confusion matrix in per cent of the true genre."
    )
    page.table(counts.reset_index(), "confusion", "True genres as rows, predicted ones as columns.")


def _training(page: Page, run: EvaluatedRun) -> None:
    epochs = pd.read_csv(run.folder / run_folder.METRICS)
    if "learning_rate" not in epochs:
        return  # fitted in one go: there is no curve
    metric, mode = run.monitor
    page.section("Training")
    if epochs[metric].isna().all():
        page.text(f"Left out: {metric} is no number in any epoch, training diverged.", "note")
        return
    best = int(epochs.loc[epochs[metric].idxmin() if mode == "min" else epochs[metric].idxmax(), "epoch"])
    page.figure(
        lambda: learning_curves(epochs, best),
        "curves",
        "Loss, accuracy and F1 macro in training and validation, and the learning rate, by epoch.",
        f"The upright line is the best epoch by {metric}, whose weights were tested.",
    )


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    def share(row: dict[str, float], name: str) -> str:
        return "–" if pd.isna(row[name]) else f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"

    rows = table.to_dict("records")
    cells = {name: [share(row, name) for row in rows] for name in SHARES}
    shown = pd.DataFrame({"genre": table["genre"], **cells, "test tracks": table["support"]})
    return shown.rename(columns={"f1": "F1"})
