"""Significance tests: their level in simulated cases, and worked-out p-values."""

import numpy as np
import pytest
from scipy.stats import binomtest, kstest, ttest_ind

from genre.evaluation.significance import holm_correction, mcnemar_test, paired_permutation_test, seed_t_test
from tests.evaluation.conftest import make_predictions
from tests.evaluation.test_bootstrap import clustered


def test_p_values_of_the_permutation_test_are_uniform_without_a_difference() -> None:
    random = np.random.default_rng(3)
    # many tracks per artist, so that ties are rare
    values = [paired_permutation_test([clustered(random, 40, 40)], [clustered(random, 40, 40)]) for _ in range(300)]
    assert kstest(values, "uniform").pvalue > 0.01
    assert np.mean(np.array(values) < 0.05) < 0.09


def test_the_permutation_test_of_few_artists_is_exact() -> None:
    names = [f"artist {number}" for number in range(6)]
    right = make_predictions([(0, 0)] * 6, ["a", "b"], names)
    wrong = make_predictions([(0, 1)] * 6, ["a", "b"], names)
    assert paired_permutation_test([right], [wrong]) == pytest.approx(2 / 2**6)
    assert paired_permutation_test([right], [right]) == 1.0


def test_only_discordant_artists_count_as_few() -> None:
    # 40 artists; the first model has one more correct track for seven of them: 2 of 2^7 permutations are as extreme
    names = [f"A{number}" for number in range(40)]
    first = make_predictions([(0, 0)] * 40, ["a", "b"], names)
    second = make_predictions([(0, int(number < 7)) for number in range(40)], ["a", "b"], names)
    assert paired_permutation_test([first], [second]) == pytest.approx(2 / 2**7)
    assert paired_permutation_test([first] * 3, [second] * 2) == pytest.approx(2 / 2**7)


@pytest.mark.parametrize("discordant", [0, 1])
def test_a_single_discordant_artist_is_no_evidence(discordant: int) -> None:
    names = [f"A{number}" for number in range(10)]
    first = make_predictions([(0, 0)] * 10, ["a", "b"], names)
    second = make_predictions([(0, int(number < discordant)) for number in range(10)], ["a", "b"], names)
    assert paired_permutation_test([first], [second]) == 1.0


def test_seeds_are_compared_by_welchs_t_test() -> None:
    first, second = np.array([0.8, 0.82, 0.79]), np.array([0.7, 0.75])
    assert seed_t_test(first, second) == pytest.approx(ttest_ind(first, second, equal_var=False).pvalue)
    assert np.isnan(seed_t_test(first, second[:1]))
    assert np.isnan(seed_t_test(np.full(3, 0.5), np.full(3, 0.5)))
    assert np.isnan(seed_t_test(np.full(3, 0.5), np.full(3, 0.6)))  # no spread to compare the difference with


@pytest.mark.parametrize(("only_first", "only_second"), [(8, 2), (2, 8), (5, 5), (6, 5), (1, 0), (0, 12)])
def test_mcnemar_is_a_binomial_test_of_the_discordant_tracks(only_first: int, only_second: int) -> None:
    first = make_predictions([(0, 0)] * only_first + [(0, 1)] * only_second + [(0, 0)] * 5, ["a", "b"])
    second = make_predictions([(0, 1)] * only_first + [(0, 0)] * only_second + [(0, 0)] * 5, ["a", "b"])
    expected = binomtest(only_first, only_first + only_second).pvalue
    assert mcnemar_test(first, second) == pytest.approx(expected)


def test_mcnemar_by_hand() -> None:
    # 8 against 2 of 10 discordant tracks: 2 * (1 + 10 + 45) / 2^10
    first = make_predictions([(0, 0)] * 8 + [(0, 1)] * 2, ["a", "b"])
    second = make_predictions([(0, 1)] * 8 + [(0, 0)] * 2, ["a", "b"])
    assert mcnemar_test(first, second) == pytest.approx(112 / 1024)
    assert mcnemar_test(first, first) == 1.0


def test_holm_by_hand() -> None:
    # sorted: 3 * 0.01, 2 * 0.03, max(0.06, 1 * 0.04)
    assert holm_correction([0.04, 0.01, 0.03]).tolist() == pytest.approx([0.06, 0.03, 0.06])
    # the example of Aickin and Gensler (1996): 0.01, 0.013, 0.014, 0.19, 0.35, 0.5, 0.63, 0.67, 0.75, 0.81
    values = [0.75, 0.01, 0.5, 0.013, 0.81, 0.19, 0.014, 0.67, 0.35, 0.63]
    expected = [1, 0.1, 1, 9 * 0.013, 1, 1, 9 * 0.013, 1, 1, 1]
    assert holm_correction(values).tolist() == pytest.approx(expected)
    assert holm_correction([]).tolist() == []
