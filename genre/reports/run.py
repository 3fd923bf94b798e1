"""The report of one run."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genre import run_folder
from genre.evaluation import looks
from genre.evaluation.answers import NAMES, Answers, answers, scores
from genre.evaluation.figures import confusion_by_row_figure, confusion_figure, curves_figure
from genre.evaluation.material import Material
from genre.evaluation.per_genre import confusion, per_genre
from genre.evaluation.statistics import few_artists, interval, resampled_scores
from genre.pages.page import Page

UNFINISHED = "The run is not finished: this is its best checkpoint so far."
SHARES = ("precision", "recall", "f1")
ALIKE = (
    "With 95 % intervals. One without width means that the few artists of a genre are alike here, not that its score "
    "is certain."
)


def write(run: Material, report: Path) -> pd.DataFrame:
    """Write the page of a run, its figures and its tables.

    Args:
        run: What it is made of.
        report: Where to.

    Returns:
        The per-genre table.
    """
    test = answers(run.predictions, run.data.prepared.tracks, run.scores["genres"])
    page = Page(f"{run.scores['model']}: test", f"{test.size}, {len(test.genres)} genres")
    _scores(page, run, test)
    table = per_genre(test)
    _genres(page, test, table)
    _training(page, run)
    looks.calibration(page, run, test)
    looks.network_map(page, run, test)
    looks.errors(page, run, test)
    page.write(report)
    return table


def _scores(page: Page, run: Material, test: Answers) -> None:
    page.section("Scores")
    if not run_folder.is_finished(run.folder):
        page.text(UNFINISHED, "note")
    values, what = score_table(test), "artists" if test.by_artist else "tracks"
    shown = values.assign(**{name: values[name].map(_three) for name in ("value", "low", "high")})
    page.table(values, "scores", f"With 95 % intervals of a bootstrap that resamples {what}.", shown=shown)
    for note in few_artists(test):
        page.text(note, "note")
    if broken := int((~test.usable).sum()):
        page.text(f"{broken} test tracks have logits that are no numbers: they count as wrong.", "note")


def _genres(page: Page, test: Answers, table: pd.DataFrame) -> None:
    page.section("Genres")
    page.table(table, "per_genre", ALIKE, shown=_shown(table))
    if absent := table.loc[table["support"] == 0, "genre"].tolist():
        page.text(f"No test track of {', '.join(absent)}: nothing can be said about them.", "note")
    counts = confusion(test)
    page.figure(lambda: confusion_figure(counts), "confusion", "Confusion matrix in counts of test tracks.")
    page.figure(
        lambda: confusion_by_row_figure(counts), "confusion_by_row", "Confusion matrix in per cent of the true genre."
    )
    page.table(counts.reset_index(), "confusion", "True genres as rows, predicted ones as columns.")


def _training(page: Page, run: Material) -> None:
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
        lambda: curves_figure(epochs, best),
        "curves",
        "Loss, accuracy and F1 macro in training and validation, and the learning rate, by epoch.",
        f"The upright line is the best epoch by {metric}, whose weights were tested.",
    )


def score_table(test: Answers) -> pd.DataFrame:
    """All scores of a run's test part: `score, value, low, high`."""
    points, draws = scores(test.counts.sum(axis=0), len(test.genres)), resampled_scores([test])
    rows = [(NAMES[name], float(points[name]), *interval(draws[name])) for name in points]
    return pd.DataFrame(rows, columns=["score", "value", "low", "high"])


def show(run: Material, table: pd.DataFrame) -> None:
    """Print all scores with their intervals, and the per-genre table."""
    test = answers(run.predictions, run.data.prepared.tracks, run.scores["genres"])
    every = Table("score", "value", "95 % interval", title="Scores")
    for score in score_table(test).itertuples():
        every.add_row(score.score, _three(score.value), f"{_three(score.low)} to {_three(score.high)}")
    Console().print(every)
    unfinished = [] if run_folder.is_finished(run.folder) else [UNFINISHED]
    for note in [*few_artists(test), *unfinished]:
        Console().print(note)
    shown = Table("genre", "precision", "recall", "F1", "test tracks", title="Test by genre")
    for row in table.itertuples():
        shares = ("-" if pd.isna(share) else f"{share:.3f}" for share in (row.precision, row.recall, row.f1))
        shown.add_row(escape(row.genre), *shares, str(row.support))
    Console().print(shown)


def _three(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    def share(row: dict[str, float], name: str) -> str:
        return "–" if pd.isna(row[name]) else f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"

    rows = table.to_dict("records")
    cells = {name: [share(row, name) for row in rows] for name in SHARES}
    shown = pd.DataFrame({"genre": table["genre"], **cells, "test tracks": table["support"]})
    return shown.rename(columns={"f1": "F1"})
