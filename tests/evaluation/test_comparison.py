"""Comparisons: scores over seeds and folds, tests of pairs, what is left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp, ttest_ind

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation.comparison import OF_VALIDATION, compare
from genre.evaluation.runs import find_run_folders
from tests.evaluation.conftest import (
    BAD,
    GOOD,
    add_validation,
    write_folds,
    write_leakage_levels,
    write_run,
    write_seeds,
)


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


def test_validation_tracks_are_compared_in_place_of_test_tracks(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    for folder in folders:  # the test tracks are 0 to 59
        add_validation(folder, np.arange(30) < (12 if "cnn1d" in folder.name else 27), 60)
    result = compare(folders, split="val")
    assert result.table["accuracy"].tolist() == pytest.approx([12 / 30, 27 / 30])
    assert result.table["tracks"].tolist() == [30, 30]
    assert result.table["split"].tolist() == ["val", "val"]
    assert result.pairs["split"].tolist() == ["val"]
    assert result.pairs["accuracy"].tolist() == pytest.approx([-15 / 30])
    assert result.predictions.describe() == "30 validation tracks by 10 artists"
    assert result.notes == [OF_VALIDATION]
    tested = compare(folders)
    assert tested.table["accuracy"].tolist() == pytest.approx([53.5 / 60, 0.5])
    assert tested.table["split"].tolist() == ["test", "test"]
    assert tested.notes == []


def test_a_validation_track_of_several_folds_counts_in_each_and_is_resampled_with_its_artist(tmp_path: Path) -> None:
    correct = {0: np.arange(20) < 18, 1: np.arange(20) < 9, 2: np.arange(20) < 6}
    for folder in write_folds(tmp_path):  # fold n is tested on tracks 20 n to 20 n + 19
        fold = int(folder.name[-1])
        shown = correct[fold] if "cnn1d" in folder.name else ~correct[fold]
        add_validation(folder, shown, 20 if fold == 0 else 0)  # folds 1 and 2 share tracks 0 to 19
    result = compare(find_run_folders([str(tmp_path)]), split="val")
    assert result.table["accuracy"].tolist() == pytest.approx([33 / 60, 27 / 60])
    assert result.table["accuracy_fold_mean"][0] == pytest.approx(33 / 60)
    predictions = result.predictions
    assert predictions.track_id.tolist()[:6] == ["000000", "000000", "000001", "000001", "000002", "000002"]
    assert predictions.correct[12:20].tolist() == [True, False] * 3 + [False, False]
    assert predictions.n_clusters == 10
    assert np.bincount(predictions.cluster_ids).tolist() == [6] * 10
    assert predictions.describe() == "40 validation tracks by 10 artists, 60 predictions (folds share tracks)"
    assert result.pairs["p_mcnemar"].isna().all()  # it takes tracks as independent
    assert result.pairs["p_artists"].notna().all()
    assert "Folds compared: 3 of 5." in result.notes


def test_runs_without_stored_validation_predictions_are_named(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    add_validation(folders[0], GOOD, 60)
    with pytest.raises(GenreError) as caught:
        compare(folders, split="val")
    assert str(caught.value) == (
        f"{folders[1]} stores no predictions of validation tracks: train it again with another run_dir, or leave out "
        "split=val"
    )


def test_other_validation_tracks_are_refused(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    for number, folder in enumerate(folders):
        add_validation(folder, GOOD, 60 + 10 * (number == 3))
    with pytest.raises(GenreError, match=r"the validation tracks of cnn1d_gru \(seed 1\) and cnn2d_gru \(seed 2\) dif"):
        compare(folders, split="val")
