"""How sure a score is, and whether two models differ."""

import numpy as np
import pandas as pd
from scipy.stats import permutation_test, ttest_ind_from_stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from genre.evaluation.answers import Answers, scores

RESAMPLES = 2000
PERMUTATIONS = 9999
EXACT = 14
"""Of so many artists that tell two models apart all swaps are tried, 16,384 of them; of more, `PERMUTATIONS`."""
LEVEL = 0.95
FEW_ARTISTS = 30
"""Below so many clusters a percentile interval of the bootstrap is too narrow."""


def resample(counts: np.ndarray, number: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Draw clusters with replacement, as many as there are, and sum their counts.

    Args:
        counts: As `Answers.counts`, shape (clusters, columns).
        number: How many resamples.
        seed: The same for all models, so that their resamples are paired.

    Returns:
        Shape (number, columns).
    """
    random = np.random.default_rng(seed)
    size = len(counts)
    step = max(1, 4_000_000 // size)  # 32 MB of weights at a time
    sums = []
    for first in range(0, number, step):
        weights = random.multinomial(size, np.full(size, 1 / size), min(step, number - first))
        sums.append(weights @ counts)
    return np.concatenate(sums)


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled values, shape (resamples,); NaN among them is left out, NaN where all are."""
    tail = 100 * (1 - LEVEL) / 2
    finite = values[np.isfinite(values)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.percentile(finite, [tail, 100 - tail])
    return float(low), float(high)


def resampled_scores(seeds: list[Answers]) -> dict[str, np.ndarray]:
    """All scores in each resample of artists (or tracks), the mean over a model's seeds.

    Args:
        seeds: The same test tracks, said by the same model of different seeds.

    Returns:
        Each score, shape (resamples,).
    """
    each = [scores(resample(one.counts), len(one.genres)) for one in seeds]
    if seeds[0].clusters == 1:
        return {name: np.full(RESAMPLES, np.nan) for name in each[0]}  # there is nothing to draw from
    return {name: np.mean([values[name] for values in each], axis=0) for name in each[0]}


def few_artists(test: Answers) -> list[str]:
    """What to mind about intervals, if anything."""
    what = ("artist" if test.by_artist else "track") + "s" * (test.clusters > 1)
    if test.clusters == 1:
        return [f"With one {what} in the test part there are no intervals."]
    few = test.clusters < FEW_ARTISTS
    return [f"With {test.clusters} {what} in the test part the intervals are too narrow."] if few else []


def permutation(first: list[Answers], second: list[Answers]) -> float:
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
        n_resamples=np.inf if number <= EXACT else PERMUTATIONS,
        batch=1000,
        rng=np.random.default_rng(0),
    )
    return float(result.pvalue)


def seeds_differ(first: np.ndarray, second: np.ndarray) -> float:
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


def exact_mcnemar(first: Answers, second: Answers) -> float:
    """Test whether two runs are equally accurate, each track on its own; two-sided, exact (binomial)."""
    table = pd.crosstab(first.correct, second.correct).reindex(index=[True, False], columns=[True, False], fill_value=0)
    return float(mcnemar(table.to_numpy(), exact=True).pvalue)


def holm(p_values: list[float]) -> list[float]:
    """Adjust p-values of several tests so that all errors together stay below the level (Holm, 1979)."""
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []
