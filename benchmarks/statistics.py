"""Coverage of the intervals, false positives and power of the tests, where the truth is known (docs/statistics.md).

python -m benchmarks.statistics [REPETITIONS]

Exits with status 1 if a number is outside of its limits.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from genre.evaluation.bootstrap import bootstrap_scores, interval, seed_spreads
from genre.evaluation.significance import TESTED_SCORES, holm_correction, permutation_test, t_test

REPETITIONS = 1000
RESAMPLES = 1000
ALPHA = 0.05
COVERAGE, SINGLE, FAMILY = (0.93, 0.97), (0.03, 0.065), (0.0, 0.05)
"""Limits: coverage from 20 artists on, false positives of one comparison, and of a family after Holm's correction."""
MIN_ARTISTS = 20
INTERVAL_CELLS = (
    (10, 1, 0),
    (20, 1, 0),
    (60, 1, 0),
    (200, 1, 0),
    (20, 3, 0.03),
    (60, 3, 0.03),
    (200, 3, 0.03),
    (200, 5, 0.03),
)
TEST_CELLS = ((20, 3, 0.01), (60, 1, 0), (60, 3, 0), (60, 3, 0.03), (200, 3, 0.03), (200, 5, 0.03))
"""Artists, seeds, and the deviation between seeds."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@dataclass(frozen=True)
class Cell:
    """One case.

    Attributes:
        artists: Artists in the test set, with five tracks each on average.
        seeds: Seeds per model.
        seed_sd: Standard deviation of each model's accuracy over its seeds; 0 for equal seeds.
        accuracy: Expected accuracy of each model.
        share: Share of each genre in the tracks.
    """

    artists: int = 60
    seeds: int = 1
    seed_sd: tuple[float, ...] = (0.0,)
    accuracy: tuple[float, ...] = (0.6,)
    share: tuple[float, ...] = (0.25,) * 4
    tracks: float = 5.0
    artist_sd: tuple[float, float, float] = (1.0, 0.5, 0.5)
    """Deviation in logits of an artist's difficulty: for all models, for one model, for one seed of it."""

    def rates(self, shift: float) -> np.ndarray:
        """Expected share of correct tracks of each genre, shape (genres,), at a model's mean logit."""
        spread = float(np.sqrt(np.square(self.artist_sd).sum()))
        return WEIGHTS @ expit(shift + self.difficulty + spread * NODES[:, None])

    @property
    def difficulty(self) -> np.ndarray:
        """Logit of each genre beside a model's mean, shape (genres,)."""
        return np.linspace(0.7, -0.7, len(self.share))

    def scores(self, shift: float) -> np.ndarray:
        """Expected accuracy and F1 macro at a mean logit; wrong tracks are spread evenly over the other genres."""
        share, rates = np.array(self.share), self.rates(shift)
        correct, wrong = share * rates, share * (1 - rates)
        predicted = correct + (wrong.sum() - wrong) / (len(share) - 1)
        return np.array([correct.sum(), (2 * correct / (share + predicted)).mean()])

    def over_seeds(self, shift: float, spread: float) -> tuple[np.ndarray, float]:
        """Mean of both scores over seeds, and the deviation of accuracy, if the mean logit varies by `spread`."""
        each = np.array([self.scores(shift + spread * node) for node in NODES])
        mean = WEIGHTS @ each
        return mean, float(np.sqrt(WEIGHTS @ np.square(each[:, 0] - mean[0])))

    def shift(self, accuracy: float, spread: float) -> float:
        """Mean logit of a model of that accuracy."""
        return float(brentq(lambda shift: self.over_seeds(shift, spread)[0][0] - accuracy, -9, 9))

    def models(self) -> list[tuple[float, float, np.ndarray]]:
        """Mean logit, its deviation over seeds, and the expected scores of each model."""
        found = []
        for accuracy, deviation in zip(self.accuracy, self.seed_sd, strict=True):
            spread = 0.0
            if deviation:
                spread = brentq(lambda s: self.over_seeds(self.shift(accuracy, s), s)[1] - deviation, 1e-4, 3)  # noqa: B023
            shift = self.shift(accuracy, spread)
            found.append((shift, spread, self.over_seeds(shift, spread)[0]))
        return found


@dataclass(frozen=True)
class Draw:
    """A test set and what the models predict on it.

    Attributes:
        counts: As `Predictions.cluster_counts`, shape (models, seeds, artists, columns).
        correct: Shape (models, seeds, tracks).
        artist: Index of each track's artist, shape (tracks,).
    """

    counts: np.ndarray
    correct: np.ndarray
    artist: np.ndarray


def draw(cell: Cell, models: Sequence[tuple[float, float, np.ndarray]], random: np.random.Generator) -> Draw:
    """Draw artists with their tracks, and train the models."""
    n, genres = cell.artists, len(cell.share)
    genre = random.choice(genres, n, p=cell.share)
    sizes = np.maximum(1, random.lognormal(np.log(cell.tracks) - 0.405, 0.9, n).round()).astype(int)
    artist = np.repeat(np.arange(n), sizes)
    target, shape = genre[artist], (len(models), cell.seeds)
    shift, spread = (np.array([model[column] for model in models])[:, None] for column in (0, 1))
    everyone, model, seed = cell.artist_sd
    logit = (shift + spread * random.standard_normal(shape))[..., None] + everyone * random.standard_normal(n)
    logit = logit + model * random.standard_normal((shape[0], 1, n)) + seed * random.standard_normal((*shape, n))
    chance = expit(logit[..., artist] + cell.difficulty[target])
    correct = random.random(chance.shape) < chance
    predicted = np.where(correct, target, (target + random.integers(1, genres, chance.shape)) % genres)
    counts = np.zeros((*shape, n, 3 * genres + 4))
    for columns, of, which in (
        (0, target, slice(None)),
        (genres, predicted, slice(None)),
        (2 * genres, target, correct),
    ):
        each = np.broadcast_to(of, chance.shape)
        place = np.arange(np.prod(shape)).reshape(*shape, 1) * n + artist
        flat = (place * genres + each)[which].ravel()
        counts[..., columns : columns + genres] = np.bincount(flat, minlength=counts[..., :genres].size).reshape(
            *shape, n, genres
        )
    counts[..., -2:] = sizes[:, None]
    return Draw(counts, correct, artist)


def intervals(cell: Cell, repetitions: int, random: np.random.Generator) -> np.ndarray:
    """How often the interval of each score covers its expected value, shape (scores,)."""
    models = cell.models()
    inside = []
    for _ in range(repetitions):
        counts = draw(cell, models, random).counts[0]
        sampled = bootstrap_scores(counts, len(cell.share), RESAMPLES)
        limits = [
            interval(
                sampled[name].values.mean(),
                sampled[name].resampled.mean(axis=0),
                counts[0, :, -1],
                *seed_spreads([sampled[name]]),
            )
            for name in TESTED_SCORES
        ]
        inside.append([low <= true <= high for (low, high), true in zip(limits, models[0][2], strict=True)])
    return np.mean(inside, axis=0)


def tests(cell: Cell, pairs: list[tuple[int, int]], repetitions: int, random: np.random.Generator) -> np.ndarray:
    """p-values of pairs of models in each score, shape (repetitions, scores, pairs)."""
    models = cell.models()
    found = []
    for _ in range(repetitions):
        counts = draw(cell, models, random).counts
        if cell.seeds == 1:
            each = [permutation_test(counts[one], counts[other], len(cell.share)) for one, other in pairs]
            found.append([[p[name] for p in each] for name in TESTED_SCORES])
            continue
        sampled = [bootstrap_scores(model, len(cell.share), RESAMPLES) for model in counts]
        row = []
        for name in TESTED_SCORES:
            scores = [model[name] for model in sampled]
            seeds = seed_spreads(scores)
            row.append(
                [t_test(scores[one], scores[other], cell.artists, [seeds[one], seeds[other]]).p for one, other in pairs]
            )
        found.append(row)
    return np.array(found)


def family_rejections(p_values: np.ndarray) -> np.ndarray:
    """Which tests are significant after Holm's correction, shape as `p_values` (repetitions, scores, pairs)."""
    return np.array([[holm_correction(list(family)) for family in both] for both in p_values]) < ALPHA


def _line(kind: str, cell: Cell, values: np.ndarray, limits: tuple[float, float] | None) -> bool:
    ok = limits is None or bool(((values >= limits[0]) & (values <= limits[1])).all())
    text = f"{limits[0]:.3f} to {limits[1]:.3f}" if limits else ""
    deviations = sorted({f"{100 * value:.0f}" for value in cell.seed_sd})
    print(
        f"| {kind} | {len(cell.accuracy)} | {cell.artists} | {cell.seeds} | {', '.join(deviations)} | "
        f"{' | '.join(f'{value:.3f}' for value in values)} | {text}{'' if ok else ' FAILED'} |",
        flush=True,
    )
    return ok


def run(repetitions: int = REPETITIONS) -> bool:
    """Print all cells as a table; whether all numbers are within their limits."""
    random = np.random.default_rng(1)
    unbalanced = (0.4, 0.25, 0.15, 0.1, 0.06, 0.04)
    print("| measured | models | artists | seeds | seed sd, points | accuracy | F1 macro | limits |")
    print("|---|--:|--:|--:|--:|--:|--:|---|")
    good = []
    for artists, seeds, deviation in INTERVAL_CELLS:
        cell = Cell(artists, seeds, (deviation,))
        limits = COVERAGE if artists >= MIN_ARTISTS else None
        good.append(_line("coverage", cell, intervals(cell, repetitions, random), limits))
    for kind, share in (("six unbalanced", unbalanced), ("ten", (0.1,) * 10)):
        cell = Cell(60, share=share)
        covered = intervals(cell, repetitions, random)
        good.append(_line(f"coverage, {kind} genres", cell, covered, None))
    for artists, seeds, deviation in TEST_CELLS:
        equal = Cell(artists, seeds, (deviation,) * 2, (0.6,) * 2)
        rejected = (tests(equal, [(0, 1)], repetitions, random) < ALPHA).mean(axis=(0, 2))
        good.append(_line("false positives, one comparison", equal, rejected, SINGLE))
        other = replace(equal, accuracy=(0.6, 0.7))
        rejected = (tests(other, [(0, 1)], repetitions // 2, random) < ALPHA).mean(axis=(0, 2))
        good.append(_line("power for 10 points, one comparison", other, rejected, None))
    pairs = [(one, other) for one in range(7) for other in range(one)]
    for deviations in ((0.0,) * 7, (0.03,) * 7, (0.06, 0.06, *(0.01,) * 5)):
        equal = Cell(200, 3, deviations, (0.6,) * 7)
        rejected = family_rejections(tests(equal, pairs, repetitions // 2, random)).any(axis=2).mean(axis=0)
        alike = len(set(deviations)) == 1  # else the pooled variance over seeds is too low for some
        good.append(_line("false positives, all pairs", equal, rejected, FAMILY if alike else None))
    for artists in (60, 200):
        cell = Cell(artists, 3, (0.03,) * 7, (0.7, *(0.6,) * 6))
        rejected = family_rejections(tests(cell, pairs, repetitions // 2, random))
        of_best = [number for number, pair in enumerate(pairs) if 0 in pair]
        good.append(_line("power for 10 points, all pairs", cell, rejected[..., of_best].mean(axis=(0, 2)), None))
    return all(good)


if __name__ == "__main__":
    sys.exit(not run(int(sys.argv[1]) if len(sys.argv) > 1 else REPETITIONS))
