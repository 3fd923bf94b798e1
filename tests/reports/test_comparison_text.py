"""Sentences and text tables of a comparison."""

from pathlib import Path

import numpy as np
import pandas as pd

from genre.evaluation.comparison import compare
from genre.evaluation.runs import find_run_folders
from genre.reports.comparison_text import conclusion, cost_table, fold_table, format_scores, pair_table
from tests.evaluation.conftest import BAD, GOOD, write_folds, write_leakage_levels, write_run, write_seeds

LEVEL = "(5 % level, Holm-corrected)."


def test_a_significant_difference_is_stated(tmp_path: Path) -> None:
    result = compare(write_seeds(tmp_path, artists=60))
    assert conclusion(result) == f"cnn1d_gru is significantly more accurate than cnn2d_gru {LEVEL}"


def test_equal_models_do_not_differ(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, GOOD, (f"label={name}",)) for name in "ab"]
    assert conclusion(compare(folders)) == f"No difference in accuracy between the 2 models is significant {LEVEL}"


def test_the_best_model_is_compared_with_each_and_the_others_are_counted(tmp_path: Path) -> None:
    correct = {"best": GOOD, "second": GOOD & (np.arange(60) != 1), "bad": BAD, "worse": np.arange(60) % 3 == 0}
    folders = [write_run(tmp_path / name, each, (f"label={name}",), artists=60) for name, each in correct.items()]
    assert conclusion(compare(folders)) == (
        "best is significantly more accurate than bad, worse; best is not significantly more accurate than second; "
        f"2 of 3 differences between the other models are significant {LEVEL}"
    )


def test_the_effect_of_leakage_is_stated(tmp_path: Path) -> None:
    write_leakage_levels(tmp_path)
    text = conclusion(compare(find_run_folders([str(tmp_path)])))
    leak = "(1 of 10 training tracks leak)"
    assert text.startswith(
        f"Effect of leakage on accuracy: leak_artists {leak} +0.0 [+0.0, +0.0] points, not significant; "
        f"leak_albums {leak} +40.0 ["
    )
    assert text.endswith(f"] points {LEVEL}")


def test_tests_of_pairs_as_text() -> None:
    nan = float("nan")
    pair = {"first": "a", "second": "b", "accuracy": 0.1, "accuracy_low": -0.05, "accuracy_high": 0.25}
    pair |= {"f1_macro": -0.2, "f1_macro_low": nan, "f1_macro_high": nan, "significant": True}
    pair |= {"p_artists": 0.00001, "p_seeds": nan, "p_holm": 0.02345, "p_mcnemar": 1.0}
    (row,) = pair_table(pd.DataFrame([pair]), "track").to_dict("records")
    assert row == {
        "first": "a",
        "second": "b",
        "accuracy": "+10.0 [-5.0, +25.0]",
        "F1 macro": "-20.0",
        "p (tracks)": "<0.0001",
        "p (seeds)": "–",
        "p (Holm)": "0.0234",
        "p (McNemar)": "1.0000",
        "significant": "yes",
    }


def test_scores_folds_and_costs_as_text(tmp_path: Path) -> None:
    table = compare(write_folds(tmp_path)).table
    scores = format_scores(table, ("accuracy", "log_loss")).iloc[0]
    assert scores["model"] == "cnn1d_gru"
    assert scores["runs"] == 3
    assert scores["accuracy %"].startswith("90.0 [")  # a single seed has no deviation
    assert scores["log loss"].startswith(f"{table['log_loss'][0]:.2f} [")
    assert fold_table(table).iloc[1].tolist()[:3] == ["logreg", 3, "50.0 ± 0.0"]
    assert cost_table(table).iloc[0].tolist() == ["cnn1d_gru", "12,345", "3.0", "60.0", "–"]
