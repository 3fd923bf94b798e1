"""Calibration: reliability bins, expected calibration error, temperature scaling (Guo et al., 2017)."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BINS = 10
TEMPERATURES = (0.05, 20.0)
"""Range in which the temperature is searched."""


def reliability_table(probability: np.ndarray, target: np.ndarray) -> pd.DataFrame:
    """Compare confidence with accuracy in bins of confidence of equal width.

    Args:
        probability: Predicted probabilities, shape (tracks, genres).
        target: Index of each track's genre, shape (tracks,).

    Returns:
        One row per bin that has tracks: `low, high, tracks, confidence, accuracy`.
    """
    confidence, correct = probability.max(axis=1), probability.argmax(axis=1) == target
    number = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    table = pd.DataFrame({"bin": number, "confidence": confidence, "accuracy": correct.astype(float)})
    means, sizes = table.groupby("bin").mean(), table.groupby("bin").size()
    return pd.DataFrame({"low": means.index / BINS, "high": (means.index + 1) / BINS, "tracks": sizes, **means})


def expected_calibration_error(bins: pd.DataFrame) -> float:
    """Compute the mean of |accuracy - confidence| over the bins of `reliability_table`, weighted by their tracks."""
    return float(np.average((bins["accuracy"] - bins["confidence"]).abs(), weights=bins["tracks"]))


def fit_temperature(logits: np.ndarray, target: np.ndarray) -> float:
    """Find the temperature that minimizes the log loss of logits divided by it.

    Args:
        logits: Logits of validation tracks, shape (tracks, genres).
        target: Index of each track's genre, shape (tracks,).

    Returns:
        A value within `TEMPERATURES`; above 1 for an overconfident model.
    """

    def loss(log_temperature: float) -> float:
        return log_loss(logits / np.exp(log_temperature), target)

    return float(np.exp(minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded").x))


def log_loss(logits: np.ndarray, target: np.ndarray) -> float:
    """Compute the mean cross-entropy of logits, shape (tracks, genres), in nats."""
    return -float(np.take_along_axis(log_softmax(logits, axis=1), target[:, None], axis=1).mean())
