"""Sentences and text tables of a comparison."""

import numpy as np
import pandas as pd

from genre.evaluation.comparison import ALPHA, Comparison
from genre.evaluation.scores import SCORE_LABELS
from genre.reports.formatting import format_interval, format_number

FINAL = ("accuracy", "f1_weighted", "f1_macro")
"""Scores of the study's final table."""
SCORE_CAPTION = (
    "{} tracks. Mean over seeds ± their standard deviation, all folds together. Brackets: 95 % interval of a bootstrap "
    "over {}s."
)
TEST_CAPTION = (
    "{} tracks. First minus second in percentage points, with paired 95 % intervals. p-values: permutation test over "
    "{}s; Welch's t-test over seeds; Holm: the larger of both, corrected for the number of pairs; McNemar: exact test "
    "over tracks."
)
SINGLE_SEED = "Single seed per model: retraining may give larger differences."


def format_scores(table: pd.DataFrame, names: tuple[str, ...] = FINAL) -> pd.DataFrame:
    """Format scores as text, in percent: mean ± standard deviation over seeds [95 % interval]."""
    model = "model" if (table["split"] == "test").all() else "model (validation tracks)"  # also where it is pasted
    columns = {model: table["label"], "runs": table["seeds"] * table["folds"] * table["members"]}
    for name in names:
        factor, spec, unit = (1, ".2f", "") if name == "log_loss" else (100, ".1f", " %")
        values = factor * table[[name, f"{name}_low", f"{name}_high", f"{name}_sd"]].to_numpy(float)
        columns[SCORE_LABELS[name] + unit] = [format_interval(spec, *row) for row in values]
    return pd.DataFrame(columns)


def conclusion(result: Comparison) -> str:
    """State which differences in accuracy are significant."""
    pairs = result.pairs
    level = f"({ALPHA:.0%}".replace("%", " % level, Holm-corrected)")
    if result.reference:
        effects = [
            f"{row['first']} ({_leakage(result, row['first'])}) {_points(row, 'accuracy')} points"
            + ("" if row["significant"] else ", not significant")
            for row in pairs.to_dict("records")
        ]
        return f"Effect of leakage on accuracy: {'; '.join(effects)} {level}."
    if not pairs["significant"].any():
        return f"No difference in accuracy between the {len(result.models)} models is significant {level}."
    best = result.table.loc[result.table["accuracy"].idxmax(), "label"]
    of_best = pairs[(pairs["first"] == best) | (pairs["second"] == best)]
    others = of_best["first"].where(of_best["first"] != best, of_best["second"])
    rest = pairs.drop(of_best.index)["significant"]
    sentences = []
    if of_best["significant"].any():
        sentences.append(f"{best} is significantly more accurate than {', '.join(others[of_best['significant']])}")
    if not of_best["significant"].all():
        sentences.append(f"{best} is not significantly more accurate than {', '.join(others[~of_best['significant']])}")
    if len(rest):
        sentences.append(f"{rest.sum()} of {len(rest)} differences between the other models are significant")
    return f"{'; '.join(sentences)} {level}."


def _leakage(result: Comparison, label: str) -> str:
    """How many training tracks of a leakage level are not in the reference's training set."""
    train_ids = {model.label: model.runs[0].train_ids for model in result.models}
    leaking = len(train_ids[label] - train_ids[str(result.reference)])
    return f"{leaking} of {len(train_ids[label])} training tracks leak"


def _points(row: dict, name: str) -> str:
    return format_interval("+.1f", *(100 * row[f"{name}{end}"] for end in ("", "_low", "_high")))


def pair_table(pairs: pd.DataFrame, cluster_name: str) -> pd.DataFrame:
    """Format the tests of pairs as text: differences in percentage points with intervals, and p-values."""
    shown = pairs[["first", "second"]].copy()
    for name in ("accuracy", "f1_macro"):
        shown[SCORE_LABELS[name]] = [_points(row, name) for row in pairs.to_dict("records")]
    tests = {f"{cluster_name}s": "p_artists", "seeds": "p_seeds", "Holm": "p_holm", "McNemar": "p_mcnemar"}
    for label, name in tests.items():
        shown[f"p ({label})"] = ["<0.0001" if p < 0.0001 else format_number(p, ".4f") for p in pairs[name]]
    return shown.assign(significant=np.where(pairs["significant"], "yes", "no"))


def fold_table(table: pd.DataFrame) -> pd.DataFrame:
    """Format mean ± standard deviation over folds as text, in percent."""
    shown = pd.DataFrame({"model": table["label"], "folds": table["folds"]})
    for name in FINAL:
        values = 100 * table[[f"{name}_fold_mean", f"{name}_fold_sd"]].to_numpy()
        shown[f"{SCORE_LABELS[name]} %"] = [f"{mean:.1f} ± {deviation:.1f}" for mean, deviation in values]
    return shown


def cost_table(cost: pd.DataFrame) -> pd.DataFrame:
    """Format parameters, epochs, training time and prediction speed as text."""
    return pd.DataFrame(
        {
            "model": cost["label"],
            "parameters": cost["parameters"].map("{:,.0f}".format),
            "epochs": cost["epochs"].map("{:.1f}".format),
            "training, s": cost["train_seconds"].map("{:.1f}".format),
            "prediction, clips/s": [format_number(speed, ".0f") for speed in cost["clips_per_second"]],
        }
    )
