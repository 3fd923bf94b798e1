"""Confidence intervals from a bootstrap that resamples artists, with the variance between seeds added."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from genre.evaluation.predictions import Predictions
from genre.evaluation.scores import SCORE_LABELS, genre_counts, per_class_scores, scores_from_counts

RESAMPLES = 2000
TAIL = 0.025
"""Probability in each tail of a 95 % interval."""
MIN_CLUSTERS = 5
"""With fewer clusters there is no interval: it would cover the true value far too rarely."""
FEW_CLUSTERS = 20
"""With fewer clusters an interval is too narrow."""
MAX_WEIGHTS = 4_000_000
"""Weights held at a time: 32 MB."""


@dataclass(frozen=True)
class Spread:
    """Variance of an estimate.

    Attributes:
        variance: The variance.
        observed: The variance before another one, which it also contains, was subtracted.
        df: Degrees of freedom of `observed`.
    """

    variance: float = 0.0
    observed: float = 0.0
    df: int = 1


FIXED = Spread()
"""That of an estimate which does not vary."""


@dataclass(frozen=True)
class Sampled:
    """One score of one model.

    Attributes:
        values: On the test set, shape (seeds,).
        resampled: In each resample of the artists, shape (seeds, resamples).
    """

    values: np.ndarray
    resampled: np.ndarray


@lru_cache(maxsize=1)
def _weights(size: int, n_resamples: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), n_resamples).astype(float)


def bootstrap_counts(counts: np.ndarray, n_resamples: int = RESAMPLES) -> np.ndarray:
    """Sample clusters with replacement, as many as there are, and sum their counts.

    Args:
        counts: `Predictions.cluster_counts`, shape (clusters, columns).
        n_resamples: Number of resamples. Those of equally many clusters are the same, so that models are paired.

    Returns:
        Sums, shape (n_resamples, columns).
    """
    step = max(1, MAX_WEIGHTS // len(counts))
    sums = [
        _weights(len(counts), min(step, n_resamples - first), first) @ counts for first in range(0, n_resamples, step)
    ]
    return np.concatenate(sums)


def bootstrap_scores(counts: np.ndarray, n_genres: int, n_resamples: int = RESAMPLES) -> dict[str, Sampled]:
    """Compute all scores of a model in each resample.

    Args:
        counts: `Predictions.cluster_counts` of each seed, shape (seeds, clusters, columns).
        n_genres: Number of genres.
        n_resamples: Number of resamples.

    Returns:
        Each score.
    """
    seeds, clusters, columns = counts.shape
    sums = bootstrap_counts(counts.swapaxes(0, 1).reshape(clusters, -1), n_resamples).reshape(-1, seeds, columns)
    values, resampled = (scores_from_counts(each, n_genres) for each in (counts.sum(axis=1), sums.swapaxes(0, 1)))
    return {name: Sampled(values[name], resampled[name]) for name in values}


def seed_spreads(models: list[Sampled]) -> list[Spread]:
    """Estimate by how much the mean of each model over its seeds varies with the seeds.

    The variance of a model with several seeds is that of its seeds, or that of all such models together if it is
    larger. The part of it that comes from the choice of artists is in every bootstrap already, and is subtracted, as
    for standard errors that are clustered twice (Cameron, Gelbach and Miller, 2011).

    Args:
        models: The same score of all models of a comparison.

    Returns:
        One item per model, 0 for a model with one seed.
    """
    several = [model for model in models if len(model.values) > 1]
    df = sum(len(model.values) - 1 for model in several)
    pooled = sum((len(model.values) - 1) * model.values.var(ddof=1) for model in several) / max(df, 1)
    spreads = []
    for model in models:
        n = len(model.values)
        if n == 1:
            spreads.append(FIXED)
            continue
        own = model.values.var(ddof=1)
        sampling = (model.resampled - model.resampled.mean(axis=0)).var(axis=1).sum() / (n - 1)
        larger = max(own, pooled)
        spreads.append(Spread(max(larger - sampling, 0) / n, larger / n, n - 1 if own > pooled else df))
    return spreads


def satterthwaite_df(parts: list[Spread]) -> float:
    """Degrees of freedom of a sum of estimated variances (Satterthwaite, 1946), not below the lowest of them."""
    observed = [part for part in parts if part.observed > 0]
    if not observed:
        return float("inf")
    error = sum(part.observed**2 / part.df for part in observed)
    return max(sum(part.variance for part in parts) ** 2 / error, min(part.df for part in observed))


def artist_spread(resampled: np.ndarray, clusters: int) -> Spread:
    """Variance of a score over the choice of artists, given its resamples, shape (resamples,)."""
    variance = float(resampled[np.isfinite(resampled)].var()) * clusters / (clusters - 1)
    return Spread(variance, variance, clusters - 1)


def interval(
    value: float, resampled: np.ndarray, cluster_sizes: np.ndarray, seeds: Spread = FIXED, highest: float = 1.0
) -> tuple[float, float]:
    """Compute the 95 % interval of a score: a t-expanded percentile interval (Hesterberg, 2015).

    Its tails are wider than usual, because a bootstrap of few clusters varies too little, and it is shifted by the bias
    of the bootstrap: F1 macro is lower in resamples, which lack some artists. Where all or none are correct, every
    resample is alike: the interval is then that of Clopper and Pearson (1934) for the effective number of clusters
    (Kish, 1965).

    Args:
        value: The score, mean over seeds.
        resampled: The score in each resample, mean over seeds, shape (resamples,).
        cluster_sizes: Number of tracks of each cluster, shape (clusters,); clusters of size 0 do not count.
        seeds: Variance over seeds, which widens the interval.
        highest: Highest possible score.

    Returns:
        Lower and upper limit; NaN for fewer than five clusters.
    """
    finite, n = resampled[np.isfinite(resampled)], int(np.count_nonzero(cluster_sizes))
    if not len(finite) or n < MIN_CLUSTERS:
        return float("nan"), float("nan")
    if highest == 1 and finite[0] in (0, 1) and not np.ptp(finite) and not seeds.variance:
        half = 1 - TAIL ** float(np.square(cluster_sizes).sum() / cluster_sizes.sum() ** 2)
        return (0.0, half) if finite[0] == 0 else (1 - half, 1.0)
    df = satterthwaite_df([artist_spread(finite, n), seeds])
    noise = np.sqrt(seeds.variance) * np.random.default_rng(1).standard_normal(len(finite))
    tail = 100 * norm.cdf(np.sqrt(n / (n - 1)) * t.ppf(TAIL, df))
    limits = np.percentile(finite + noise, [tail, 100 - tail]) + value - finite.mean()
    low, high = np.clip(limits, 0, highest)
    return float(low), float(high)


def score_intervals(predictions: Predictions) -> pd.DataFrame:
    """Tabulate all scores with their confidence intervals: `score, value, low, high`."""
    rows = [
        (SCORE_LABELS[name], score.values[0], *score_interval(name, score, predictions))
        for name, score in bootstrap_scores(predictions.cluster_counts[None], len(predictions.genres)).items()
    ]
    return pd.DataFrame(rows, columns=["score", "value", "low", "high"])


def score_interval(name: str, score: Sampled, tested: Predictions, seeds: Spread = FIXED) -> tuple[float, float]:
    """The interval of one score of `SCORE_LABELS` on a test set, as returned by `interval`."""
    highest = np.inf if name == "log_loss" else 1.0
    return interval(score.values.mean(), score.resampled.mean(axis=0), np.bincount(tested.cluster_ids), seeds, highest)


def per_class_table(predictions: Predictions) -> pd.DataFrame:
    """Tabulate precision, recall, F1, support and artists of each genre.

    Args:
        predictions: Predictions for the test set.

    Returns:
        One row per genre: `genre, precision, recall, f1, support, clusters` (artists with tracks of the genre), and the
        confidence interval of each score as `<score>_low`, `<score>_high`, missing for fewer than five artists. Scores
        whose denominator is 0 are missing.
    """
    n_genres, counts = len(predictions.genres), predictions.cluster_counts
    support, predicted, _ = genre_counts(counts, n_genres)
    scores, resampled = per_class_scores(counts.sum(axis=0), n_genres), bootstrap_counts(counts)
    present = genre_counts(resampled, n_genres)[0] > 0  # F1 is 0 without a track of the genre, which says nothing
    table = pd.DataFrame({"genre": predictions.genres, **scores})
    table = table.assign(support=support.sum(axis=0).astype(int), clusters=(support > 0).sum(axis=0))
    for name, values in per_class_scores(resampled, n_genres).items():
        sizes = np.where(table["clusters"] < MIN_CLUSTERS, 0, predicted if name == "precision" else support)
        possible = np.where(present, values, np.nan)
        limits = [interval(*each) for each in zip(scores[name], possible.T, sizes.T, strict=True)]
        table[[f"{name}_low", f"{name}_high"]] = limits
    return table


def interval_warnings(predictions: Predictions) -> list[str]:
    """List reasons to distrust the confidence intervals, as sentences."""
    clusters, name, split = predictions.n_clusters, predictions.cluster_name, predictions.split_name
    if clusters < MIN_CLUSTERS:
        number = f"only {clusters} {name}s" if clusters > 1 else f"only one {name}"
        return [f"No intervals: the {split} set has {number}."]
    few = f"With only {clusters} {name}s in the {split} set, the intervals may be too narrow."
    return [few] if clusters < FEW_CLUSTERS else []
