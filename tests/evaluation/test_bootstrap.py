"""Intervals: their coverage and width in simulated cases; the table of genres by hand and against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm, t
from sklearn.metrics import f1_score, precision_score, recall_score

from genre.evaluation.bootstrap import (
    Sampled,
    Spread,
    bootstrap_counts,
    bootstrap_scores,
    interval,
    interval_warnings,
    per_class_table,
    satterthwaite_df,
    score_intervals,
    seed_spreads,
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


def accuracy(*seeds: Predictions) -> Sampled:
    return bootstrap_scores(np.stack([each.cluster_counts for each in seeds]), 2)["accuracy"]


def test_an_interval_covers_the_true_accuracy_in_95_percent_of_cases() -> None:
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        counts = clustered(random, 20).cluster_counts
        sums = bootstrap_counts(counts, 400)
        shares = counts[:, 4].sum() / 100, sums[:, 4] / 100
        low, high = interval(*shares, np.full(20, 5))  # correct tracks of genre a, by all of them
        inside += low <= 0.6 <= high
    assert 935 <= inside <= 970  # about 920 without the wider tails


def test_an_interval_has_the_tails_of_hesterberg() -> None:
    # for 10 artists the published tail is the normal one beyond sqrt(10 / 9) * 2.262 deviations: 0.0085
    resampled = norm.ppf((np.arange(100_000) + 0.5) / 100_000, 0.5, 0.05)
    tail = norm.cdf(np.sqrt(10 / 9) * t.ppf(0.025, 9))
    assert tail == pytest.approx(0.0085, abs=0.0001)
    assert interval(0.5, resampled, np.full(10, 7)) == pytest.approx(norm.ppf([tail, 1 - tail], 0.5, 0.05), abs=1e-4)


def test_an_interval_is_shifted_by_the_bias_of_the_bootstrap() -> None:
    resampled = norm.ppf((np.arange(10_000) + 0.5) / 10_000, 0.45, 0.05)  # 0.05 lower than the score itself
    low, high = interval(0.5, resampled, np.full(100, 3))
    assert (low + high) / 2 == pytest.approx(0.5, abs=1e-4)


def test_seeds_widen_an_interval() -> None:
    resampled = norm.ppf((np.arange(100_000) + 0.5) / 100_000, 0.5, 0.03)
    low, high = interval(0.5, resampled, np.full(1000, 1), Spread(0.04**2, 0.04**2, 1000))
    assert high - low == pytest.approx(2 * 1.96 * 0.05, rel=0.03)
    low, high = interval(0.5, resampled, np.full(1000, 1), Spread(0.5**2, 0.5**2, 1000))
    assert (low, high) == (0, 1)


@pytest.mark.parametrize(("right", "expected"), [(10, (0.6915, 1)), (0, (0, 0.3085))])
def test_an_interval_of_all_or_none_is_that_of_clopper_and_pearson(right: int, expected: tuple[float, float]) -> None:
    exact = binomtest(right, 10).proportion_ci(method="exact")
    assert (exact.low, exact.high) == pytest.approx(expected, abs=1e-4)
    resampled = np.full(50, right / 10)
    assert interval(right / 10, resampled, np.full(10, 3)) == pytest.approx(
        expected, abs=1e-4
    )  # 10 artists, whatever their tracks
    # one artist with half of the tracks: (9 + 9)^2 / (9^2 + 9 * 1^2) = 3.6 artists of equal size
    low, high = interval(right / 10, resampled, np.array([9, *[1] * 9]))
    assert high - low == pytest.approx(1 - 0.025 ** (1 / 3.6))
    assert interval(0, np.zeros(50), np.full(10, 3), highest=np.inf) == (0, 0)  # a log loss is no share


def test_fewer_than_five_artists_have_no_interval() -> None:
    assert np.isnan(interval(0.5, np.array([np.nan, np.nan]), np.full(9, 1))).all()
    assert np.isnan(interval(0.5, np.linspace(0, 1, 9), np.array([3, 3, 3, 3, 0]))).all()
    assert np.isfinite(interval(0.5, np.linspace(0, 1, 9), np.array([3, 3, 3, 3, 1]))).all()
    few = make_predictions([(0, 1)] * 9 + [(1, 1)], ["a", "b"], ["X"] * 10)
    assert score_intervals(few)["low"].isna().all()
    assert interval_warnings(few) == ["No intervals: the test set has only one artist."]


def test_an_interval_over_artists_is_wider_than_one_over_tracks() -> None:
    random = np.random.default_rng(1)
    correct = np.repeat(random.uniform(0, 1, 60) > 0.4, 10)  # an artist is always correct or always wrong
    names = [f"artist {number}" for number in np.repeat(np.arange(60), 10)]
    pairs = [(0, 0 if right else 1) for right in correct]
    tables = [score_intervals(make_predictions(pairs, ["a", "b"], who)).iloc[0] for who in (names, None)]
    widths = [row["high"] - row["low"] for row in tables]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10), rel=0.1)


def test_resamples_are_the_same_for_all_models() -> None:
    counts = clustered(np.random.default_rng(2), 20).cluster_counts
    assert np.array_equal(bootstrap_counts(counts), bootstrap_counts(counts))
    assert np.array_equal(bootstrap_counts(counts)[:, -1], np.full(2000, 100))


def test_each_seed_has_its_scores() -> None:
    right, wrong = make_predictions([(0, 0)] * 9, ["a", "b"]), make_predictions([(0, 1)] * 9, ["a", "b"])
    assert accuracy(right, wrong).values.tolist() == [1, 0]
    assert accuracy(right, wrong).resampled.mean(axis=1).tolist() == [1, 0]


def test_the_variance_over_seeds_is_that_of_a_model_or_of_all() -> None:
    def model(*values: float) -> Sampled:
        return Sampled(np.array(values), np.tile(np.array(values)[:, None], 5))  # the artists do not matter

    spreads = seed_spreads([model(0.5, 0.6, 0.7), model(0.6, 0.6), model(0.9)])
    pooled = (2 * 0.01 + 0) / 3
    assert spreads[0] == Spread(pytest.approx(0.01 / 3), pytest.approx(0.01 / 3), 2)
    assert spreads[1] == Spread(pytest.approx(pooled / 2), pytest.approx(pooled / 2), 3)
    assert spreads[2].variance == 0


def test_seeds_that_differ_only_by_their_tracks_add_nothing() -> None:
    random = np.random.default_rng(4)
    raw, added = [], []
    for _ in range(100):  # independent errors, as often in all seeds
        chosen = [make_predictions([(0, each) for each in random.integers(0, 2, 100)], ["a", "b"]) for _ in range(5)]
        (spread,) = seed_spreads([accuracy(*chosen)])
        raw.append(spread.observed)
        added.append(spread.variance)
    assert np.mean(raw) == pytest.approx(0.25 / 100 / 5, rel=0.2)
    assert np.mean(added) < 0.4 * np.mean(raw)


def test_degrees_of_freedom_by_hand() -> None:
    assert satterthwaite_df([Spread(2, 2, 4), Spread(2, 2, 4)]) == 8
    assert satterthwaite_df([Spread(3, 3, 9), Spread()]) == 9
    assert satterthwaite_df([Spread(8, 8, 9), Spread(1, 3, 2)]) == pytest.approx(81 / (64 / 9 + 9 / 2))
    assert satterthwaite_df([Spread(0, 0, 9), Spread(0, 3, 2)]) == 2
    assert satterthwaite_df([Spread()]) == np.inf


def test_intervals_of_few_clusters_come_with_a_warning() -> None:
    few = make_predictions([(0, 0)] * 19, ["a"])
    assert interval_warnings(few) == ["With only 19 tracks in the test set, the intervals may be too narrow."]
    assert interval_warnings(make_predictions([(0, 0)] * 20, ["a"])) == []
    assert interval_warnings(make_predictions([(0, 0)] * 4, ["a"])) == ["No intervals: the test set has only 4 tracks."]


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
            "clusters": [3, 1, 0, 2, 0],
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


def test_resamples_without_a_genre_do_not_count_for_it() -> None:
    test = make_predictions([(0, 0)] * 5 + [(1, 1)] * 57 + [(1, 0)] * 3, GENRES[:2])  # 0.5 % lack the first genre
    first = per_class_table(test).iloc[0]
    assert first["f1"] == pytest.approx(10 / 13)
    assert first["f1_low"] > 0.2
    assert first["precision_low"] > 0.1


def test_genres_of_four_artists_have_no_interval() -> None:
    test = make_predictions([(0, 0)] * 4 + [(1, 1)] * 20 + [(1, 0)] * 10, GENRES[:2])
    table = per_class_table(test)
    assert table.loc[0, ["precision_low", "recall_low", "f1_low"]].isna().all()
    assert table.loc[1, ["precision_low", "recall_low", "f1_low"]].notna().all()


@pytest.mark.parametrize("number", range(4))
def test_genres_equal_scikit_learns_one_against_the_rest(number: int) -> None:
    test = random_predictions()
    row = per_class_table(test).iloc[number]
    target, prediction = test.target == number, test.prediction == number
    assert row["precision"] == pytest.approx(precision_score(target, prediction))
    assert row["recall"] == pytest.approx(recall_score(target, prediction))
    assert row["f1"] == pytest.approx(f1_score(target, prediction))
    assert row["support"] == target.sum()
