"""Sentences and text tables of a comparison."""

from pathlib import Path

import numpy as np
import pandas as pd

from genre.evaluation.comparison import compare
from genre.evaluation.runs import find_runs
from genre.reports.comparison_text import conclusion, cost_table, fold_table, format_scores, pair_table
from tests.evaluation.conftest import BAD, GOOD, write_folds, write_leakage_levels, write_run, write_seeds

LEVEL = "(5 % level, Holm-corrected)."


def test_a_significant_difference_is_stated(tmp_path: Path) -> None:
    result = compare(write_seeds(tmp_path, artists=60))
    found = "of all pairs, 1 of 1 differ significantly (cnn1d_gru above cnn2d_gru)"
    assert conclusion(result) == f"Accuracy: {found}. F1 macro: {found} {LEVEL}"


def test_equal_models_do_not_differ_and_single_seeds_are_named(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label={name}",)) for name in "ab"]
    none = "of all pairs, none differ significantly"
    scope = "The verdicts are for these trained weights; other seeds may differ."
    assert conclusion(compare(folders)) == f"Accuracy: {none}. F1 macro: {none} {LEVEL} {scope}"
    fixed = write_run(tmp_path / "fixed", GOOD, ("model=logreg",))
    scope = "The verdicts on a, b (one seed) are for these trained weights; other seeds may differ."
    assert conclusion(compare([*folders, fixed])).endswith(f"{LEVEL} {scope}")


def test_models_are_named_with_those_that_they_are_better_than(tmp_path: Path) -> None:
    correct = {"best": GOOD, "second": GOOD & (np.arange(60) != 1), "bad": BAD, "worse": np.arange(60) % 3 == 0}
    folders = [write_run(tmp_path / name, each, (f"label={name}",), artists=60) for name, each in correct.items()]
    assert conclusion(compare(folders)).startswith(
        "Accuracy: of all pairs, 4 of 6 differ significantly (best above bad and worse, second above bad and worse). "
    )


def test_the_effect_of_leakage_is_stated(tmp_path: Path) -> None:
    write_leakage_levels(tmp_path)
    text = conclusion(compare(list(find_runs(str(tmp_path)))))
    leak = "(1 of 10 training tracks leak)"
    assert text.startswith(
        f"Accuracy: leak_artists {leak} +0.0 points against leak_nothing, not significant; leak_albums {leak} +40.0 ["
    )
    assert "] points against leak_nothing, significant. F1 macro: " in text


def test_tests_of_pairs_as_text() -> None:
    nan = float("nan")
    pair = {"first": "a", "second": "b", "question": "all pairs", "test": "t"}
    pair |= {"accuracy": 0.1, "accuracy_low": -0.05, "accuracy_high": 0.25}
    pair |= {"accuracy_p": 0.01, "accuracy_p_holm": 0.02345, "accuracy_significant": True}
    pair |= {"f1_macro": -0.2, "f1_macro_low": nan, "f1_macro_high": nan}
    pair |= {"f1_macro_p": 0.000005, "f1_macro_p_holm": 0.00001, "f1_macro_significant": False}
    (row,) = pair_table(pd.DataFrame([pair])).to_dict("records")
    assert row == {
        "first": "a",
        "second": "b",
        "accuracy": "+10.0 [-5.0, +25.0]",
        "p, accuracy": "0.0234",
        "F1 macro": "-20.0",
        "p, F1 macro": "<0.0001",
        "test": "t",
        "significant": "accuracy",
    }
    both = pair_table(pd.DataFrame([pair, pair | {"question": "all other pairs"}]))
    assert both["question"].tolist() == ["all pairs", "all other pairs"]


def test_scores_folds_and_costs_as_text(tmp_path: Path) -> None:
    table = compare(write_folds(tmp_path)).table
    scores = format_scores(table, ("accuracy", "log_loss")).iloc[0]
    assert scores["model"] == "cnn1d_gru"
    assert scores["runs"] == 3
    assert scores["accuracy %"].startswith("90.0 [")  # a single seed has no deviation
    assert scores["log loss"].startswith(f"{table['log_loss'][0]:.2f} [")
    assert fold_table(table).iloc[1].tolist()[:3] == ["logreg", 3, "50.0 ± 0.0"]
    assert cost_table(table).iloc[0].tolist() == ["cnn1d_gru", "12,345", "3.0", "60.0", "–"]
