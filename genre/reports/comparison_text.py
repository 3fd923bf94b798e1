"""Sentences and text tables of a comparison."""

import pandas as pd

from genre.config.schema import LEAKAGE_LEVELS
from genre.evaluation.comparison import ALL_PAIRS, ALPHA, OTHER_PAIRS, Comparison
from genre.evaluation.scores import FINAL_SCORES, SCORE_LABELS
from genre.evaluation.significance import TESTED_SCORES
from genre.reports.formatting import INTERVAL, format_interval, format_number

TEST_CAPTION = (
    "{split} tracks. First minus second in percentage points. The test is a t-test over {cluster}s and seeds, or a "
    "permutation test over {cluster}s where a network has a single seed or both are baselines. p is "
    "after Holm's correction for the comparisons of one question. "
) + INTERVAL


def score_caption(result: Comparison) -> str:
    """Say what the scores of a comparison are."""
    seeds = "Mean over seeds ± their standard deviation. " * bool((result.table["seeds"] > 1).any())
    folds = "The tracks of all folds together. " * bool((result.table["folds"] > 1).any())
    return f"{result.predictions.split_name.capitalize()} tracks. {seeds}{folds}{INTERVAL}"


def format_scores(table: pd.DataFrame, names: tuple[str, ...] = FINAL_SCORES) -> pd.DataFrame:
    """Format scores as text, in percent: mean ± standard deviation over seeds [95 % interval]."""
    model = "model" if (table["split"] == "test").all() else "model (validation tracks)"  # also where it is pasted
    columns = {model: table["label"], "runs": table["seeds"] * table["folds"] * table["members"]}
    for name in names:
        factor, spec, unit = (1, ".2f", "") if name == "log_loss" else (100, ".1f", " %")
        values = factor * table[[name, f"{name}_low", f"{name}_high", f"{name}_sd"]].to_numpy(float)
        columns[SCORE_LABELS[name] + unit] = [format_interval(spec, *row) for row in values]
    return pd.DataFrame(columns)


def conclusion(result: Comparison) -> str:
    """State which differences in accuracy and in F1 macro are significant."""
    sentences = []
    for name in TESTED_SCORES:
        parts = [
            _better(pairs, name, str(question))
            if question in (ALL_PAIRS, OTHER_PAIRS)
            else "; ".join(_against(result, row, name) for row in pairs.to_dict("records"))
            for question, pairs in result.pairs.groupby("question", sort=False)
        ]
        label = SCORE_LABELS[name]
        sentences.append(f"{label[0].upper()}{label[1:]}: {'; '.join(parts)}")
    level = f"({ALPHA:.0%}".replace("%", " % level, Holm-corrected)")
    return " ".join([". ".join(sentences), f"{level}.", *_scope(result)])


def _against(result: Comparison, row: dict, name: str) -> str:
    first, second = row["first"], row["second"]
    leak = f" ({_leakage(result, first, second)})" if {first, second} <= set(LEAKAGE_LEVELS) else ""
    verdict = "significant" if row[f"{name}_significant"] else "not significant"
    return f"{first}{leak} {_points(row, name)} points against {second}, {verdict}"


def _better(pairs: pd.DataFrame, name: str, question: str) -> str:
    found = pairs[pairs[f"{name}_significant"]]
    better: dict[str, list[str]] = {}
    for first, second, difference in zip(found["first"], found["second"], found[name], strict=True):
        winner, loser = (first, second) if difference > 0 else (second, first)
        better.setdefault(winner, []).append(loser)
    named = ", ".join(f"{winner} above {' and '.join(losers)}" for winner, losers in better.items())
    count = f"{len(found)} of {len(pairs)}" if len(found) else "none"
    return f"of {question}, {count} differ significantly" + (f" ({named})" if named else "")


def _scope(result: Comparison) -> list[str]:
    single = [model for model in result.models if model.has_single_seed]
    labels = ", ".join(model.label for model in single if model.members == 1)
    which = " and ".join([f"{labels} (one seed)"] * bool(labels) + ["ensembles"] * any(m.members > 1 for m in single))
    named = f" on {which}" * (len(single) < len(result.models))
    return [f"The verdicts{named} are for these trained weights; other seeds may differ."] * bool(single)


def _leakage(result: Comparison, first: str, second: str) -> str:
    """How many training tracks of a leakage level are not in the training set of another."""
    train_ids = {model.label: model.runs[0].train_ids for model in result.models}
    return f"{len(train_ids[first] - train_ids[second])} of {len(train_ids[first])} training tracks leak"


def _points(row: dict, name: str) -> str:
    return format_interval("+.1f", *(100 * row[f"{name}{end}"] for end in ("", "_low", "_high")))


def pair_table(pairs: pd.DataFrame) -> pd.DataFrame:
    """Format the tests of pairs as text: differences in percentage points, corrected p-values, and verdicts."""
    shown, rows = pairs[["first", "second"]].copy(), pairs.to_dict("records")
    for name in TESTED_SCORES:
        label = SCORE_LABELS[name]
        shown[label] = [_points(row, name) for row in rows]
        shown[f"p, {label}"] = ["<0.0001" if p < 0.0001 else format_number(p, ".4f") for p in pairs[f"{name}_p_holm"]]
    found = [[SCORE_LABELS[name] for name in TESTED_SCORES if row[f"{name}_significant"]] for row in rows]
    if pairs["question"].nunique() > 1:
        shown["question"] = pairs["question"]
    return shown.assign(test=pairs["test"], significant=[", ".join(labels) or "none" for labels in found])


def fold_table(table: pd.DataFrame) -> pd.DataFrame:
    """Format mean ± standard deviation over folds as text, in percent."""
    shown = pd.DataFrame({"model": table["label"], "folds": table["folds"]})
    for name in FINAL_SCORES:
        values = 100 * table[[f"{name}_fold_mean", f"{name}_fold_sd"]].to_numpy()
        shown[f"{SCORE_LABELS[name]} %"] = [f"{mean:.1f} ± {deviation:.1f}" for mean, deviation in values]
    return shown


def cost_table(cost: pd.DataFrame) -> pd.DataFrame:
    """Format parameters, epochs, training time and prediction speed as text."""
    return pd.DataFrame(
        {
            "model": cost["label"],
            "parameters": [format_number(value, ",.0f") for value in cost["parameters"]],
            "epochs": [format_number(value, ".1f") for value in cost["epochs"]],
            "training, s": [format_number(value, ".1f") for value in cost["train_seconds"]],
            "prediction, clips/s": [format_number(value, ".0f") for value in cost["clips_per_second"]],
        }
    )
