"""How well each genre was found."""

import numpy as np
import pandas as pd

from genre.evaluation.predictions import Predictions
from genre.evaluation.scores import SCORE_LABELS, per_class_scores, scores_from_counts


def per_class_table(test: Predictions) -> pd.DataFrame:
    """Precision, recall, F1 and support of each genre.

    Args:
        test: What a model said of its test tracks.

    Returns:
        One row a genre: `genre, precision, recall, f1, support`, and the 95 % interval of each share as `<name>_low`,
        `<name>_high`; what has no denominator is missing.
    """
    genres = len(test.genres)
    total = test.counts.sum(axis=0)
    points, draws = per_class_scores(total, genres), per_class_scores(bootstrap_counts(test.counts), genres)
    bounds = {
        name: np.array([percentile_interval(draws[name][:, genre]) for genre in range(genres)]) for name in points
    }
    table = pd.DataFrame({"genre": test.genres, **points, "support": total[:genres].astype(int)})
    for name, (low, high) in {name: both.T for name, both in bounds.items()}.items():
        table = table.assign(**{f"{name}_low": low, f"{name}_high": high})
    return table


def score_intervals(test: Predictions) -> pd.DataFrame:
    """All scores of a run's test part: `score, value, low, high`."""
    points, draws = scores_from_counts(test.counts.sum(axis=0), len(test.genres)), bootstrap_scores([test])
    rows = [(SCORE_LABELS[name], float(points[name]), *percentile_interval(draws[name])) for name in points]
    return pd.DataFrame(rows, columns=["score", "value", "low", "high"])


RESAMPLES = 2000
CONFIDENCE_LEVEL = 0.95
FEW_ARTISTS = 30
"""Below so many clusters a percentile interval of the bootstrap is too narrow."""


def bootstrap_counts(counts: np.ndarray, number: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Draw clusters with replacement, as many as there are, and sum their counts.

    Args:
        counts: As `Predictions.counts`, shape (clusters, columns).
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


def percentile_interval(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled values, shape (resamples,); NaN among them is left out, NaN where all are."""
    tail = 100 * (1 - CONFIDENCE_LEVEL) / 2
    finite = values[np.isfinite(values)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.percentile(finite, [tail, 100 - tail])
    return float(low), float(high)


def bootstrap_scores(seeds: list[Predictions]) -> dict[str, np.ndarray]:
    """All scores in each resample of artists (or tracks), the mean over a model's seeds.

    Args:
        seeds: The same test tracks, said by the same model of different seeds.

    Returns:
        Each score, shape (resamples,).
    """
    each = [scores_from_counts(bootstrap_counts(one.counts), len(one.genres)) for one in seeds]
    if seeds[0].clusters == 1:
        return {name: np.full(RESAMPLES, np.nan) for name in each[0]}  # there is nothing to draw from
    return {name: np.mean([values[name] for values in each], axis=0) for name in each[0]}


def interval_warnings(test: Predictions) -> list[str]:
    """What to mind about intervals, if anything."""
    what = ("artist" if test.by_artist else "track") + "s" * (test.clusters > 1)
    if test.clusters == 1:
        return [f"With one {what} in the test part there are no intervals."]
    few = test.clusters < FEW_ARTISTS
    return [f"With {test.clusters} {what} in the test part the intervals are too narrow."] if few else []
