"""Significance tests between two models on the same test set."""

import numpy as np
from scipy.stats import binom, permutation_test, ttest_ind_from_stats

from genre.evaluation.predictions import Predictions

PERMUTATIONS = 9999
MAX_EXACT_CLUSTERS = 14
"""Up to this many discordant artists the permutation test is exact (2^14 = 16,384 permutations)."""


def paired_permutation_test(first: list[Predictions], second: list[Predictions]) -> float:
    """Test whether two models are equally accurate, by exchanging their predictions for whole artists.

    Args:
        first: Predictions of one model, one item per seed.
        second: Predictions of the other model for the same tracks, one item per seed.

    Returns:
        Two-sided p-value. The test is exact if few artists tell the models apart; it is 1 for fewer than two.
    """
    correct = [np.sum([one.correct for one in seeds], axis=0) for seeds in (first, second)]
    weights = (len(second), len(first))  # integers, so that ties remain ties
    sums = [np.bincount(first[0].cluster_ids, each * weight) for each, weight in zip(correct, weights, strict=True)]
    discordant = sums[0] != sums[1]  # exchanging the others changes nothing
    number = np.count_nonzero(discordant)
    if number < 2:
        return 1.0
    result = permutation_test(
        [each[discordant] for each in sums],
        lambda x, y, axis: (x - y).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf if number <= MAX_EXACT_CLUSTERS else PERMUTATIONS,
        batch=1000,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def seed_t_test(first: np.ndarray, second: np.ndarray) -> float:
    """Test whether two models would be equally accurate if trained again: Welch's t-test over seeds.

    Args:
        first: Accuracy of each seed of one model, shape (seeds,).
        second: Accuracy of each seed of the other model, shape (seeds,).

    Returns:
        Two-sided p-value; NaN if a model has a single seed or no accuracy varies.
    """
    if min(len(first), len(second)) < 2 or not (np.ptp(first) or np.ptp(second)):
        return float("nan")
    moments = [(each.mean(), each.std(ddof=1), len(each)) for each in (first, second)]
    return float(ttest_ind_from_stats(*moments[0], *moments[1], equal_var=False).pvalue)


def mcnemar_test(first: Predictions, second: Predictions) -> float:
    """Test whether two runs are equally accurate, taking tracks as independent: exact, two-sided p-value."""
    only_first = np.count_nonzero(first.correct & ~second.correct)
    only_second = np.count_nonzero(second.correct & ~first.correct)
    return min(1.0, 2 * float(binom.cdf(min(only_first, only_second), only_first + only_second, 0.5)))


def holm_correction(p_values: list[float]) -> np.ndarray:
    """Adjust the p-values of several tests to control their family-wise error rate (Holm, 1979), shape (tests,)."""
    values = np.array(p_values)
    order = np.argsort(values)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return adjusted
