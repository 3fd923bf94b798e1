"""Scores and confusion matrices computed from predictions."""

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from genre.evaluation.predictions import Predictions

SCORE_LABELS = {
    "accuracy": "accuracy",
    "f1_macro": "F1 macro",
    "f1_weighted": "F1 weighted",
    "balanced_accuracy": "balanced accuracy",
    "top3_accuracy": "top-3 accuracy",
    "log_loss": "log loss",
}
"""Name of each score in tables and figures."""
FINAL_SCORES = ("accuracy", "f1_macro", "f1_weighted")
"""Scores of the study's final table."""


def compute_scores(predictions: Predictions) -> dict[str, float]:
    """Compute all scores of a set of predictions, as in `scores_from_counts`."""
    scores = scores_from_counts(predictions.cluster_counts.sum(axis=0), len(predictions.genres))
    return {name: float(value) for name, value in scores.items()}


def scores_from_counts(counts: np.ndarray, n_genres: int) -> dict[str, np.ndarray]:
    """Compute all scores from sums of counts.

    Args:
        counts: Sums of `Predictions.cluster_counts` over clusters, shape (..., 3 * genres + 4).
        n_genres: Number of genres.

    Returns:
        Each score in `SCORE_LABELS`, shape (...). Means over genres include those with at least one target. With three
        genres or fewer there is no top-3 accuracy, which would be 1.
    """
    support, _, correct = genre_counts(counts, n_genres)
    top3, loss, with_loss, tracks = np.moveaxis(counts[..., 3 * n_genres :], -1, 0)
    with np.errstate(invalid="ignore"):
        per_class = per_class_scores(counts, n_genres)
        present = np.where(support > 0, 1.0, np.nan)
        scores = {
            "accuracy": correct.sum(-1) / tracks,
            "f1_macro": np.nanmean(per_class["f1"] * present, axis=-1),
            "f1_weighted": np.nansum(per_class["f1"] * support, axis=-1) / tracks,
            "balanced_accuracy": np.nanmean(per_class["recall"] * present, axis=-1),
            "top3_accuracy": top3 / tracks,
            "log_loss": loss / with_loss,
        }
    if n_genres <= 3:
        del scores["top3_accuracy"]
    return scores


def per_class_scores(counts: np.ndarray, n_genres: int) -> dict[str, np.ndarray]:
    """Compute precision, recall and F1 of each genre, shape (..., genres); NaN where the denominator is 0."""
    support, predicted, correct = genre_counts(counts, n_genres)
    with np.errstate(invalid="ignore"):
        return {
            "precision": correct / predicted,
            "recall": correct / support,
            "f1": 2 * correct / (support + predicted),
        }


def genre_counts(counts: np.ndarray, n_genres: int) -> list[np.ndarray]:
    """Tracks of each genre, tracks predicted as it, and those predicted correctly, each of shape (..., genres)."""
    return np.split(counts[..., : 3 * n_genres], 3, axis=-1)


def confusion_table(predictions: Predictions) -> pd.DataFrame:
    """Count tracks by true genre (rows) and predicted genre (columns); tracks without a prediction are left out."""
    genres = predictions.genres
    counts = confusion_matrix(predictions.target, predictions.prediction, labels=range(len(genres)))
    return pd.DataFrame(counts, pd.Index(genres, name="true"), pd.Index(genres, name="predicted"))
