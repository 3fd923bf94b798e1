"""The report of several runs: the final table, what can be told apart, and the curves."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from genre.evaluation.bootstrap import interval_warnings
from genre.evaluation.comparison import Comparison
from genre.evaluation.model_runs import ModelRuns
from genre.evaluation.scores import SCORE_LABELS, SCORES
from genre.reports import comparison_text
from genre.reports.comparison_text import FINAL
from genre.reports.figures import forest_plot, learning_curves_overlay
from genre.reports.page import TABLES, Page


def write_comparison_report(result: Comparison, folder: Path) -> Path:
    """Write the comparison's page, its figures and its tables.

    Args:
        result: The comparison.
        folder: Where to.

    Returns:
        The page.
    """
    found, table = result.entrants, result.table
    test = next(iter(found[0].seeds.values()))
    page = Page("Comparison", f"{len(found)} models, {test.size}, {len(test.genres)} genres")
    page.section("Scores")
    final = comparison_text.format_scores(table)
    page.table(table, "scores", comparison_text.score_caption(found), shown=final)
    page.figure(
        lambda: _forest(found, table),
        "scores",
        f"Accuracy and F1 macro of {len(found)} models with 95 % intervals.",
        "Large dots: the mean over seeds. Lines: 95 % intervals. Small dots: single runs.",
    )
    others = tuple(name for name in SCORES if name not in FINAL and name in table)
    page.table(table[["label", *others]], "more_scores", shown=comparison_text.format_scores(table, others))
    for text in [*interval_warnings(test), *result.left_out]:
        page.text(text, "note")
    if len(result.pairs):
        page.section("Differences")
        page.text(comparison_text.conclusion(result), "result")
        page.table(
            result.pairs,
            "pairs",
            comparison_text.test_caption(result),
            shown=comparison_text.pair_table(result.pairs, test.by_artist),
        )
    curves = {entrant.label: [run.epochs for run in entrant.runs] for entrant in found if entrant.has_epochs}
    if curves:
        without = [entrant.label for entrant in found if not entrant.has_epochs]
        page.section("Curves")
        page.figure(
            lambda: learning_curves_overlay(curves),
            "curves",
            "Validation loss and validation F1 macro over the epochs, a line a run.",
            "One line a run; runs of one model share colour and dashes."
            + (f" Without epochs, and so without curves: {', '.join(without)}." if without else ""),
        )
    if any(entrant.folds > 1 for entrant in found):
        page.section("Folds")
        columns = [f"{name}_fold_{kind}" for name in FINAL for kind in ("mean", "sd")]
        page.table(
            table[["label", *columns]],
            "folds",
            "Mean and standard deviation over the folds; the scores above are those of all folds' tracks together.",
            shown=comparison_text.fold_table(table),
        )
    page.section("Cost")
    cost = table[["label", "parameters", "epochs", "train_seconds", "clips_per_second"]]
    caption = "Means over the runs; prediction of validation and test tracks."
    page.table(cost, "cost", caption, shown=comparison_text.cost_table(cost))
    escaped = final.assign(model=final["model"].str.replace("|", r"\|"))
    page.file(f"{TABLES}/scores.md", escaped.to_markdown(index=False))
    page.file(f"{TABLES}/scores.tex", final.to_latex(index=False, escape=True))
    return page.write(folder)


def _forest(found: list[ModelRuns], table: pd.DataFrame) -> Figure:
    shown = ("accuracy", "f1_macro")
    panels = {SCORE_LABELS[name]: table[[name, f"{name}_low", f"{name}_high"]].to_numpy().T for name in shown}
    runs = {SCORE_LABELS[name]: [entrant.by_run(name) for entrant in found] for name in shown}
    return forest_plot([entrant.label for entrant in found], panels, runs)
