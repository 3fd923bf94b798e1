"""Scores and confusion matrices computed from predictions."""

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from genre.evaluation.predictions import Predictions

SCORES = ("accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "top3_accuracy", "log_loss")
SCORE_LABELS = {
    "accuracy": "accuracy",
    "f1_macro": "F1 macro",
    "f1_weighted": "F1 weighted",
    "balanced_accuracy": "balanced accuracy",
    "top3_accuracy": "top-3 accuracy",
    "log_loss": "log loss",
}
"""The scores as people call them."""


def scores_from_counts(counts: np.ndarray, genres: int) -> dict[str, np.ndarray]:
    """Compute all scores from sums of counts.

    Args:
        counts: Sums of `Predictions.counts` over the clusters of a sample, shape (..., 3 * genres + 4).
        genres: Number of genres.

    Returns:
        Each of `SCORES`, shape (...); over genres only those that the sample has. Of up to three genres there is no
        top-3 accuracy: it would be 1.
    """
    support, _, right = _by_genre(counts, genres)
    top3, loss, with_loss, tracks = np.moveaxis(counts[..., 3 * genres :], -1, 0)
    with np.errstate(invalid="ignore"):
        by_genre = per_class_scores(counts, genres)
        present = np.where(support > 0, 1.0, np.nan)
        found = {
            "accuracy": right.sum(-1) / tracks,
            "f1_macro": np.nanmean(by_genre["f1"] * present, axis=-1),
            "f1_weighted": np.nansum(by_genre["f1"] * support, axis=-1) / tracks,
            "balanced_accuracy": np.nanmean(by_genre["recall"] * present, axis=-1),
            "top3_accuracy": top3 / tracks,
            "log_loss": loss / with_loss,
        }
    if genres <= 3:
        del found["top3_accuracy"]
    return found


def per_class_scores(counts: np.ndarray, genres: int) -> dict[str, np.ndarray]:
    """Precision, recall and F1 of each genre, shape (..., genres); NaN where there is no denominator."""
    support, predicted, right = _by_genre(counts, genres)
    with np.errstate(invalid="ignore"):
        return {
            "precision": right / predicted,
            "recall": right / support,
            "f1": 2 * right / (support + predicted),
        }


def _by_genre(counts: np.ndarray, genres: int) -> list[np.ndarray]:
    return np.split(counts[..., : 3 * genres], 3, axis=-1)


def confusion_table(test: Predictions) -> pd.DataFrame:
    """Counts of tracks by true genre (rows) and predicted genre (columns); tracks without a prediction are in none."""
    counts = confusion_matrix(test.target, test.prediction, labels=range(len(test.genres)))
    return pd.DataFrame(counts, pd.Index(test.genres, name="true"), pd.Index(test.genres, name="predicted"))
