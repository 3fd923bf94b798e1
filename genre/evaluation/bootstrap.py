"""Confidence intervals from a bootstrap that resamples artists."""

import numpy as np
import pandas as pd

from genre.evaluation.predictions import Predictions
from genre.evaluation.scores import SCORE_LABELS, compute_scores, per_class_scores, scores_from_counts

RESAMPLES = 2000
CONFIDENCE_LEVEL = 0.95
FEW_CLUSTERS = 30
"""With fewer clusters a percentile interval is too narrow."""
MAX_WEIGHTS = 4_000_000
"""Weights held at a time: 32 MB."""


def bootstrap_counts(counts: np.ndarray, n_resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Sample clusters with replacement, as many as there are, and sum their counts.

    Args:
        counts: `Predictions.cluster_counts`, shape (clusters, columns).
        n_resamples: Number of resamples.
        seed: Random seed. Models that are compared need the same one, so that their resamples are paired.

    Returns:
        Sums, shape (n_resamples, columns).
    """
    random = np.random.default_rng(seed)
    size = len(counts)
    step = max(1, MAX_WEIGHTS // size)
    sums = []
    for first in range(0, n_resamples, step):
        weights = random.multinomial(size, np.full(size, 1 / size), min(step, n_resamples - first))
        sums.append(weights @ counts)
    return np.concatenate(sums)


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """Middle 95 % of the finite values in an array of shape (resamples,); NaN if there are none."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return float("nan"), float("nan")
    tail = 100 * (1 - CONFIDENCE_LEVEL) / 2
    low, high = np.percentile(finite, [tail, 100 - tail])
    return float(low), float(high)


def bootstrap_scores(seeds: list[Predictions]) -> dict[str, np.ndarray]:
    """Compute all scores in each resample, averaged over the seeds of a model.

    Args:
        seeds: Predictions for the same tracks by the same model, trained with different seeds.

    Returns:
        Each score, shape (resamples,); NaN if there is only one cluster to sample from.
    """
    each = [scores_from_counts(bootstrap_counts(one.cluster_counts), len(one.genres)) for one in seeds]
    if seeds[0].n_clusters == 1:
        return {name: np.full(RESAMPLES, np.nan) for name in each[0]}
    return {name: np.mean([scores[name] for scores in each], axis=0) for name in each[0]}


def score_intervals(predictions: Predictions) -> pd.DataFrame:
    """Tabulate all scores with their confidence intervals: `score, value, low, high`."""
    resampled = bootstrap_scores([predictions])
    scores = compute_scores(predictions).items()
    rows = [(SCORE_LABELS[name], value, *percentile_interval(resampled[name])) for name, value in scores]
    return pd.DataFrame(rows, columns=["score", "value", "low", "high"])


def per_class_table(predictions: Predictions) -> pd.DataFrame:
    """Tabulate precision, recall, F1 and support of each genre.

    Args:
        predictions: Predictions for the test set.

    Returns:
        One row per genre: `genre, precision, recall, f1, support`, and the confidence interval of each score as
        `<score>_low`, `<score>_high`. Scores whose denominator is 0 are missing.
    """
    n_genres = len(predictions.genres)
    total = predictions.cluster_counts.sum(axis=0)
    resampled = per_class_scores(bootstrap_counts(predictions.cluster_counts), n_genres)
    columns = {"genre": predictions.genres, **per_class_scores(total, n_genres)}
    table = pd.DataFrame({**columns, "support": total[:n_genres].astype(int)})
    for name, values in resampled.items():
        table[[f"{name}_low", f"{name}_high"]] = [percentile_interval(column) for column in values.T]
    return table


def interval_warnings(predictions: Predictions) -> list[str]:
    """List reasons to distrust the confidence intervals, as sentences."""
    clusters, name, split = predictions.n_clusters, predictions.cluster_name, predictions.split_name
    if clusters == 1:
        return [f"No intervals: the {split} set has only one {name}."]
    few = f"With only {clusters} {name}s in the {split} set, the intervals understate the uncertainty."
    return [few] if clusters < FEW_CLUSTERS else []
