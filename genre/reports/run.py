"""Report of one run."""

from pathlib import Path

import pandas as pd

from genre import run_folder
from genre.evaluation.bootstrap import MIN_CLUSTERS, interval_warnings, per_class_table, score_intervals
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.scores import confusion_table
from genre.reports.figures import confusion_figure, learning_curves
from genre.reports.formatting import INTERVAL, format_interval, format_number
from genre.reports.page import Page
from genre.reports.run_diagnostics import add_calibration, add_embedding_map, add_errors


def write_run_report(run: EvaluatedRun, folder: Path) -> Path:
    """Write the report of a run, its figures and its tables.

    Args:
        run: The run.
        folder: Folder of the report.

    Returns:
        Path of the page.
    """
    test = run.predictions
    page = Page(f"{run.scores['model']}: test", f"{test.describe()}, {len(test.genres)} genres")
    _add_scores(page, run)
    _add_genres(page, run)
    _add_training(page, run)
    add_calibration(page, run)
    add_embedding_map(page, run)
    add_errors(page, run)
    return page.write(folder)


def run_notes(run: EvaluatedRun) -> list[str]:
    """List what to keep in mind about the scores of a run, as sentences."""
    notes = [*run.notes, *interval_warnings(run.predictions)]
    if broken := int((~run.predictions.is_finite).sum()):
        notes.append(f"{broken} test tracks have non-finite logits: they count as errors.")
    if not run_folder.is_finished(run.folder):
        notes.append("The run is unfinished: these are the scores of its best checkpoint so far.")
    return notes


def _add_scores(page: Page, run: EvaluatedRun) -> None:
    page.section("Scores")
    table = score_intervals(run.predictions)
    shown = table.assign(**{name: table[name].map(format_number) for name in ("value", "low", "high")})
    page.table(table, "scores", INTERVAL, shown=shown)
    for note in run_notes(run):
        page.text(note, "note")


def _add_genres(page: Page, run: EvaluatedRun) -> None:
    page.section("Genres")
    table = per_class_table(run.predictions)
    shown = table[["genre"]].copy()
    for name, label in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        columns = table[[name, f"{name}_low", f"{name}_high"]].itertuples(index=False)
        shown[label] = [format_interval(".2f", *row) for row in columns]
    page.table(
        table,
        "per_genre",
        f"{INTERVAL} They are left out for fewer than {MIN_CLUSTERS} {run.predictions.cluster_name}s.",
        shown=shown.assign(**{"test tracks": table["support"], "artists": table["clusters"]}),
    )
    if absent := table.loc[table["support"] == 0, "genre"].tolist():
        page.text(f"No test tracks: {', '.join(absent)}.", "note")
    counts = confusion_table(run.predictions)
    page.figure(
        confusion_figure(counts),
        "confusion",
        "Confusion matrix of the test tracks.",
        "Numbers: test tracks. Color: share of the true genre.",
    )
    page.file("tables/confusion.csv", counts.to_csv())


def _add_training(page: Page, run: EvaluatedRun) -> None:
    epochs = pd.read_csv(run.folder / run_folder.METRICS)
    if "learning_rate" not in epochs:
        return  # fitted in closed form
    page.section("Training")
    metric, mode = run.monitor
    if epochs[metric].isna().all():
        page.text(f"Skipped: {metric} is not finite in any epoch, training diverged.", "note")
        return
    best = int(epochs.loc[epochs[metric].idxmin() if mode == "min" else epochs[metric].idxmax(), "epoch"])
    page.figure(
        learning_curves(epochs, best),
        "curves",
        "Loss, accuracy and F1 macro of training and validation, and the learning rate, by epoch.",
        f"Vertical line: the best epoch by {metric}, whose weights were tested.",
    )
