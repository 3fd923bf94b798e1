"""Comparisons: scores over seeds and folds, tests of pairs, what is left out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation.comparison import OF_VALIDATION, compare
from genre.evaluation.runs import find_runs
from tests.evaluation.conftest import (
    BAD,
    GOOD,
    add_validation,
    write_folds,
    write_leakage_levels,
    write_run,
    write_seeds,
)


def test_a_difference_that_is_the_same_for_every_artist_is_significant(tmp_path: Path) -> None:
    """The second seeds confuse other genres, so that the models have two seeds each."""
    right = {"a": np.ones(60, bool), "b": np.zeros(60, bool)}
    folders = []
    for label, correct in right.items():
        for seed in (1, 2):
            folder = write_run(tmp_path / f"{label}{seed}", correct, (f"label={label}", f"seed={seed}"))
            table = pd.read_parquet(folder / run_folder.PREDICTIONS)
            table["logits"] = [seed * logits for logits in table["logits"]]
            table.to_parquet(folder / run_folder.PREDICTIONS)
            folders.append(folder)
    pair = compare(folders).pairs.iloc[0]
    assert (pair["test"], pair["accuracy"], pair["accuracy_p"]) == ("permutation", 1, pytest.approx(2 / 2**10))
    assert pair["accuracy_significant"]


def test_networks_that_are_not_better_than_a_baseline_are_named(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    for folder, score in zip(folders, (0.4, 0.6, 0.6, 0.6), strict=True):
        scores = run_folder.read_scores(folder)
        scores |= {f"{prefix}val/{name}": 0.5 for prefix in ("", "logreg/") for name in ("accuracy", "f1_macro")}
        (folder / run_folder.SCORES).write_text(json.dumps(scores | {"val/accuracy": score, "val/f1_macro": 0.7}))
    note = (
        "cnn1d_gru is not better than logistic regression on the same features on the validation tracks of 1 of 2 runs."
    )
    assert compare(folders, ensemble=True).notes == [note]


def test_variants_of_one_model_are_compared_under_given_labels(tmp_path: Path) -> None:
    settings = (("plain", GOOD, "model.net.dropout=0"), ("dropout", BAD, "model.net.dropout=0.5"))
    folders = {tmp_path / label: label for label, _, _ in settings}
    for label, correct, override in settings:
        write_run(tmp_path / label, correct, ("model=cnn1d_gru", override))
    with pytest.raises(GenreError, match=r"share the label cnn1d_gru but differ in model\.net\.dropout"):
        compare(list(folders))
    assert compare(list(folders), labels=folders).table["label"].tolist() == ["plain", "dropout"]


def test_seeds_are_averaged(tmp_path: Path) -> None:
    result = compare(write_seeds(tmp_path, artists=60))
    assert result.table["label"].tolist() == ["cnn1d_gru", "cnn2d_gru"]
    assert result.table["accuracy"].tolist() == pytest.approx([53.5 / 60, 0.5])
    assert result.table["accuracy_sd"].tolist() == pytest.approx([np.std([0.9, 53 / 60], ddof=1), 0])
    assert result.table["parameters"].tolist() == [12345, 12345]
    pair = result.pairs.iloc[0]
    assert pair["accuracy"] == pytest.approx(23.5 / 60)
    assert 0 < pair["accuracy_low"] < 0.39 < pair["accuracy_high"]
    assert pair["test"] == "t"
    assert pair["accuracy_significant"]
    assert pair["f1_macro_significant"]


def test_each_fraction_of_the_training_tracks_is_tested_against_the_next_smaller(tmp_path: Path) -> None:
    folders = []
    for model, fraction in (("a", 1.0), ("b", 0.5), ("a", 0.25), ("b", 1.0), ("a", 0.5)):
        name = f"{model}_{fraction}"
        settings = (f"label={name}", f"data.train_fraction={fraction}", "against=smaller")
        folders.append(write_run(tmp_path / name, GOOD, settings))
        tracks = pd.read_parquet(folders[-1] / run_folder.TRACKS)
        train = pd.DataFrame({"track_id": [f"t{number}" for number in range(round(40 * fraction))], "split": "train"})
        pd.concat([tracks, train]).to_parquet(folders[-1] / run_folder.TRACKS)
    pairs = compare(folders).pairs
    expected = [("a_0.5", "a_0.25"), ("a_1.0", "a_0.5"), ("b_1.0", "b_0.5")]
    assert list(zip(pairs["first"], pairs["second"], strict=True)) == expected
    assert set(pairs["question"]) == {"each training set with the next smaller one"}


def test_folds_are_joined(tmp_path: Path) -> None:
    result = compare(write_folds(tmp_path))
    row = result.table.iloc[0]
    assert (row["seeds"], row["folds"], row["tracks"]) == (1, 3, 60)
    assert row["accuracy"] == row["accuracy_fold_mean"] == pytest.approx(0.9)
    assert row["accuracy_fold_sd"] == 0
    assert result.pairs["test"].tolist() == ["permutation"]
    assert result.pairs["question"].tolist() == ["each network with logreg, the best baseline"]


def test_a_difference_has_to_hold_across_seeds_too(tmp_path: Path) -> None:
    accuracy = {"steady": (0.9, 0.9, 0.88), "shaky": (0.95, 0.5, 0.35), "low": (0.3, 0.32, 0.31)}
    for label, seeds in accuracy.items():
        for seed, each in enumerate(seeds):
            overrides = (f"label={label}", f"seed={seed}")
            write_run(tmp_path / label / str(seed), np.arange(60) < 60 * each, overrides, artists=60)
    pairs = compare(list(find_runs(str(tmp_path)))).pairs.set_index(["first", "second"])
    shaky, low = pairs.loc[("shaky", "steady")], pairs.loc[("low", "steady")]
    assert shaky["accuracy"] == pytest.approx(0.6 - 161 / 180)
    assert not shaky["accuracy_significant"]
    assert low["accuracy_significant"]


def test_a_deterministic_model_counts_once_and_is_tested_over_artists(tmp_path: Path) -> None:
    for label, correct in (("fixed", GOOD), ("fixed too", BAD)):
        for seed in range(3):
            write_run(tmp_path / label / str(seed), correct, (f"label={label}", f"seed={seed}"), artists=60)
    result = compare(list(find_runs(str(tmp_path))))
    assert result.table["seeds"].tolist() == [1, 1]
    assert result.table["accuracy_sd"].isna().all()
    assert [model.has_single_seed for model in result.models] == [False, False]
    pair = result.pairs.iloc[0]
    assert pair["test"] == "permutation"
    assert pair["accuracy_p"] < 0.001


def test_seeds_of_a_network_are_tested_against_a_deterministic_model(tmp_path: Path) -> None:
    right = np.arange(60) % 2 == 0
    for seed, errors in enumerate((0, 12, 24)):
        write_run(tmp_path / "fixed" / str(seed), right, ("label=fixed", f"seed={seed}"), artists=60)
        other = right | (np.arange(60) < errors)
        write_run(tmp_path / "other" / str(seed), other, ("label=other", f"seed={seed}"), artists=60)
    pair = compare(list(find_runs(str(tmp_path)))).pairs.iloc[0]
    assert pair[["first", "second", "test"]].tolist() == ["other", "fixed", "t"]
    assert pair["accuracy"] == pytest.approx(0.1)
    # each of the first 12 odd-numbered tracks is right in two seeds of three, or in one
    difference = np.zeros(60)
    difference[1:12:2], difference[13:24:2] = 2 / 3, 1 / 3
    of_artists = difference.var() / 59
    noise = [np.var(each - difference) / 59 for each in (0 * difference, difference > 0.5, difference > 0)]
    of_seeds = (np.var([0, 0.1, 0.2], ddof=1) - sum(noise) * 59 / 60 / 2) / 3
    df = (of_artists + of_seeds) ** 2 / (of_artists**2 / 59 + (0.01 / 3) ** 2 / 2)
    expected = 2 * t.sf(0.1 / np.sqrt(of_artists + of_seeds), df)
    assert pair["accuracy_p"] == pytest.approx(expected, rel=0.05)


def test_steps_are_compared_with_the_one_before(tmp_path: Path) -> None:
    for number, label in enumerate("xab"):
        write_run(tmp_path / f"{number}", GOOD, (f"label={label}", "against=previous"))
    result = compare(list(find_runs(str(tmp_path))))
    assert result.pairs[["first", "second"]].to_numpy().tolist() == [["a", "x"], ["b", "a"]]


def test_networks_are_compared_with_the_baseline_that_is_best_on_validation_tracks(tmp_path: Path) -> None:
    for label, f1 in (("majority", 0.1), ("logreg", 0.4), ("cnn1d_gru", 0.9), ("cnn2d_gru", 0.2)):
        folder = write_run(tmp_path / label, GOOD, (f"model={label}",))
        scores = json.loads((folder / run_folder.SCORES).read_text())
        (folder / run_folder.SCORES).write_text(json.dumps(scores | {"val/f1_macro": f1}))
    pairs = compare(list(find_runs(str(tmp_path)))).pairs
    first, others = (rows for _, rows in pairs.groupby("question", sort=False))
    assert first[["first", "second"]].to_numpy().tolist() == [["cnn1d_gru", "logreg"], ["cnn2d_gru", "logreg"]]
    assert len(others) == 4
    assert not {("cnn1d_gru", "logreg"), ("cnn2d_gru", "logreg")} & set(
        zip(others["first"], others["second"], strict=True)
    )


def test_each_question_has_its_own_correction(tmp_path: Path) -> None:
    correct = {"majority": BAD, "logreg": np.roll(BAD, 1), "cnn1d_gru": GOOD, "cnn2d_gru": GOOD}
    for label, each in correct.items():
        write_run(tmp_path / label, each, (f"model={label}",), artists=60)
    pairs = compare(list(find_runs(str(tmp_path)))).pairs
    for _, rows in pairs.groupby("question"):
        assert rows["accuracy_p_holm"].min() == pytest.approx(len(rows) * rows["accuracy_p"].min())


def test_leakage_levels_are_compared_with_the_lowest(tmp_path: Path) -> None:
    write_leakage_levels(tmp_path)
    result = compare(list(find_runs(str(tmp_path))))
    assert result.pairs["question"].tolist() == ["each with leak_nothing"] * 2
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
    result = compare(list(find_runs(str(tmp_path))), split="val")
    assert result.table["accuracy"].tolist() == pytest.approx([33 / 60, 27 / 60])
    assert result.table["accuracy_fold_mean"][0] == pytest.approx(33 / 60)
    predictions = result.predictions
    assert predictions.track_id.tolist()[:6] == ["000000", "000000", "000001", "000001", "000002", "000002"]
    assert predictions.correct[12:20].tolist() == [True, False] * 3 + [False, False]
    assert predictions.n_clusters == 10
    assert np.bincount(predictions.cluster_ids).tolist() == [6] * 10
    assert predictions.describe() == "40 validation tracks by 10 artists, 60 predictions (folds share tracks)"
    assert result.pairs["accuracy_p"].notna().all()
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
