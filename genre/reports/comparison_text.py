"""A comparison in words and in tables of text."""

import numpy as np
import pandas as pd

from genre.evaluation.comparison import ALPHA, Comparison
from genre.evaluation.model_runs import ModelRuns
from genre.evaluation.scores import SCORE_LABELS

FINAL = ("accuracy", "f1_weighted", "f1_macro")
"""The columns of the study's final table."""


def format_scores(table: pd.DataFrame, names: tuple[str, ...] = FINAL) -> pd.DataFrame:
    """Scores as text, in per cent: mean over seeds, +/- their deviation, 95 % interval."""
    columns = {"model": table["label"], "runs": table["seeds"] * table["folds"]}
    for name in names:
        unit = 1 if name == "log_loss" else 100
        digits = 2 if name == "log_loss" else 1
        columns[SCORE_LABELS[name] + ("" if unit == 1 else " %")] = [
            _with_interval(row, name, unit, digits) for row in table.to_dict("records")
        ]
    return pd.DataFrame(columns)


def conclusion(result: Comparison) -> str:
    """Say which models can be told apart, and which cannot."""
    pairs, alpha = result.pairs, f"{ALPHA:.0%}".replace("%", " %")
    if result.reference:
        worth = [
            f"{row['first']} ({_swapped(result, row['first'])}) is worth {100 * row['accuracy']:+.1f} points "
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
        every = "the one pair of others is" if len(rest) == 1 else f"among the others {same} of {len(rest)} pairs are"
        sentences.append(every + (" not distinguishable" if same or len(rest) > 1 else " distinguishable"))
    return "; ".join(sentences) + f" (accuracy, {alpha} level over all pairs)."


def _swapped(result: Comparison, label: str) -> str:
    """How much of the training part leaks: what another rung trains on and the lowest does not."""
    of = {entrant.label: entrant.runs[0].training for entrant in result.entrants}
    assert result.reference is not None
    return f"{len(of[label] - of[result.reference])} of {len(of[label])} training tracks leak"


def _with_interval(row: dict[str, float], name: str, unit: float, digits: int) -> str:
    value, low, high, deviation = (unit * row[f"{name}{end}"] for end in ("", "_low", "_high", "_sd"))
    if np.isnan(value):
        return "–"
    spread = "" if np.isnan(deviation) else f" ± {deviation:.{digits}f}"
    return f"{value:.{digits}f}{spread}" + ("" if np.isnan(low) else f" [{low:.{digits}f}, {high:.{digits}f}]")


def score_caption(entrants: list[ModelRuns]) -> str:
    """How the scores of a comparison came about, a sentence."""
    test = next(iter(entrants[0].seeds.values()))
    what = "artists" if test.by_artist else "tracks"
    several = any(entrant.varies for entrant in entrants)
    seeds = "mean over seeds ± their standard deviation" if several else "one seed"
    if several and any(len(entrant.seeds) > 1 and not entrant.varies for entrant in entrants):
        seeds += " (none where all seeds predict the same)"
    folds = f", {entrants[0].folds} folds joined" if entrants[0].folds > 1 else ""
    interval = f"in brackets the 95 % interval of a bootstrap that resamples {what}"
    return f"{seeds.capitalize()}{folds}; {interval}" + (" and leaves the seeds as they are." if several else ".")


def test_caption(result: Comparison) -> str:
    """How the pairs were tested, a sentence or two."""
    test = next(iter(result.entrants[0].seeds.values()))
    what = "artists" if test.by_artist else "tracks"
    seeds = result.pairs["p_seeds"].notna().any()
    return (
        f"First less second, in points, with paired 95 % intervals. p of {what}: two-sided permutation test of "
        f"accuracy that swaps the two models' answers on whole {what}. "
        + ("p of seeds: Welch's t-test of the seeds' accuracies. " if seeds else "")
        + f"Holm: {'the larger of both' if seeds else 'that'}, adjusted over {len(result.pairs)} pairs."
        + (" McNemar: exact, each track on its own." if result.pairs["p_mcnemar"].notna().any() else "")
        + ("" if seeds else " One seed each: models trained anew may differ more.")
    )


def pair_table(pairs: pd.DataFrame, by_artist: bool) -> pd.DataFrame:
    """The tests of pairs as text: differences in points with intervals, p-values, verdicts."""

    def difference(row: dict[str, float], name: str) -> str:
        if np.isnan(row[f"{name}_low"]):
            return f"{100 * row[name]:+.1f}"
        return f"{100 * row[name]:+.1f} [{100 * row[f'{name}_low']:+.1f}, {100 * row[f'{name}_high']:+.1f}]"

    rows = pairs.to_dict("records")
    shown = pairs[["first", "second"]].assign(
        **{
            "accuracy": [difference(row, "accuracy") for row in rows],
            "F1 macro": [difference(row, "f1_macro") for row in rows],
            f"p of {'artists' if by_artist else 'tracks'}": pairs["p_artists"].map(_p),
            **({"p of seeds": pairs["p_seeds"].map(_p)} if pairs["p_seeds"].notna().any() else {}),
            "Holm": pairs["p_holm"].map(_p),
        }
    )
    if pairs["p_mcnemar"].notna().any():
        shown["McNemar"] = pairs["p_mcnemar"].map(_p)
    shown["verdict"] = np.where(pairs["differs"], "different", "not distinguishable")
    return shown


def _p(value: float) -> str:
    return "–" if np.isnan(value) else "<0.0001" if value < 0.0001 else f"{value:.4f}"


def fold_table(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and deviation over folds as text, in per cent."""
    shown = pd.DataFrame({"model": table["label"], "folds": table["folds"]})
    for name in FINAL:
        mean, deviation = table[f"{name}_fold_mean"], table[f"{name}_fold_sd"]
        cells = [f"{100 * m:.1f} ± {100 * d:.1f}" for m, d in zip(mean, deviation, strict=True)]
        shown[f"{SCORE_LABELS[name]} %"] = cells
    return shown


def cost_table(cost: pd.DataFrame) -> pd.DataFrame:
    """Parameters, epochs, seconds and clips per second as text."""
    return pd.DataFrame(
        {
            "model": cost["label"],
            "parameters": cost["parameters"].map("{:,.0f}".format),
            "epochs": cost["epochs"].map("{:.1f}".format),
            "training, s": cost["train_seconds"].map("{:.1f}".format),
            "prediction, clips/s": cost["clips_per_second"].map(lambda rate: "–" if np.isnan(rate) else f"{rate:.0f}"),
        }
    )
