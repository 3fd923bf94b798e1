"""What evaluate.py leaves in a run folder and on the screen."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genre import run_folder
from genre.evaluation.figures import confusion_figure
from genre.evaluation.per_genre import confusion, per_genre


def write(folder: Path, predictions: pd.DataFrame, genres: list[str]) -> pd.DataFrame:
    """Write the test part's per-genre table and confusion matrix to the report folder.

    Args:
        folder: The run folder.
        predictions: As `predictions.predict` makes them.
        genres: The classes in the order of their numbers.

    Returns:
        The per-genre table.
    """
    tested = predictions[predictions["split"] == "test"]
    report = folder / run_folder.REPORT
    report.mkdir(exist_ok=True)
    table = per_genre(tested, genres)
    counts = confusion(tested, genres)
    table.to_csv(report / "per_genre.csv", index=False)
    counts.to_csv(report / "confusion.csv")
    confusion_figure(counts).savefig(report / "confusion.png", dpi=150)
    return table


def show(table: pd.DataFrame) -> None:
    """Print a per-genre table."""
    shown = Table("genre", "precision", "recall", "F1", "test tracks", title="Test by genre")
    for row in table.itertuples():
        shares = ("-" if pd.isna(share) else f"{share:.3f}" for share in (row.precision, row.recall, row.f1))
        shown.add_row(escape(row.genre), *shares, str(row.support))
    Console().print(shown)
