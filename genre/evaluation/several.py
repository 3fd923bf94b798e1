"""The report of several runs: the final table, what can be told apart, and the curves."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import comparison
from genre.evaluation.answers import NAMES, SCORES
from genre.evaluation.comparison import Entrant
from genre.evaluation.figures import forest_figure, overlay_figure
from genre.evaluation.runs import read
from genre.evaluation.statistics import few_artists
from genre.pages.page import TABLES, Page
from genre.settings import LEAKS

FINAL = ("accuracy", "f1_weighted", "f1_macro")
"""The columns of the study's final table."""


@dataclass(frozen=True)
class Comparison:
    """Runs that were compared.

    Attributes:
        entrants: One a label.
        table: As `comparison.table`.
        pairs: As `comparison.pairs`.
        left_out: What is not in it and why, a sentence each.
        reference: The one that all others are compared with; None for all pairs.
    """

    entrants: list[Entrant]
    table: pd.DataFrame
    pairs: pd.DataFrame
    left_out: list[str]
    reference: str | None = None


def compare(folders: list[Path]) -> Comparison:
    """Compare finished runs; unfinished ones are left out.

    Args:
        folders: Run folders.

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
    entrants = comparison.entrants([read(folder) for folder in finished])
    for entrant in entrants:
        for seed, test in entrant.seeds.items():
            if broken := int((~test.usable).sum()):
                left_out.append(
                    f"{broken} test tracks of {entrant.label} (seed {seed}) have logits that are no numbers: they "
                    "count as wrong, and not for the log loss."
                )
    labels = [entrant.label for entrant in entrants]
    reference = LEAKS[0] if LEAKS[0] in labels and set(labels) <= set(LEAKS) else None
    if reference:
        entrants = sorted(entrants, key=lambda entrant: LEAKS.index(entrant.label))
    return Comparison(entrants, comparison.table(entrants), comparison.pairs(entrants, reference), left_out, reference)


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
    artists = f" by {test.clusters} artists" if test.by_artist else ""
    what = f"{len(test.target)} test tracks{artists}, {len(test.genres)} genres"
    page = Page("Comparison", f"{len(found)} models, {what}")
    page.section("Scores")
    final = final_table(table)
    page.table(table, "scores", _how(found[0]), shown=final)
    page.figure(
        lambda: _forest(found, table),
        "scores",
        f"Accuracy and F1 macro of {len(found)} models with 95 % intervals.",
        "Large dots: the mean over seeds. Lines: 95 % intervals. Small dots: single runs.",
    )
    others = tuple(name for name in SCORES if name not in FINAL)
    page.table(table[["label", *others]], "more_scores", shown=final_table(table, others))
    for text in [*few_artists(test), *result.left_out]:
        page.text(text, "note")
    if len(result.pairs):
        page.section("Differences")
        page.text(conclusion(result), "result")
        page.table(result.pairs, "pairs", _how_tested(result), shown=_shown_pairs(result.pairs))
    page.section("Curves")
    page.figure(
        lambda: overlay_figure({entrant.label: [run.epochs for run in entrant.runs] for entrant in found}),
        "curves",
        "Validation loss and validation F1 macro over the epochs, a line a run.",
        "One line a run; runs of one model share colour and dashes.",
    )
    if any(entrant.folds > 1 for entrant in found):
        page.section("Folds")
        columns = [f"{name}_fold_{kind}" for name in FINAL for kind in ("mean", "sd")]
        page.table(
            table[["label", *columns]],
            "folds",
            "Mean and standard deviation over the folds; the scores above are those of all folds' tracks together.",
            shown=_fold_table(table),
        )
    page.section("Cost")
    cost = table[["label", "parameters", "epochs", "train_seconds", "clips_per_second"]]
    page.table(cost, "cost", "Means over the runs; prediction of validation and test tracks.", shown=_shown_cost(cost))
    written = page.write(folder)
    for suffix, text in (
        ("md", final.to_markdown(index=False)),
        ("tex", final.to_latex(index=False, escape=True)),
    ):
        (folder / TABLES / f"scores.{suffix}").write_text(text.rstrip() + "\n")
    return written


def final_table(table: pd.DataFrame, names: tuple[str, ...] = FINAL) -> pd.DataFrame:
    """Scores as text, in per cent: mean over seeds, +/- their deviation, 95 % interval."""
    columns = {"model": table["label"], "runs": table["seeds"] * table["folds"]}
    for name in names:
        unit = 1 if name == "log_loss" else 100
        digits = 2 if name == "log_loss" else 1
        columns[NAMES[name] + ("" if unit == 1 else " %")] = [
            _with_interval(row, name, unit, digits) for row in table.to_dict("records")
        ]
    return pd.DataFrame(columns)


def conclusion(result: Comparison) -> str:
    """Say which models can be told apart, and which cannot."""
    pairs, alpha = result.pairs, f"{comparison.ALPHA:.0%}".replace("%", " %")
    if result.reference:
        worth = [
            f"{row['first']} is worth {100 * row['accuracy']:+.1f} points "
            f"[{100 * row['accuracy_low']:+.1f}, {100 * row['accuracy_high']:+.1f}]"
            + ("" if row["differs"] else ", not distinguishable from nothing")
            for row in pairs.to_dict("records")
        ]
        return "; ".join(worth) + f" (accuracy, {alpha} level over all leaks)."
    if not pairs["differs"].any():
        return (
            f"The {len(result.entrants)} models are not distinguishable by accuracy on these test tracks: no pair "
            f"differs at the {alpha} level."
        )
    sentences = []
    best = result.table.loc[result.table["accuracy"].idxmax(), "label"]
    of_best = pairs[(pairs["first"] == best) | (pairs["second"] == best)]
    for differs, verb in ((True, "is more accurate than"), (False, "is not distinguishable from")):
        rows = of_best[of_best["differs"] == differs]
        others = rows["first"].where(rows["first"] != best, rows["second"])
        if len(others):
            sentences.append(f"{best} {verb} {', '.join(others)}")
    rest = pairs.drop(of_best.index)
    same = int((~rest["differs"]).sum())
    if len(rest):
        sentences.append(f"among the others {same} of {len(rest)} pairs are not distinguishable")
    return "; ".join(sentences) + f" (accuracy, {alpha} level over all pairs)."


def show(result: Comparison) -> None:
    """Print the final table and the conclusion."""
    console = Console()
    final = final_table(result.table)
    for name in final.columns[3:]:
        final[name] = final[name].str.partition(" [")[0]  # a terminal is narrow
    shown = Table(*final.columns, title="Comparison")
    for row in final.itertuples(index=False):
        shown.add_row(*(escape(str(cell)) for cell in row))
    console.print(shown)
    test = next(iter(result.entrants[0].seeds.values()))
    for text in [*few_artists(test), *result.left_out, *([conclusion(result)] if len(result.pairs) else [])]:
        console.print(escape(text), soft_wrap=True)


def _with_interval(row: dict[str, float], name: str, unit: float, digits: int) -> str:
    value, low, high, deviation = (unit * row[f"{name}{end}"] for end in ("", "_low", "_high", "_sd"))
    spread = "" if np.isnan(deviation) else f" ± {deviation:.{digits}f}"
    return f"{value:.{digits}f}{spread} [{low:.{digits}f}, {high:.{digits}f}]"


def _how(entrant: Entrant) -> str:
    test = next(iter(entrant.seeds.values()))
    what = "artists" if test.by_artist else "tracks"
    seeds = "mean over seeds ± their standard deviation" if len(entrant.seeds) > 1 else "one seed"
    folds = f", {entrant.folds} folds joined" if entrant.folds > 1 else ""
    return f"{seeds.capitalize()}{folds}; in brackets the 95 % interval of a bootstrap that resamples {what}."


def _how_tested(result: Comparison) -> str:
    test = next(iter(result.entrants[0].seeds.values()))
    what = "artists" if test.by_artist else "tracks"
    return (
        f"First less second, in points, with paired 95 % intervals. p: two-sided permutation test of accuracy that "
        f"swaps the two models' answers on whole {what}; Holm: adjusted over the {len(result.pairs)} pairs."
        + (" McNemar: exact, each track on its own." if result.pairs["p_mcnemar"].notna().any() else "")
    )


def _shown_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    def difference(row: dict[str, float], name: str) -> str:
        return f"{100 * row[name]:+.1f} [{100 * row[f'{name}_low']:+.1f}, {100 * row[f'{name}_high']:+.1f}]"

    rows = pairs.to_dict("records")
    shown = pairs[["first", "second"]].assign(
        **{
            "accuracy": [difference(row, "accuracy") for row in rows],
            "F1 macro": [difference(row, "f1_macro") for row in rows],
            "p": pairs["p"].map(_p),
            "Holm": pairs["p_holm"].map(_p),
        }
    )
    if pairs["p_mcnemar"].notna().any():
        shown["McNemar"] = pairs["p_mcnemar"].map(_p)
    shown["verdict"] = np.where(pairs["differs"], "different", "not distinguishable")
    return shown


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else f"{value:.4f}"


def _fold_table(table: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame({"model": table["label"], "folds": table["folds"]})
    for name in FINAL:
        mean, deviation = table[f"{name}_fold_mean"], table[f"{name}_fold_sd"]
        cells = [f"{100 * m:.1f} ± {100 * d:.1f}" for m, d in zip(mean, deviation, strict=True)]
        shown[f"{NAMES[name]} %"] = cells
    return shown


def _shown_cost(cost: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": cost["label"],
            "parameters": cost["parameters"].map("{:,.0f}".format),
            "epochs": cost["epochs"].map("{:.1f}".format),
            "training, s": cost["train_seconds"].map("{:.1f}".format),
            "prediction, clips/s": cost["clips_per_second"].map(lambda rate: "–" if np.isnan(rate) else f"{rate:.0f}"),
        }
    )


def _forest(found: list[Entrant], table: pd.DataFrame) -> Figure:
    shown = ("accuracy", "f1_macro")
    panels = {NAMES[name]: table[[name, f"{name}_low", f"{name}_high"]].to_numpy().T for name in shown}
    runs = {NAMES[name]: [entrant.by_run(name) for entrant in found] for name in shown}
    return forest_figure([entrant.label for entrant in found], panels, runs)
