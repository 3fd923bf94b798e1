"""The report of several runs: the final table, what can be told apart, and the curves."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import comparison, wording
from genre.evaluation.answers import NAMES, SCORES
from genre.evaluation.comparison import Comparison
from genre.evaluation.entrants import Entrant, common_folds, entrants
from genre.evaluation.figures import forest_figure, overlay_figure
from genre.evaluation.runs import read
from genre.evaluation.statistics import few_artists
from genre.evaluation.wording import FINAL
from genre.pages.page import TABLES, Page
from genre.settings import LEAKS


def compare(folders: list[Path], trust: Sequence[str] = ()) -> Comparison:
    """Compare finished runs; unfinished ones are left out.

    Args:
        folders: Run folders.
        trust: Resolvers that their configurations may use.

    Returns:
        The comparison.

    Raises:
        GenreError: No run is finished, or the runs cannot be compared.
    """
    finished = [folder for folder in folders if run_folder.is_finished(folder)]
    left_out = [f"{folder} is not finished: `run_dir={folder}` goes on with it." for folder in folders]
    left_out = [text for folder, text in zip(folders, left_out, strict=True) if folder not in finished]
    if not finished:
        raise GenreError(f"none of these runs is finished: train {folders[0]} to its end first")
    runs, lacking = common_folds([read(folder, trust) for folder in finished])
    left_out += lacking
    found = entrants(runs)
    for entrant in found:
        for seed, test in entrant.seeds.items():
            if broken := int((~test.usable).sum()):
                left_out.append(
                    f"{broken} test tracks of {entrant.label} (seed {seed}) have logits that are no numbers: they "
                    "count as wrong, and not for the log loss."
                )
    labels = [entrant.label for entrant in found]
    reference = LEAKS[0] if LEAKS[0] in labels and set(labels) <= set(LEAKS) else None
    if reference:
        found = sorted(found, key=lambda entrant: LEAKS.index(entrant.label))
    return Comparison(found, comparison.table(found), comparison.pairs(found, reference), left_out, reference)


def write(result: Comparison, folder: Path) -> Path:
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
    final = wording.final_table(table)
    page.table(table, "scores", wording.how(found), shown=final)
    page.figure(
        lambda: _forest(found, table),
        "scores",
        f"Accuracy and F1 macro of {len(found)} models with 95 % intervals.",
        "Large dots: the mean over seeds. Lines: 95 % intervals. Small dots: single runs.",
    )
    others = tuple(name for name in SCORES if name not in FINAL and name in table)
    page.table(table[["label", *others]], "more_scores", shown=wording.final_table(table, others))
    for text in [*few_artists(test), *result.left_out]:
        page.text(text, "note")
    if len(result.pairs):
        page.section("Differences")
        page.text(wording.conclusion(result), "result")
        page.table(
            result.pairs, "pairs", wording.how_tested(result), shown=wording.pair_table(result.pairs, test.by_artist)
        )
    curves = {entrant.label: [run.epochs for run in entrant.runs] for entrant in found if entrant.has_epochs}
    if curves:
        without = [entrant.label for entrant in found if not entrant.has_epochs]
        page.section("Curves")
        page.figure(
            lambda: overlay_figure(curves),
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
            shown=wording.fold_table(table),
        )
    page.section("Cost")
    cost = table[["label", "parameters", "epochs", "train_seconds", "clips_per_second"]]
    caption = "Means over the runs; prediction of validation and test tracks."
    page.table(cost, "cost", caption, shown=wording.cost_table(cost))
    escaped = final.assign(model=final["model"].str.replace("|", r"\|"))
    page.file(f"{TABLES}/scores.md", escaped.to_markdown(index=False))
    page.file(f"{TABLES}/scores.tex", final.to_latex(index=False, escape=True))
    return page.write(folder)


def show(result: Comparison) -> None:
    """Print the final table and the conclusion."""
    console = Console()
    final = wording.final_table(result.table)
    for name in final.columns[3:]:
        final[name] = final[name].str.partition(" [")[0]  # a terminal is narrow
    shown = Table(*final.columns, title="Comparison")
    for row in final.itertuples(index=False):
        shown.add_row(*(escape(str(cell)) for cell in row))
    console.print(shown)
    test = next(iter(result.entrants[0].seeds.values()))
    for text in [*few_artists(test), *result.left_out, *([wording.conclusion(result)] if len(result.pairs) else [])]:
        console.print(escape(text), soft_wrap=True)


def _forest(found: list[Entrant], table: pd.DataFrame) -> Figure:
    shown = ("accuracy", "f1_macro")
    panels = {NAMES[name]: table[[name, f"{name}_low", f"{name}_high"]].to_numpy().T for name in shown}
    runs = {NAMES[name]: [entrant.by_run(name) for entrant in found] for name in shown}
    return forest_figure([entrant.label for entrant in found], panels, runs)
