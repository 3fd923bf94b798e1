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
from genre.evaluation.scores import FINAL_SCORES, SCORE_LABELS
from genre.reports import comparison_text
from genre.reports.formatting import INTERVAL, format_number
from genre.reports.run import run_notes

MAX_LISTED = 5


def print_table(table: pd.DataFrame, title: str) -> None:
    """Print a table."""
    shown = Table(*table, title=title)
    for row in table.itertuples(index=False):
        shown.add_row(*(escape(str(cell)) for cell in row))
    Console().print(shown)


def print_audit(leaks: pd.DataFrame, unknown: list[str]) -> None:
    """Print the leakage between splits: counts and examples.

    Args:
        leaks: As returned by `audit.find_leaks`.
        unknown: Kinds of leakage for which the data have no information.
    """
    lines = []
    for kind in LEAK_KINDS:
        rows = leaks[leaks["kind"] == kind]
        splits = "; ".join(f"{splits}: {count}" for splits, count in rows["parts"].value_counts().items())
        names = [str(name) for name in rows["name"][:MAX_LISTED]] + ["..."] * (len(rows) > MAX_LISTED)
        counts = ("unknown", "-") if kind in unknown else (len(rows), rows["tracks"].sum())
        lines.append((kind, *counts, splits or "-", "\n".join(names) or "-"))
    table = pd.DataFrame(lines, columns=["kind", "shared", "tracks", "splits", "examples"])
    print_table(table, "Leakage between splits")
    none = "No leakage found among known artists and albums." if unknown else "No leakage found."
    print("Leakage found." if len(leaks) else none)
    print(f"Re-encoded copies are found up to a shift of {SHIFT_SECONDS:.0f} s, or of half a clip.")


def print_test_scores(scores: dict[str, Any], folder: Path) -> None:
    """Print the test scores of a run and of the baselines beside it, and its folder.

    Args:
        scores: Content of scores.json.
        folder: The run folder.
    """
    prefixes = {scores["model"]: "", **{name: f"{name}/" for name in fitted_baselines(scores)}}
    table = pd.DataFrame({"model": list(prefixes), "test tracks": scores["test/tracks"]})
    table["genres"] = f"{scores['test/genres']} of {len(scores['genres'])}"
    for name in FINAL_SCORES:
        table[SCORE_LABELS[name]] = [f"{scores[f'{prefix}test/{name}']:.4f}" for prefix in prefixes.values()]
    print_table(table, "Test")
    print(*verdicts(scores), f"run folder: {folder}", sep="\n")


def print_run(run: EvaluatedRun) -> None:
    """Print all scores of a run with their intervals, and the scores of each genre."""
    table = score_intervals(run.predictions)
    limits = zip(table["low"], table["high"], strict=True)
    table["95 % interval"] = ["–" if np.isnan(low) else f"{low:.3f} to {high:.3f}" for low, high in limits]
    table["value"] = table["value"].map(format_number)
    print_table(table.drop(columns=["low", "high"]), "Scores")
    print(INTERVAL, *run_notes(run), sep="\n")
    names = {"f1": "F1", "support": "test tracks", "clusters": "artists"}
    genres = per_class_table(run.predictions)[["genre", "precision", "recall", *names]].rename(columns=names)
    genres[["precision", "recall", "F1"]] = genres[["precision", "recall", "F1"]].map(format_number)
    print_table(genres if run.predictions.has_artists else genres.drop(columns="artists"), "Test by genre")


def print_comparison(result: Comparison) -> None:
    """Print the final table of a comparison and its conclusion."""
    final = comparison_text.format_scores(result.by_accuracy().table)
    for name in final.columns[3:]:
        final[name] = final[name].str.partition(" [")[0]  # a terminal is narrow
    print_table(final, f"Comparison on {result.predictions.split_name} tracks")
    conclusion = [comparison_text.conclusion(result)] if len(result.pairs) else []
    notes = [*interval_warnings(result.predictions), *result.notes, *conclusion]
    print(comparison_text.score_caption(result), *notes, sep="\n")


def print_power(score: str, table: pd.DataFrame, seed_sd: float, comparisons: int) -> None:
    """Print the smallest differences that tests find.

    Args:
        score: One of `TESTED_SCORES`.
        table: As returned by `power_table`.
        seed_sd: Standard deviation of the score over seeds; NaN if unknown.
        comparisons: Number of comparisons that are corrected for.
    """
    names = {"artists": "test artists", "fixed": "these trained weights"}
    shown = (100 * table.drop(columns="artists")).map(lambda points: format_number(points, ".1f"))
    shown.insert(0, "artists", table["artists"])
    title = f"Smallest difference in {SCORE_LABELS[score]} found with 80 % power, in points"
    print_table(shown.rename(columns=lambda name: names.get(name, f"{name} seeds")), title)
    seeds = "unknown: give --seed-sd" if np.isnan(seed_sd) else f"{100 * seed_sd:.1f} points"
    print(f"Deviation over seeds: {seeds}. Comparisons at the 5 % level: {comparisons} (Holm's first step).")


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
