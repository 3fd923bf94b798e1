"""Intervals: their coverage and width in simulated cases; the table of genres by hand and against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from genre.evaluation.bootstrap import (
    bootstrap_counts,
    bootstrap_scores,
    interval_warnings,
    per_class_table,
    percentile_interval,
    score_intervals,
)
from genre.evaluation.predictions import Predictions
from tests.evaluation.conftest import make_predictions

GENRES = ["Folk", "Old-Time / Historic", "Pop", "Rock", "Spoken"]


def clustered(random: np.random.Generator, artists: int, tracks: int = 5) -> Predictions:
    """Artists of different difficulty: the tracks of each are correct with a probability of 0.3 to 0.9."""
    chance = np.repeat(random.uniform(0.3, 0.9, artists), tracks)
    correct = random.random(artists * tracks) < chance
    names = [f"artist {number}" for number in np.repeat(np.arange(artists), tracks)]
    return make_predictions([(0, 0 if right else 1) for right in correct], ["a", "b"], names)


def random_predictions(tracks: int = 400) -> Predictions:
    random = np.random.default_rng(0)
    target = random.choice(5, tracks, p=[0.6, 0.2, 0.15, 0.05, 0])
    prediction = np.where(random.random(tracks) < 0.6, target, random.integers(0, 4, tracks))
    return make_predictions(list(zip(target, prediction, strict=True)), GENRES)


def test_an_interval_covers_the_true_accuracy_in_95_percent_of_cases() -> None:
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        sums = bootstrap_counts(clustered(random, 200).cluster_counts, 400)
        low, high = percentile_interval(sums[:, 4] / sums[:, 0])  # correct tracks of genre a, divided by all of them
        inside += low <= 0.6 <= high
    assert 930 <= inside <= 970


def test_an_interval_over_artists_is_wider_than_one_over_tracks() -> None:
    random = np.random.default_rng(1)
    correct = np.repeat(random.uniform(0, 1, 60) > 0.4, 10)  # an artist is always correct or always wrong
    names = [f"artist {number}" for number in np.repeat(np.arange(60), 10)]
    pairs = [(0, 0 if right else 1) for right in correct]
    widths = [
        np.ptp(percentile_interval(bootstrap_scores([make_predictions(pairs, ["a", "b"], who)])["accuracy"]))
        for who in (names, None)
    ]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10), rel=0.1)


def test_resamples_are_the_same_for_all_models() -> None:
    counts = clustered(np.random.default_rng(2), 20).cluster_counts
    assert np.array_equal(bootstrap_counts(counts), bootstrap_counts(counts))
    assert np.array_equal(bootstrap_counts(counts)[:, -1], np.full(2000, 100))


def test_seeds_are_averaged_within_a_resample() -> None:
    right, wrong = make_predictions([(0, 0)] * 9, ["a", "b"]), make_predictions([(0, 1)] * 9, ["a", "b"])
    assert bootstrap_scores([right, wrong])["accuracy"] == pytest.approx(np.full(2000, 0.5))


def test_an_interval_of_no_values_is_missing() -> None:
    assert np.isnan(percentile_interval(np.array([np.nan, np.nan]))).all()


def test_a_single_artist_has_no_interval() -> None:
    test = make_predictions([(0, 1)] * 9 + [(1, 1)], ["a", "b"], ["X"] * 10)
    assert np.isnan(percentile_interval(bootstrap_scores([test])["accuracy"])).all()
    assert interval_warnings(test) == ["No intervals: the test set has only one artist."]


def test_intervals_of_few_clusters_come_with_a_warning() -> None:
    few = make_predictions([(0, 0)] * 29, ["a"])
    assert interval_warnings(few) == ["With only 29 tracks in the test set, the intervals understate the uncertainty."]
    assert interval_warnings(make_predictions([(0, 0)] * 30, ["a"])) == []


def test_score_table_names_each_score_with_its_interval() -> None:
    table = score_intervals(random_predictions()).set_index("score")
    assert table.index[0] == "accuracy"
    assert table.loc["accuracy", "low"] < table.loc["accuracy", "value"] < table.loc["accuracy", "high"]


def test_genres_by_hand() -> None:
    # Spoken is neither true nor predicted; Pop is only predicted, Rock is only true
    test = make_predictions([(0, 0), (0, 0), (0, 2), (1, 1), (3, 0), (3, 1)], GENRES)
    nan = float("nan")
    expected = pd.DataFrame(
        {
            "genre": GENRES,
            "precision": [2 / 3, 1 / 2, 0.0, nan, nan],
            "recall": [2 / 3, 1.0, nan, 0.0, nan],
            "f1": [2 / 3, 2 / 3, 0.0, 0.0, nan],
            "support": [3, 1, 0, 2, 0],
        }
    )
    pd.testing.assert_frame_equal(per_class_table(test)[list(expected)], expected)


def test_intervals_of_genres_contain_the_score_and_are_missing_with_it() -> None:
    table = per_class_table(random_predictions())
    for name in ("precision", "recall", "f1"):
        known = table[table[name].notna()]
        assert (known[f"{name}_low"] < known[name]).all()
        assert (known[name] < known[f"{name}_high"]).all()
        assert table.loc[table[name].isna(), f"{name}_low"].isna().all()
    # the normal approximation of a share, for the largest genre
    first = table.iloc[0]
    half = 1.96 * np.sqrt(first["recall"] * (1 - first["recall"]) / first["support"])
    assert first["recall_high"] - first["recall_low"] == pytest.approx(2 * half, rel=0.1)


@pytest.mark.parametrize("number", range(4))
def test_genres_equal_scikit_learns_one_against_the_rest(number: int) -> None:
    test = random_predictions()
    row = per_class_table(test).iloc[number]
    target, prediction = test.target == number, test.prediction == number
    assert row["precision"] == pytest.approx(precision_score(target, prediction))
    assert row["recall"] == pytest.approx(recall_score(target, prediction))
    assert row["f1"] == pytest.approx(f1_score(target, prediction))
    assert row["support"] == target.sum()
