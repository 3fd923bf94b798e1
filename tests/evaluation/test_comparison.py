"""Comparisons: scores over seeds and folds, tests of pairs, what is left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp, ttest_ind

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation.comparison import compare
from genre.evaluation.runs import find_run_folders
from tests.evaluation.conftest import BAD, GOOD, write_folds, write_leakage_levels, write_run, write_seeds


def test_seeds_are_averaged(tmp_path: Path) -> None:
    result = compare(write_seeds(tmp_path, artists=60))
    assert result.table["label"].tolist() == ["cnn1d_gru", "cnn2d_gru"]
    assert result.table["accuracy"].tolist() == pytest.approx([53.5 / 60, 0.5])
    assert result.table["accuracy_sd"].tolist() == pytest.approx([np.std([0.9, 53 / 60], ddof=1), 0])
    assert result.table["parameters"].tolist() == [12345, 12345]
    pair = result.pairs.iloc[0]
    assert pair["accuracy"] == pytest.approx(23.5 / 60)
    assert 0 < pair["accuracy_low"] < 0.39 < pair["accuracy_high"]
    assert np.isnan(pair["p_mcnemar"])  # McNemar's test takes one seed per model
    assert pair["significant"]


def test_folds_are_joined(tmp_path: Path) -> None:
    result = compare(write_folds(tmp_path))
    row = result.table.iloc[0]
    assert (row["seeds"], row["folds"], row["tracks"]) == (1, 3, 60)
    assert row["accuracy"] == row["accuracy_fold_mean"] == pytest.approx(0.9)
    assert row["accuracy_fold_sd"] == 0
    assert result.pairs["p_mcnemar"].notna().all()


def test_a_difference_has_to_hold_across_seeds_too(tmp_path: Path) -> None:
    accuracy = {"steady": (0.9, 0.9, 0.88), "shaky": (0.95, 0.5, 0.35), "low": (0.3, 0.32, 0.31)}
    for label, seeds in accuracy.items():
        for seed, each in enumerate(seeds):
            overrides = (f"label={label}", f"seed={seed}")
            write_run(tmp_path / label / str(seed), np.arange(60) < 60 * each, overrides, artists=60)
    pairs = compare(find_run_folders([str(tmp_path)])).pairs.set_index(["first", "second"])
    shaky, low = pairs.loc[("shaky", "steady")], pairs.loc[("low", "steady")]
    assert shaky["p_artists"] < 0.01
    welch = ttest_ind([57 / 60, 30 / 60, 21 / 60], [54 / 60, 54 / 60, 53 / 60], equal_var=False)
    assert shaky["p_seeds"] == pytest.approx(welch.pvalue)
    assert shaky["p"] == shaky["p_seeds"]
    assert not shaky["significant"]
    assert low["significant"]


def test_models_that_ignore_the_seed_have_no_deviation_and_no_test_over_seeds(tmp_path: Path) -> None:
    for label, correct in (("fixed", GOOD), ("fixed too", BAD)):
        for seed in range(3):
            write_run(tmp_path / label / str(seed), correct, (f"label={label}", f"seed={seed}"), artists=60)
    result = compare(find_run_folders([str(tmp_path)]))
    assert result.table["accuracy_sd"].isna().all()
    pair = result.pairs.iloc[0]
    assert np.isnan(pair["p_seeds"])
    assert pair["p"] == pair["p_artists"] > 0
    assert pair["p_mcnemar"] > 0


def test_a_model_that_ignores_the_seed_is_tested_against_the_seeds_of_the_other(tmp_path: Path) -> None:
    for seed, right in enumerate((0.5, 0.6, 0.7)):
        write_run(tmp_path / "fixed" / str(seed), GOOD, ("label=fixed", f"seed={seed}"))
        write_run(tmp_path / "other" / str(seed), np.arange(60) < 60 * right, ("label=other", f"seed={seed}"))
    pair = compare(find_run_folders([str(tmp_path)])).pairs.iloc[0]
    assert pair["p_seeds"] == pytest.approx(ttest_1samp([0.5, 0.6, 0.7], 0.9).pvalue)


def test_leakage_levels_are_compared_with_the_lowest(tmp_path: Path) -> None:
    write_leakage_levels(tmp_path)
    result = compare(find_run_folders([str(tmp_path)]))
    assert result.reference == "leak_nothing"
    assert result.table["label"].tolist() == ["leak_nothing", "leak_artists", "leak_albums"]
    assert result.pairs[["first", "second"]].to_numpy().tolist() == [
        ["leak_artists", "leak_nothing"],
        ["leak_albums", "leak_nothing"],
    ]


def test_unfinished_runs_are_left_out_and_named(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    for folder in folders[2:]:
        (folder / run_folder.SCORES).unlink()
    result = compare(folders)
    assert result.table["label"].tolist() == ["cnn1d_gru"]
    assert result.pairs.empty
    assert result.notes == [f"{folder} is unfinished: resume it with run_dir={folder}." for folder in folders[2:]]
    with pytest.raises(
        GenreError, match=f"none of these runs is finished: resume one first, with run_dir={folders[2]}"
    ):
        compare(folders[2:])


def test_non_finite_logits_are_noted(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    table = pd.read_parquet(folders[0] / run_folder.PREDICTIONS)
    table.at[3, "logits"] = np.full(3, np.nan)
    table.to_parquet(folders[0] / run_folder.PREDICTIONS)
    assert compare(folders).notes == [
        "1 test tracks of cnn1d_gru (seed 1) have non-finite logits: they count as errors and are excluded from the "
        "log loss."
    ]
