"""What an audit found, on the screen."""

from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from genre import run_folder
from genre.data.audit import LEAK_KINDS
from genre.data.fingerprint import SHIFT_SECONDS
from genre.evaluation.bootstrap import (
    interval_warnings,
    score_intervals,
)
from genre.evaluation.comparison import Comparison
from genre.evaluation.predictions import answers
from genre.evaluation.runs import EvaluatedRun
from genre.reports import comparison_text

MAX_LISTED = 5
UNFINISHED = "The run is not finished: this is its best checkpoint so far."


def print_audit(found: pd.DataFrame, unknown: list[str]) -> None:
    """Print what crosses a split: counts, and the first names of each kind.

    Args:
        found: As `audit.crossings` makes it.
        unknown: Kinds of which the data know nothing.
    """
    table = Table("what", "in several parts", "tracks", "parts", "such as", title="What crosses the split")
    for kind in LEAK_KINDS:
        rows = found[found["kind"] == kind]
        parts = "; ".join(f"{parts}: {count}" for parts, count in rows["parts"].value_counts().items())
        names = [str(name) for name in rows["name"][:MAX_LISTED]] + ["..."] * (len(rows) > MAX_LISTED)
        counts = ("not known", "-") if kind in unknown else (str(len(rows)), str(rows["tracks"].sum()))
        table.add_row(kind, *counts, parts or "-", escape("\n".join(names)) or "-")
    console = Console()
    console.print(table)
    nothing = "Nothing that is known crosses the split." if unknown else "Nothing crosses the split."
    console.print("Something crosses the split." if len(found) else nothing)
    console.print(f"Copies that were encoded again are found up to a shift of {SHIFT_SECONDS:.0f} s.")


def print_test_scores(scores: dict[str, Any], folder: Path) -> None:
    """Print the test scores of a run and where it is.

    Args:
        scores: As in scores.json.
        folder: The run folder.
    """
    table = Table("model", "test tracks", "genres", "accuracy", "F1 macro", "F1 weighted", title="Test")
    table.add_row(
        scores["model"],
        str(scores["test/tracks"]),
        f"{scores['test/genres']} of {len(scores['genres'])}",
        *(f"{scores[f'test/{name}']:.4f}" for name in ("accuracy", "f1_macro", "f1_weighted")),
    )
    console = Console()
    console.print(table)
    console.print(f"run folder: {folder}", soft_wrap=True)


def print_comparison(result: Comparison) -> None:
    """Print the final table and the conclusion."""
    console = Console()
    final = comparison_text.format_scores(result.table)
    for name in final.columns[3:]:
        final[name] = final[name].str.partition(" [")[0]  # a terminal is narrow
    shown = Table(*final.columns, title="Comparison")
    for row in final.itertuples(index=False):
        shown.add_row(*(escape(str(cell)) for cell in row))
    console.print(shown)
    test = next(iter(result.entrants[0].seeds.values()))
    for text in [
        *interval_warnings(test),
        *result.left_out,
        *([comparison_text.conclusion(result)] if len(result.pairs) else []),
    ]:
        console.print(escape(text), soft_wrap=True)


def print_run(run: EvaluatedRun, table: pd.DataFrame) -> None:
    """Print all scores with their intervals, and the per-genre table."""
    test = answers(run.predictions, run.data.data.tracks, run.scores["genres"])
    every = Table("score", "value", "95 % interval", title="Scores")
    for score in score_intervals(test).itertuples():
        every.add_row(score.score, _three(score.value), f"{_three(score.low)} to {_three(score.high)}")
    Console().print(every)
    unfinished = [] if run_folder.is_finished(run.folder) else [UNFINISHED]
    for note in [*interval_warnings(test), *unfinished]:
        Console().print(note)
    shown = Table("genre", "precision", "recall", "F1", "test tracks", title="Test by genre")
    for row in table.itertuples():
        shares = ("-" if pd.isna(share) else f"{share:.3f}" for share in (row.precision, row.recall, row.f1))
        shown.add_row(escape(row.genre), *shares, str(row.support))
    Console().print(shown)


def _three(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.3f}"


def print_config(config: DictConfig) -> None:
    """Print a configuration as a tree.

    Args:
        config: Composed configuration; interpolations are resolved.
    """

    def grow(tree: Tree, node: Any) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in items:
            if isinstance(value, dict | list) and value:
                grow(tree.add(str(key), style="bold"), value)
            else:
                tree.add(escape(f"{key}: {'null' if value is None else value}"), style="not bold")

    tree = Tree("configuration", guide_style="dim")
    grow(tree, OmegaConf.to_container(config, resolve=True))
    Console().print(tree)
