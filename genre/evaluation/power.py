"""Power of the t-test: the smallest difference between two models that a test set finds."""

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import nct, t

from genre.evaluation.bootstrap import MIN_CLUSTERS, TAIL, Spread, artist_spread, satterthwaite_df, seed_spreads
from genre.evaluation.comparison import Comparison, planned_pairs
from genre.evaluation.significance import TESTED_SCORES

POWER = 0.8
MORE_ARTISTS = (1, 2, 5)
"""Test sets with so many times the artists; five folds of a fifth each test five times as many as one of them."""
SEEDS = (2, 3, 5, 10)


def smallest_difference(
    variance: float, artists: int, seed_sd: float, seeds: int, comparisons: int = 1, tracks: float = np.inf
) -> float:
    """Compute the smallest difference between two models that is significant in 80 % of cases.

    Args:
        variance: Variance of the difference over the choice of artists, for models that differ little.
        artists: Number of artists.
        seed_sd: Standard deviation of the score of either model over its seeds; 0 for these trained weights.
        seeds: Seeds per model, at least 2 if their scores differ.
        comparisons: Number of comparisons; the first step of Holm's correction is assumed.
        tracks: Number of test tracks, for accuracy. Models whose accuracies differ by d disagree about as large a share
            of the tracks at least, which has a variance of d (1 - d) / tracks.

    Returns:
        The difference, in the unit of the score; NaN if none is found, which is so below five artists, and where a
        permutation test of so few cannot reach the level.
    """
    if artists < MIN_CLUSTERS or (not seed_sd and 2.0 ** (1 - artists) > 2 * TAIL / comparisons):
        return float("nan")
    of_seeds = 2 * seed_sd**2 / seeds

    def found(size: float) -> float:
        """The smallest difference, if the variance is that of models which differ by `size`."""
        of_artists = max(variance, size * (1 - size) / tracks)
        parts = [Spread(of_artists, of_artists, artists - 1), Spread(of_seeds, of_seeds, max(2 * (seeds - 1), 1))]
        df = satterthwaite_df(parts)
        critical = t.isf(TAIL / comparisons, df)
        shift = brentq(lambda shift: nct.sf(critical, df, shift) - POWER, 0, 3 * critical + 5)
        return float(shift * np.sqrt(of_artists + of_seeds))

    if np.isinf(tracks):
        return found(0)
    return float(brentq(lambda size: found(size) - size, 1e-9, 1)) if found(1) < 1 else float("nan")


def paired_variance(tracks: int, artists: int, disagreement: float, correlation: float) -> float:
    """Variance of the difference in accuracy of two models over the choice of artists.

    Args:
        tracks: Number of test tracks.
        artists: Number of their artists, with equally many tracks each.
        disagreement: Share of the tracks for which exactly one of the two models is correct.
        correlation: Correlation of the difference between two tracks of one artist.

    Returns:
        The variance.
    """
    return disagreement / tracks * (1 + (tracks / artists - 1) * correlation)


def measured_spreads(result: Comparison) -> dict[str, tuple[float, float]]:
    """Measure what `smallest_difference` needs on a comparison.

    Args:
        result: The comparison.

    Returns:
        For accuracy and F1 macro the variance over the choice of artists, median over the tested pairs without
        `majority`, and the standard deviation over seeds, NaN if no model has several.
    """
    guesses = [number for number, model in enumerate(result.models) if model.runs[0].config.model.name == "majority"]
    every = [pair for each in planned_pairs(result.models).values() for pair in each]
    pairs = [pair for pair in every if not set(pair) & set(guesses)] or every  # most tracks tell a guess from a model
    found = {}
    for name in TESTED_SCORES:
        scores = [sample[name] for sample in result.samples]
        means = [score.resampled.mean(axis=0) for score in scores]
        clusters = result.predictions.n_clusters
        variances = [artist_spread(means[one] - means[other], clusters).variance for one, other in pairs]
        of_seeds = [
            spread.variance * len(score.values)
            for spread, score in zip(seed_spreads(scores), scores, strict=True)
            if len(score.values) > 1
        ]
        found[name] = float(np.median(variances)), float(np.sqrt(np.mean(of_seeds))) if of_seeds else float("nan")
    return found


def power_table(variance: float, tracks: float, artists: int, seed_sd: float, comparisons: int) -> pd.DataFrame:
    """Tabulate the smallest difference for test sets and numbers of seeds.

    Args:
        variance: Variance of the difference over the choice of artists, in this test set.
        tracks: Number of tracks in it, see `smallest_difference`.
        artists: Number of their artists.
        seed_sd: Standard deviation over seeds; NaN if unknown.
        comparisons: Number of comparisons.

    Returns:
        One row per number of artists: `artists, fixed` (for these trained weights, whatever the seeds) and one column
        per number of seeds.
    """
    rows = []
    for factor in MORE_ARTISTS:
        here, more = (variance / factor, artists * factor), (comparisons, tracks * factor)
        row = {"artists": here[1], "fixed": smallest_difference(*here, 0, 1, *more)}
        if np.isfinite(seed_sd):
            row |= {str(seeds): smallest_difference(*here, seed_sd, seeds, *more) for seeds in SEEDS}
        rows.append(row)
    return pd.DataFrame(rows)
