"""Whether a model is as sure as it is right."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

BINS = 10
TEMPERATURES = (0.05, 20.0)
"""Range that is searched."""


def reliability_table(probability: np.ndarray, target: np.ndarray) -> pd.DataFrame:
    """Compare confidence with accuracy, in bins of confidence of equal width.

    Args:
        probability: Shape (tracks, genres).
        target: Shape (tracks,).

    Returns:
        One row a bin that has tracks: `low, high, tracks, confidence, accuracy`.
    """
    confidence, right = probability.max(axis=1), probability.argmax(axis=1) == target
    number = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    table = pd.DataFrame({"bin": number, "confidence": confidence, "accuracy": right.astype(float)})
    means = table.groupby("bin").mean()
    sizes = table.groupby("bin").size()
    return pd.DataFrame({"low": means.index / BINS, "high": (means.index + 1) / BINS, "tracks": sizes, **means})


def expected_calibration_error(probability: np.ndarray, target: np.ndarray) -> float:
    """Expected calibration error: mean of |accuracy - confidence| over tracks, in bins (Guo et al., 2017)."""
    bins = reliability_table(probability, target)
    return float((bins["tracks"] * (bins["accuracy"] - bins["confidence"]).abs()).sum() / bins["tracks"].sum())


def fit_temperature(logits: np.ndarray, target: np.ndarray) -> float:
    """Find the temperature that logits have to be divided by, by their log loss (Guo et al., 2017).

    Args:
        logits: Of validation tracks, shape (tracks, genres).
        target: Shape (tracks,).

    Returns:
        Within `TEMPERATURES`; above 1 for a model that is too sure.
    """

    def loss(log_temperature: float) -> float:
        return log_loss(logits / np.exp(log_temperature), target)

    return float(np.exp(minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded").x))


def log_loss(logits: np.ndarray, target: np.ndarray) -> float:
    """Mean cross entropy of logits, shape (tracks, genres), in nats."""
    own = np.take_along_axis(log_softmax(logits.astype(float), axis=1), target[:, None], axis=1)
    return -float(own.mean())


def probabilities(logits: np.ndarray, divisor: float = 1.0) -> np.ndarray:
    """Softmax of logits, shape (tracks, genres), divided by a temperature."""
    return softmax(logits.astype(float) / divisor, axis=1)
