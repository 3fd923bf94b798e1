"""Runs grouped for a comparison: those of one label are one entrant, and all are tested on the same tracks."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from genre.config.diff import MACHINE_KEYS, first_difference, training_values
from genre.errors import GenreError
from genre.evaluation.predictions import UNKNOWN_ARTIST, Predictions, joined
from genre.evaluation.runs import FinishedRun
from genre.evaluation.scores import scores_from_counts

REPLICATE_KEYS = ("seed", "data.fold", "data.split_seed")
"""What runs of one label differ in."""


@dataclass(frozen=True)
class ModelRuns:
    """One row of the comparison: the runs of one label.

    Attributes:
        label: Its name.
        runs: Its runs, by seed and fold.
        seeds: What it said of all test tracks, by seed; folds are joined.
    """

    label: str
    runs: list[FinishedRun]
    seeds: dict[int, Predictions]

    @cached_property
    def varies(self) -> bool:
        """Whether its seeds differ; those of a model that is fitted in closed form do not, and count as one."""
        first, *others = (test.logits for test in self.seeds.values())
        return any(not np.array_equal(first, other, equal_nan=True) for other in others)

    @property
    def has_epochs(self) -> bool:
        """Whether it was trained in epochs, and not fitted in closed form."""
        return any("learning_rate" in run.epochs for run in self.runs)

    @property
    def folds(self) -> int:
        """How many folds its test tracks come from; 1 for a single split."""
        return len(self.runs) // len(self.seeds)

    def by_run(self, name: str) -> np.ndarray:
        """A score of each run, shape (runs,)."""
        return np.array([float(_scores(run.test)[name]) for run in self.runs])

    def by_seed(self, name: str) -> np.ndarray:
        """A score of each seed, folds joined, shape (seeds,)."""
        return np.array([float(_scores(test)[name]) for test in self.seeds.values()])

    def mean(self, name: str) -> float:
        """What is written beside a run's scores, such as `parameters`, over the runs; NaN where a run lacks it."""
        return float(np.mean([run.scores.get(name, np.nan) for run in self.runs]))


def group_runs(runs: list[FinishedRun]) -> list[ModelRuns]:
    """Group runs by label, in the order in which labels come first.

    Args:
        runs: Finished runs.

    Returns:
        What is compared.

    Raises:
        GenreError: Test tracks differ in a way that folds do not explain, or two runs are the same.
    """
    grouped: dict[str, list[FinishedRun]] = {}
    for run in runs:
        grouped.setdefault(run.label, []).append(run)
    found = [_entrant(label, members) for label, members in grouped.items()]
    reference = found[0]
    return [
        replace(entrant, seeds={seed: _paired(reference, entrant, seed) for seed in entrant.seeds}) for entrant in found
    ]


def _entrant(label: str, runs: list[FinishedRun]) -> ModelRuns:
    _same_settings(label, runs)
    seeds: dict[int, list[FinishedRun]] = {}
    for run in sorted(runs, key=lambda run: (run.seed, -1 if run.fold is None else run.fold)):
        seeds.setdefault(run.seed, []).append(run)
    for seed, members in seeds.items():
        folds = [run.fold for run in members]
        if len(members) > 1 and (None in folds or len(set(folds)) < len(folds)):
            names = " and ".join(str(run.folder) for run in members[:2])
            raise GenreError(
                f"{names} are both {label} with seed {seed}: leave one out, or train one again with another label=..."
            )
        ids = np.concatenate([run.test.track_id for run in members])
        if len(np.unique(ids)) < len(ids):
            raise GenreError(f"the folds of {label} with seed {seed} share test tracks: they are not of one division")
    ordered = [run for members in seeds.values() for run in members]
    tests = {seed: joined([run.test for run in members]) for seed, members in seeds.items()}
    return ModelRuns(label, ordered, tests)


def _same_settings(label: str, runs: list[FinishedRun]) -> None:
    first, *others = (
        {
            key: value
            for key, value in training_values(run.config).items()
            if key not in (*MACHINE_KEYS, *REPLICATE_KEYS)
        }
        for run in runs
    )
    for run, other in zip(runs[1:], others, strict=True):
        if key := first_difference(other, first):
            raise GenreError(
                f"{runs[0].folder} and {run.folder} are both {label}, but with {key}={first.get(key)} and "
                f"{key}={other.get(key)}: they are no seeds of one model, train one again with another label=..."
            )


def _paired(reference: ModelRuns, entrant: ModelRuns, seed: int) -> Predictions:
    """The test of one seed with the artists' names of the reference, so that both resample the same artists."""
    first_seed, first = next(iter(reference.seeds.items()))
    test = entrant.seeds[seed]
    one, other = f"{reference.label} (seed {first_seed})", f"{entrant.label} (seed {seed})"
    if first.genres != test.genres:
        raise GenreError(f"{one} and {other} know different genres: a comparison needs the same ones")
    ours, theirs = set(first.track_id), set(test.track_id)
    if ours == theirs and (first.target == test.target).all():
        # Codes are in the order of first appearance: equal for equal groups of tracks, whatever the groups' names
        apart = pd.factorize(first.artist)[0] != pd.factorize(test.artist)[0]
        if apart.any():
            row = int((2 * apart + (first.artist != test.artist)).argmax())
            raise GenreError(
                f"{one} and {other} differ in the artists of their test tracks ({first.track_id[row]} is by "
                f"{_artist(first, row)} in one and by {_artist(test, row)} in the other): train one of them again, on "
                "the data of the other"
            )
        return replace(test, artist=first.artist, by_artist=first.by_artist)
    if ours == theirs:
        raise GenreError(f"{one} and {other} know different genres of the same tracks: the data changed between them")
    advice = "train them with the same data.split_seed" if first_seed != seed else "train them on the same split"
    raise GenreError(
        f"the test tracks of {one} and {other} differ ({len(ours)} and {len(theirs)}, {len(ours & theirs)} in both), "
        f"so that their scores cannot be compared: {advice}"
    )


def _artist(test: Predictions, row: int) -> str:
    name = str(test.artist[row])
    return "an unknown artist" if name.startswith(UNKNOWN_ARTIST) else name.removeprefix("artist ")


def keep_common_folds(runs: list[FinishedRun]) -> tuple[list[FinishedRun], list[str]]:
    """Leave out folds that not every model has: all have to be tested on the same tracks.

    Args:
        runs: Of any labels, seeds and folds.

    Returns:
        Those that stay, and a sentence on each fold that does not.
    """
    of: dict[tuple[str, int], set[int | None]] = {}
    for run in runs:
        of.setdefault((run.label, run.seed), set()).add(run.fold)
    every, common = set.union(*of.values()), set.intersection(*of.values())
    if not common or None in every:
        return runs, []  # they are of different splits, which is said elsewhere
    lacking = {
        fold: [f"{label} (seed {seed})" for (label, seed), has in of.items() if fold not in has] for fold in every
    }
    left_out = [
        f"Fold {fold} is left out: {', '.join(names)} {'have' if len(names) > 1 else 'has'} not finished it."
        for fold, names in sorted(lacking.items(), key=str)
        if names
    ]
    planned = runs[0].config.data.folds
    if len(common) < planned:
        are = "is" if len(common) == 1 else "are"
        left_out.append(f"{len(common)} of {planned} folds {are} compared: the other folds' tracks are not tested.")
    return [run for run in runs if run.fold in common], left_out


def _scores(test: Predictions) -> dict[str, np.ndarray]:
    return scores_from_counts(test.counts.sum(axis=0), len(test.genres))
