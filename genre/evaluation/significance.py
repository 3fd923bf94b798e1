"""Significance tests between two models on the same test set."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t

from genre.evaluation.bootstrap import MIN_CLUSTERS, TAIL, Sampled, Spread, artist_spread, satterthwaite_df
from genre.evaluation.scores import scores_from_counts

TESTED_SCORES = ("accuracy", "f1_macro")
PERMUTATIONS = 9999
MAX_EXACT_CLUSTERS = 13
"""Up to this many discordant artists the permutation test is exact (2^13 = 8,192 permutations)."""


class Difference(NamedTuple):
    """Difference between two models in one score (first minus second), its 95 % interval and two-sided p-value."""

    value: float
    low: float
    high: float
    p: float


def t_test(first: Sampled, second: Sampled, clusters: int, seeds: list[Spread]) -> Difference:
    """Test whether two models would have the same score with other artists and other seeds.

    The variance is that of the paired difference over a bootstrap of artists, plus that of each mean over its seeds;
    its degrees of freedom are those of Satterthwaite (1946).

    Args:
        first: A score of one model.
        second: The same score of the other model, in the same resamples.
        clusters: Number of artists.
        seeds: Variance of the mean of either model over its seeds, as returned by `seed_spreads`.

    Returns:
        The difference; its limits are missing, and p is 1, for fewer than five artists or if the models do not differ.
        If they differ by the same in every resample, p is missing too: `permutation_test` can tell.
    """
    value = float(first.values.mean() - second.values.mean())
    parts = [artist_spread(first.resampled.mean(axis=0) - second.resampled.mean(axis=0), max(clusters, 2)), *seeds]
    error = np.sqrt(sum(part.variance for part in parts))
    if clusters < MIN_CLUSTERS or error < 1e-9:  # rounding
        alike = clusters < MIN_CLUSTERS or abs(value) < 1e-9
        return Difference(value, float("nan"), float("nan"), 1.0 if alike else float("nan"))
    df = satterthwaite_df(parts)
    half = float(t.ppf(1 - TAIL, df) * error)
    return Difference(value, value - half, value + half, float(2 * t.sf(abs(value) / error, df)))


def permutation_test(first: np.ndarray, second: np.ndarray, n_genres: int) -> dict[str, float]:
    """Test whether two models are equally good as they are trained, by exchanging their predictions of whole artists.

    Args:
        first: `Predictions.cluster_counts` of each seed of one model, shape (seeds, clusters, columns).
        second: The same of the other model.
        n_genres: Number of genres.

    Returns:
        Two-sided p-value of each of `TESTED_SCORES`. The test is exact if few artists tell the models apart; p is 1 for
        fewer than two.
    """
    differs = (first[:, None] != second[None])[..., : 3 * n_genres].any(axis=(0, 1, 3))
    number = np.count_nonzero(differs)  # exchanging the others changes nothing
    if number <= MAX_EXACT_CLUSTERS:
        exchanged = np.arange(2**number)[:, None] >> np.arange(number) & 1
    else:
        exchanged = np.random.default_rng(0).integers(0, 2, (PERMUTATIONS + 1, number))
        exchanged[0] = 0  # as observed
    sums = dict.fromkeys(TESTED_SCORES, np.zeros(len(exchanged)))
    for one in first:
        for other in second:
            moved = exchanged @ (other - one)[differs]
            ours, theirs = (
                scores_from_counts(each, n_genres) for each in (one.sum(axis=0) + moved, other.sum(axis=0) - moved)
            )
            sums = {name: total + ours[name] - theirs[name] for name, total in sums.items()}
    return {name: float(np.mean(np.abs(total) >= abs(total[0]) - 1e-9)) for name, total in sums.items()}


def holm_correction(p_values: ArrayLike) -> np.ndarray:
    """Adjust the p-values of several tests to control their family-wise error rate (Holm, 1979), shape (tests,)."""
    values = np.asarray(p_values)
    order = np.argsort(values)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return adjusted
