"""How sure a score is, and whether two models differ."""

import numpy as np
import pandas as pd
from scipy.stats import permutation_test, ttest_ind_from_stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from genre.evaluation.predictions import Predictions

PERMUTATIONS = 9999
MAX_EXACT_CLUSTERS = 14
"""Of so many artists that tell two models apart all swaps are tried, 16,384 of them; of more, `PERMUTATIONS`."""


def paired_permutation_test(first: list[Predictions], second: list[Predictions]) -> float:
    """Test whether two models are equally accurate, by swapping their answers artist by artist.

    Args:
        first: A model's seeds, on the same test tracks as the second's.
        second: Another model's seeds.

    Returns:
        Two-sided p-value of the difference of accuracies; exact where few artists tell the models apart.
    """
    right = [np.sum([one.correct for one in seeds], axis=0) for seeds in (first, second)]
    weights = (len(second), len(first))  # whole numbers: ties stay ties
    sums = [np.bincount(first[0].cluster, each * weight) for each, weight in zip(right, weights, strict=True)]
    unlike = sums[0] != sums[1]  # swapping the others changes nothing
    number = np.count_nonzero(unlike)
    if number < 2:
        return 1.0  # a single artist's answers prove nothing
    result = permutation_test(
        [each[unlike] for each in sums],
        lambda x, y, axis: (x - y).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf if number <= MAX_EXACT_CLUSTERS else PERMUTATIONS,
        batch=1000,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def seed_t_test(first: np.ndarray, second: np.ndarray) -> float:
    """Test whether two models trained anew would be equally accurate: Welch's t-test of their seeds' accuracies.

    Args:
        first: Accuracy of each seed, shape (seeds,).
        second: The other model's.

    Returns:
        Two-sided p-value; NaN where either has one seed only, or neither has any spread to compare with.
    """
    if min(len(first), len(second)) < 2 or not (np.ptp(first) or np.ptp(second)):
        return float("nan")
    moments = [(each.mean(), each.std(ddof=1), len(each)) for each in (first, second)]
    return float(ttest_ind_from_stats(*moments[0], *moments[1], equal_var=False).pvalue)


def mcnemar_test(first: Predictions, second: Predictions) -> float:
    """Test whether two runs are equally accurate, each track on its own; two-sided, exact (binomial)."""
    table = pd.crosstab(first.correct, second.correct).reindex(index=[True, False], columns=[True, False], fill_value=0)
    return float(mcnemar(table.to_numpy(), exact=True).pvalue)


def holm_correction(p_values: list[float]) -> list[float]:
    """Adjust p-values of several tests so that all errors together stay below the level (Holm, 1979)."""
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []
