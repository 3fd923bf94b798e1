"""Training of `networks.Line` worked out in double precision, from the definitions and without torch."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.wiring.networks import TRACKS, Line, genre_of, x_of

BETAS = (0.9, 0.999)
EPSILON = 1e-8


def part(name: str) -> tuple[np.ndarray, np.ndarray]:
    """x and genre of each track."""
    codes = TRACKS[name]
    return np.array([x_of(code) for code in codes], float), np.array([genre_of(code) for code in codes])


def probability(logit: np.ndarray) -> np.ndarray:
    """Of genre B."""
    return 1 / (1 + np.exp(-logit))


def cross_entropy(p: np.ndarray, genre: np.ndarray) -> float:
    """Mean over tracks of the negative logarithm of the right genre's probability."""
    return float(-np.log(np.where(genre == 1, p, 1 - p)).mean())


def smoothed(p: np.ndarray, genre: np.ndarray, smoothing: float, weights: Sequence[float]) -> float:
    """Cross entropy with label smoothing and class weights, of mean weight 1 over the tracks."""
    nll = -np.log(np.stack([1 - p, p], axis=1))
    target = np.full_like(nll, smoothing / 2)
    target[np.arange(len(genre)), genre] += 1 - smoothing
    return float((nll * target * np.asarray(weights)).sum() / np.asarray(weights)[genre].sum())


def scores(p: np.ndarray, genre: np.ndarray) -> list[float]:
    """Accuracy, F1 macro and F1 weighted, from counts."""
    answer = (p > 0.5).astype(int)
    f1, support = [], []
    for one in (0, 1):
        right = ((answer == one) & (genre == one)).sum()
        f1.append(2 * right / ((answer == one).sum() + (genre == one).sum()))
        support.append((genre == one).mean())
    return [float((answer == genre).mean()), float(np.mean(f1)), float(np.dot(f1, support))]


@dataclass
class Adam:
    """Adam with weight decay added to the gradient, and the network's two parameters."""

    weight_decay: float = 0.0
    smoothing: float = 0.0
    class_weights: Sequence[float] = (1.0, 1.0)
    parameters: np.ndarray = field(default_factory=lambda: np.array(Line.start))
    moments: np.ndarray = field(default_factory=lambda: np.zeros((2, 2)))
    steps: int = 0

    def logits(self, x: np.ndarray) -> np.ndarray:
        return self.parameters[0] * x + self.parameters[1]

    def gradient(self, x: np.ndarray, genre: np.ndarray) -> np.ndarray:
        """Of the training loss, by weight and bias."""
        p, weights = probability(self.logits(x)), np.asarray(self.class_weights)
        share = np.full((len(x), 2), self.smoothing / 2)
        share[np.arange(len(x)), genre] += 1 - self.smoothing
        share *= weights
        by_logit = share[:, 0] * p + share[:, 1] * (p - 1)
        return np.array([(by_logit * x).sum(), by_logit.sum()]) / weights[genre].sum()

    def step(self, learning_rate: float, x: np.ndarray, genre: np.ndarray) -> None:
        gradient = self.gradient(x, genre) + self.weight_decay * self.parameters
        self.steps += 1
        for row, (beta, power) in enumerate(zip(BETAS, (1, 2), strict=True)):
            self.moments[row] = beta * self.moments[row] + (1 - beta) * gradient**power
        mean, square = (m / (1 - beta**self.steps) for m, beta in zip(self.moments, BETAS, strict=True))
        self.parameters = self.parameters - learning_rate * mean / (np.sqrt(square) + EPSILON)
