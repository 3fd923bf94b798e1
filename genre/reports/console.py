"""Tables printed on the terminal."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from genre.data.audit import LEAK_KINDS
from genre.data.fingerprint import SHIFT_SECONDS
from genre.evaluation.baselines import fitted_baselines, verdicts
from genre.evaluation.bootstrap import interval_warnings, per_class_table, score_intervals
from genre.evaluation.comparison import Comparison
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.scores import SCORE_LABELS
from genre.reports import comparison_text
from genre.reports.formatting import INTERVAL, format_number
from genre.reports.run import run_notes

MAX_LISTED = 5


def print_audit(leaks: pd.DataFrame, unknown: list[str]) -> None:
    """Print the leakage between splits: counts and examples.

    Args:
        leaks: As returned by `audit.find_leaks`.
        unknown: Kinds of leakage for which the data have no information.
    """
    table = Table("kind", "shared", "tracks", "splits", "examples", title="Leakage between splits")
    for kind in LEAK_KINDS:
        rows = leaks[leaks["kind"] == kind]
        splits = "; ".join(f"{splits}: {count}" for splits, count in rows["parts"].value_counts().items())
        names = [str(name) for name in rows["name"][:MAX_LISTED]] + ["..."] * (len(rows) > MAX_LISTED)
        counts = ("unknown", "-") if kind in unknown else (str(len(rows)), str(rows["tracks"].sum()))
        table.add_row(kind, *counts, splits or "-", escape("\n".join(names)) or "-")
    console = Console()
    console.print(table)
    none = "No leakage found among known artists and albums." if unknown else "No leakage found."
    console.print("Leakage found." if len(leaks) else none)
    console.print(f"Re-encoded copies are found up to a shift of {SHIFT_SECONDS:.0f} s, or of half a clip.")


def print_test_scores(scores: dict[str, Any], folder: Path) -> None:
    """Print the test scores of a run and of the baselines beside it, and its folder.

    Args:
        scores: Content of scores.json.
        folder: The run folder.
    """
    table = Table("model", "test tracks", "genres", "accuracy", "F1 macro", "F1 weighted", title="Test")
    for model, prefix in {scores["model"]: "", **{name: f"{name}/" for name in fitted_baselines(scores)}}.items():
        table.add_row(
            model,
            str(scores["test/tracks"]),
            f"{scores['test/genres']} of {len(scores['genres'])}",
            *(f"{scores[f'{prefix}test/{name}']:.4f}" for name in ("accuracy", "f1_macro", "f1_weighted")),
        )
    console = Console()
    console.print(table)
    for line in verdicts(scores):
        console.print(escape(line), soft_wrap=True)
    console.print(f"run folder: {folder}", soft_wrap=True)


def print_run(run: EvaluatedRun) -> None:
    """Print all scores of a run with their intervals, and the scores of each genre."""
    console = Console()
    table = Table("score", "value", "95 % interval", title="Scores")
    for label, value, low, high in score_intervals(run.predictions).itertuples(index=False):
        interval = "–" if np.isnan(low) else f"{format_number(low)} to {format_number(high)}"
        table.add_row(label, format_number(value), interval)
    console.print(table)
    for note in [INTERVAL, *run_notes(run)]:
        console.print(note)
    table = Table("genre", "precision", "recall", "F1", "test tracks", "artists", title="Test by genre")
    for row in per_class_table(run.predictions).itertuples():
        numbers = map(format_number, (row.precision, row.recall, row.f1))
        table.add_row(escape(row.genre), *numbers, str(row.support), str(row.clusters))
    console.print(table)


def print_comparison(result: Comparison) -> None:
    """Print the final table of a comparison and its conclusion."""
    console = Console()
    final = comparison_text.format_scores(result.table)
    for name in final.columns[3:]:
        final[name] = final[name].str.partition(" [")[0]  # a terminal is narrow
    table = Table(*final.columns, title=f"Comparison on {result.predictions.split_name} tracks")
    for row in final.itertuples(index=False):
        table.add_row(*(escape(str(cell)) for cell in row))
    console.print(table)
    sentences = [*interval_warnings(result.predictions), *result.notes]
    if len(result.pairs):
        sentences.append(comparison_text.conclusion(result))
    for sentence in sentences:
        console.print(escape(sentence), soft_wrap=True)


def print_power(score: str, table: pd.DataFrame, seed_sd: float, comparisons: int) -> None:
    """Print the smallest differences that tests find.

    Args:
        score: One of `TESTED_SCORES`.
        table: As returned by `power_table`.
        seed_sd: Standard deviation of the score over seeds; NaN if unknown.
        comparisons: Number of comparisons that are corrected for.
    """
    names = {"artists": "test artists", "fixed": "these trained weights"}
    title = f"Smallest difference in {SCORE_LABELS[score]} found with 80 % power, in points"
    shown = Table(*(names.get(name, f"{name} seeds") for name in table), title=title)
    for row in table.itertuples(index=False):
        shown.add_row(str(row.artists), *(f"{100 * value:.1f}" for value in row[1:]))
    console = Console()
    console.print(shown)
    seeds = "unknown: give --seed-sd" if np.isnan(seed_sd) else f"{100 * seed_sd:.1f} points"
    console.print(f"Deviation over seeds: {seeds}. Comparisons at the 5 % level: {comparisons} (Holm's first step).")


def print_config(config: DictConfig) -> None:
    """Print a configuration as a tree.

    Args:
        config: Composed configuration; interpolations are resolved.
    """

    def grow(tree: Tree, node: Any) -> None:
        for key, value in node.items():
            if isinstance(value, dict) and value:
                grow(tree.add(str(key), style="bold"), value)
            else:
                tree.add(escape(f"{key}: {json.dumps(value, ensure_ascii=False)}"), style="not bold")

    tree = Tree("configuration", guide_style="dim")
    grow(tree, OmegaConf.to_container(config, resolve=True))
    Console().print(tree)
