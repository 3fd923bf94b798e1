"""Significance tests: their level in simulated cases, and worked-out p-values."""

import numpy as np
import pytest
from scipy.stats import kstest, t, ttest_1samp

from genre.evaluation.bootstrap import FIXED, Sampled, bootstrap_scores, seed_spreads
from genre.evaluation.predictions import Predictions
from genre.evaluation.significance import holm_correction, permutation_test, t_test
from tests.evaluation.conftest import make_predictions
from tests.evaluation.test_bootstrap import clustered


def permuted(first: list[Predictions], second: list[Predictions]) -> dict[str, float]:
    counts = [np.stack([each.cluster_counts for each in seeds]) for seeds in (first, second)]
    return permutation_test(*counts, 2)


def test_p_values_of_the_permutation_test_are_uniform_without_a_difference() -> None:
    random = np.random.default_rng(3)
    # many tracks per artist, so that ties are rare
    values = [permuted([clustered(random, 40, 40)], [clustered(random, 40, 40)])["accuracy"] for _ in range(100)]
    assert kstest(values, "uniform").pvalue > 0.01
    assert np.mean(np.array(values) < 0.05) < 0.12


def test_the_permutation_test_of_few_artists_is_exact() -> None:
    names = [f"artist {number}" for number in range(6)]
    right = make_predictions([(0, 0)] * 6, ["a", "b"], names)
    wrong = make_predictions([(0, 1)] * 6, ["a", "b"], names)
    assert permuted([right], [wrong]) == {"accuracy": 2 / 2**6, "f1_macro": 2 / 2**6}
    assert permuted([right], [right]) == {"accuracy": 1, "f1_macro": 1}


def test_only_discordant_artists_count_as_few() -> None:
    # 40 artists; the first model has one more correct track for seven of them: 2 of 2^7 permutations are as extreme
    names = [f"A{number}" for number in range(40)]
    first = make_predictions([(0, 0)] * 40, ["a", "b"], names)
    second = make_predictions([(0, int(number < 7)) for number in range(40)], ["a", "b"], names)
    assert permuted([first], [second])["accuracy"] == 2 / 2**7
    assert permuted([first], [second] * 2)["f1_macro"] == 2 / 2**7


def test_more_artists_are_sampled() -> None:
    # 15 artists for one model and 5 for the other: the binomial test, 2 * P(X <= 5) for 20 throws of a coin
    names = [f"A{number}" for number in range(20)]
    first = make_predictions([(0, int(number < 5)) for number in range(20)], ["a", "b"], names)
    second = make_predictions([(0, int(number >= 5)) for number in range(20)], ["a", "b"], names)
    assert permuted([first], [second])["accuracy"] == pytest.approx(0.0414, abs=0.006)


@pytest.mark.parametrize("discordant", [0, 1])
def test_a_single_discordant_artist_is_no_evidence(discordant: int) -> None:
    names = [f"A{number}" for number in range(10)]
    first = make_predictions([(0, 0)] * 10, ["a", "b"], names)
    second = make_predictions([(0, int(number < discordant)) for number in range(10)], ["a", "b"], names)
    assert permuted([first], [second])["accuracy"] == 1.0


def test_without_seeds_the_t_test_is_that_of_paired_means() -> None:
    random = np.random.default_rng(5)
    first, second = clustered(random, 30), clustered(random, 30)
    means = [each.correct.reshape(30, 5).mean(axis=1) for each in (first, second)]
    expected = ttest_1samp(means[0] - means[1], 0)
    scores = [bootstrap_scores(each.cluster_counts[None], 2)["accuracy"] for each in (first, second)]
    found = t_test(*scores, 30, [FIXED, FIXED])
    assert found.value == pytest.approx((means[0] - means[1]).mean())
    assert found.p == pytest.approx(expected.pvalue, rel=0.15)
    limits = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high), abs=0.01)


def test_the_t_test_over_seeds_by_hand() -> None:
    # the artists do not matter: each mean has a variance of 0.01 / 3 and the pooled 4 degrees of freedom
    models = [Sampled(np.array(each), np.tile(np.array(each)[:, None], 9)) for each in ([0.5, 0.6, 0.7], [0.8, 0.9, 1])]
    found = t_test(*models, 50, seed_spreads(models))
    assert found.p == pytest.approx(2 * t.sf(0.3 / np.sqrt(0.02 / 3), 8))
    assert found.high - found.low == pytest.approx(2 * t.ppf(0.975, 8) * np.sqrt(0.02 / 3))
    assert np.isnan(t_test(*models, 4, seed_spreads(models)).low)
    assert t_test(*models, 4, seed_spreads(models)).p == 1


def test_models_that_never_differ_are_equal() -> None:
    model = bootstrap_scores(clustered(np.random.default_rng(6), 20).cluster_counts[None], 2)["accuracy"]
    found = t_test(model, model, 20, [FIXED, FIXED])
    assert (found.value, found.p) == (0, 1)
    assert np.isnan(found.low)


def test_a_difference_of_the_same_size_for_every_artist_is_left_to_the_permutation_test() -> None:
    first, second = (make_predictions([(0, n)] * 8, ["a", "b"], [f"artist {i}" for i in range(8)]) for n in (0, 1))
    counts = [each.cluster_counts[None] for each in (first, second)]
    found = t_test(*(bootstrap_scores(each, 2)["accuracy"] for each in counts), 8, [FIXED, FIXED])
    assert found.value == 1
    assert np.isnan([found.low, found.p]).all()
    assert permutation_test(*counts, 2)["accuracy"] == 2 / 2**8


def test_holm_by_hand() -> None:
    # sorted: 3 * 0.01, 2 * 0.03, max(0.06, 1 * 0.04)
    assert holm_correction([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.03, 0.06])
    # the example of Aickin and Gensler (1996): 0.01, 0.013, 0.014, 0.19, 0.35, 0.5, 0.63, 0.67, 0.75, 0.81
    values = [0.75, 0.01, 0.5, 0.013, 0.81, 0.19, 0.014, 0.67, 0.35, 0.63]
    expected = [1, 0.1, 1, 9 * 0.013, 1, 1, 9 * 0.013, 1, 1, 1]
    assert holm_correction(values).tolist() == pytest.approx(expected)
    assert holm_correction([]).tolist() == []
