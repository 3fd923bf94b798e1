"""Report of a comparison of several runs."""

from pathlib import Path

from genre.evaluation.bootstrap import interval_warnings
from genre.evaluation.comparison import Comparison
from genre.evaluation.scores import SCORE_LABELS
from genre.reports import comparison_text as text
from genre.reports.figures import forest_plot, learning_curves_overlay
from genre.reports.page import TABLES, Page


def write_comparison_report(result: Comparison, folder: Path) -> Path:
    """Write the report of a comparison, its figures and its tables.

    Args:
        result: The comparison.
        folder: Folder of the report.

    Returns:
        Path of the page.
    """
    first = result.predictions
    subtitle = f"{len(result.models)} models, {first.describe()}, {len(first.genres)} genres"
    page = Page(f"Comparison on {first.split_name} tracks", subtitle)
    _add_scores(page, result)
    for note in [*interval_warnings(first), *result.notes]:
        page.text(note, "note")
    if len(result.pairs):
        page.section("Differences")
        page.text(text.conclusion(result), "result")
        shown = text.pair_table(result.pairs)
        caption = text.TEST_CAPTION.format(first.split_name.capitalize(), first.cluster_name)
        page.table(result.pairs, "pairs", caption, shown=shown)
    _add_curves(page, result)
    _add_folds_and_cost(page, result)
    return page.write(folder)


def _add_scores(page: Page, result: Comparison) -> None:
    page.section("Scores")
    table, first = result.table, result.predictions
    caption = text.SCORE_CAPTION.format(first.split_name.capitalize())
    every = tuple(name for name in SCORE_LABELS if name in table)
    page.table(table, "scores", caption, shown=text.format_scores(table, every))
    final = text.format_scores(table)
    escaped = final.replace(r"\|", r"\\|", regex=True)
    page.file(f"{TABLES}/scores.md", escaped.to_markdown(index=False))
    page.file(f"{TABLES}/scores.tex", final.to_latex(index=False, escape=True))
    names = {f"{first.split_name} {SCORE_LABELS[name]}": name for name in ("accuracy", "f1_macro")}
    panels = {label: table[[name, f"{name}_low", f"{name}_high"]].to_numpy().T for label, name in names.items()}
    runs = {label: [model.score_per_run(name) for model in result.models] for label, name in names.items()}
    page.figure(
        forest_plot(table["label"].tolist(), panels, runs),
        "scores",
        f"Accuracy and F1 macro of {len(result.models)} models on {first.split_name} tracks with 95 % intervals.",
        "Large dots: mean over seeds. Lines: 95 % intervals. Small dots: runs.",
    )


def _add_curves(page: Page, result: Comparison) -> None:
    curves = {model.label: [run.epochs for run in model.runs] for model in result.models if model.has_epochs}
    if not curves:
        return
    page.section("Learning curves")
    without = ", ".join(model.label for model in result.models if not model.has_epochs and model.members == 1)
    page.figure(
        learning_curves_overlay(curves),
        "curves",
        "Validation loss and validation F1 macro by epoch, one line per run.",
        "One line per run." + (f" Trained without epochs: {without}." if without else ""),
    )


def _add_folds_and_cost(page: Page, result: Comparison) -> None:
    table = result.table
    if table["folds"].max() > 1:
        page.section("Folds")
        columns = ["split", *(f"{name}_fold_{kind}" for name in text.FINAL for kind in ("mean", "sd"))]
        caption = "Mean ± standard deviation over folds; the scores above are of all folds together."
        page.table(table[["label", *columns]], "folds", caption, shown=text.fold_table(table))
    page.section("Cost")
    cost = table[["label", "parameters", "epochs", "train_seconds", "clips_per_second"]]
    caption = "Means over runs. Prediction: validation and test tracks per second."
    caption += " Ensembles: all members together." * any(model.members > 1 for model in result.models)
    page.table(cost, "cost", caption, shown=text.cost_table(cost))
