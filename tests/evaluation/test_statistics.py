"""Intervals cover, tests hold their level: simulated cases of known answer, and independent formulas."""

import numpy as np
import pytest
from scipy.stats import binomtest, kstest, ttest_ind

from genre.evaluation.bootstrap import bootstrap_counts, bootstrap_scores, interval_warnings, percentile_interval
from genre.evaluation.predictions import Predictions
from genre.evaluation.significance import holm_correction, mcnemar_test, paired_permutation_test, seed_t_test
from tests.evaluation.making import made


def clustered(random: np.random.Generator, artists: int, tracks: int = 5) -> Predictions:
    """Artists who differ in how hard they are: their tracks are right together with chance 0.3 to 0.9."""
    chance = np.repeat(random.uniform(0.3, 0.9, artists), tracks)
    correct = random.random(artists * tracks) < chance
    names = [f"artist {number}" for number in np.repeat(np.arange(artists), tracks)]
    return made([(0, 0 if right else 1) for right in correct], ["a", "b"], names)


def test_the_interval_of_accuracy_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        test = clustered(random, 200)
        sums = bootstrap_counts(test.counts, 400)
        low, high = percentile_interval(sums[:, 4] / sums[:, 0])  # rightly called a, of all that are
        inside += low <= 0.6 <= high
    assert 930 <= inside <= 970


def test_an_interval_over_artists_is_wider_than_one_over_tracks() -> None:
    random = np.random.default_rng(1)
    chance = np.repeat(random.uniform(0, 1, 60) > 0.4, 10)  # an artist is right throughout or wrong throughout
    names = [f"artist {number}" for number in np.repeat(np.arange(60), 10)]
    pairs = [(0, 0 if right else 1) for right in chance]
    widths = [
        np.ptp(percentile_interval(bootstrap_scores([made(pairs, ["a", "b"], who)])["accuracy"]))
        for who in (names, None)
    ]
    assert widths[0] / widths[1] == pytest.approx(np.sqrt(10), rel=0.1)


def test_resamples_of_all_models_are_the_same() -> None:
    test = clustered(np.random.default_rng(2), 20)
    assert np.array_equal(bootstrap_counts(test.counts), bootstrap_counts(test.counts))
    assert np.array_equal(bootstrap_counts(test.counts)[:, -1], np.full(2000, 100))


def test_seeds_are_averaged_within_a_resample() -> None:
    right, wrong = made([(0, 0)] * 9, ["a", "b"]), made([(0, 1)] * 9, ["a", "b"])
    assert bootstrap_scores([right, wrong])["accuracy"] == pytest.approx(np.full(2000, 0.5))


def test_p_values_of_the_permutation_are_uniform_where_nothing_differs() -> None:
    random = np.random.default_rng(3)
    values = [paired_permutation_test([clustered(random, 40, 40)], [clustered(random, 40, 40)]) for _ in range(300)]
    # many tracks an artist, so that hardly any two exchanges tie
    assert kstest(values, "uniform").pvalue > 0.01
    assert np.mean(np.array(values) < 0.05) < 0.09


def test_the_permutation_of_few_artists_is_exact() -> None:
    names = [f"artist {number}" for number in range(6)]
    right, wrong = made([(0, 0)] * 6, ["a", "b"], names), made([(0, 1)] * 6, ["a", "b"], names)
    assert paired_permutation_test([right], [wrong]) == pytest.approx(2 / 2**6)
    assert paired_permutation_test([right], [right]) == 1.0


def test_mcnemar_is_a_binomial_test_of_the_tracks_on_which_they_differ() -> None:
    first = made([(0, 0)] * 8 + [(0, 1)] * 2 + [(0, 0)] * 5, ["a", "b"])
    second = made([(0, 1)] * 8 + [(0, 0)] * 2 + [(0, 0)] * 5, ["a", "b"])
    assert mcnemar_test(first, second) == pytest.approx(binomtest(2, 10).pvalue)
    assert mcnemar_test(first, first) == 1.0


def test_holm_multiplies_the_smallest_by_the_number_of_tests() -> None:
    assert holm_correction([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm_correction([]) == []


def test_an_interval_of_nothing_is_missing() -> None:
    assert np.isnan(percentile_interval(np.array([np.nan, np.nan]))).all()


def test_a_permutation_is_exact_where_few_artists_tell_the_models_apart() -> None:
    # 40 artists; seven of them have one more right under the first: 2 of 2^7 swaps are as extreme
    first = made([(0, 0)] * 40, ["a", "b"], [f"A{n}" for n in range(40)])
    second = made([(0, int(n < 7)) for n in range(40)], ["a", "b"], [f"A{n}" for n in range(40)])
    assert paired_permutation_test([first], [second]) == pytest.approx(2 / 2**7)
    assert paired_permutation_test([first] * 3, [second] * 2) == pytest.approx(2 / 2**7)


@pytest.mark.parametrize("unlike", [0, 1])
def test_models_that_one_artist_or_none_tells_apart_are_not(unlike: int) -> None:
    artists = [f"A{n}" for n in range(10)]
    first = made([(0, 0)] * 10, ["a", "b"], artists)
    second = made([(0, int(n < unlike)) for n in range(10)], ["a", "b"], artists)
    assert paired_permutation_test([first], [second]) == 1.0


def test_seeds_are_compared_by_welch() -> None:
    first, second = np.array([0.8, 0.82, 0.79]), np.array([0.7, 0.75])
    assert seed_t_test(first, second) == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue)
    assert np.isnan(seed_t_test(first, second[:1]))
    assert np.isnan(seed_t_test(np.full(3, 0.5), np.full(3, 0.5)))
    assert np.isnan(seed_t_test(np.full(3, 0.5), np.full(3, 0.6)))  # no spread to compare the difference with


def test_one_artist_only_leaves_no_intervals_and_proves_nothing() -> None:
    right, wrong = (made([(0, guess)] * 9 + [(1, 1)], ["a", "b"], ["X"] * 10) for guess in (0, 1))
    assert np.isnan(percentile_interval(bootstrap_scores([wrong])["accuracy"])).all()
    assert interval_warnings(wrong) == ["With one artist in the test part there are no intervals."]
    assert paired_permutation_test([right], [wrong]) == 1.0
