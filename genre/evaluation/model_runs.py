"""Group the runs of a comparison by model, and check that all models have predictions for the same tracks."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from genre.config.diff import MACHINE_KEYS, first_difference, training_values
from genre.errors import GenreError
from genre.evaluation.predictions import UNKNOWN_ARTIST, Predictions
from genre.evaluation.runs import FinishedRun
from genre.evaluation.scores import compute_scores

REPLICATE_KEYS = ("seed", "data.fold", "data.split_seed")
"""Settings in which the runs of one label may differ."""
SPEED_KEYS = ("model.channels_last", "model.net.channels_last")
"""Settings of the order of values in memory, in which they may differ too."""


@dataclass(frozen=True)
class ModelRuns:
    """One row of a comparison: the runs of one label.

    Attributes:
        label: Name of the model.
        runs: Its runs, sorted by seed and fold. A deterministic model counts once, with its first seed.
        predictions: Predictions by seed; those of several folds are joined.
        deterministic: Whether another seed gives the same predictions, as for a closed-form fit.
        members: Number of runs whose probabilities are averaged in each of `runs`: 1 unless it is an ensemble.
    """

    label: str
    runs: list[FinishedRun]
    predictions: dict[int, Predictions]
    deterministic: bool = False
    members: int = 1

    @property
    def has_single_seed(self) -> bool:
        """Whether another seed may give other scores, and none is known."""
        return len(self.predictions) == 1 and not self.deterministic

    @property
    def counts(self) -> np.ndarray:
        """`Predictions.cluster_counts` of each seed, shape (seeds, clusters, columns)."""
        return np.stack([predictions.cluster_counts for predictions in self.predictions.values()])

    @property
    def has_epochs(self) -> bool:
        """Whether the model was trained in epochs rather than in closed form."""
        return any("learning_rate" in run.epochs for run in self.runs)

    @property
    def n_folds(self) -> int:
        """Number of folds; 1 for a single split."""
        return len(self.runs) // len(self.predictions)

    @property
    def train_fraction(self) -> float:
        """Fraction of the training tracks that was used."""
        return self.runs[0].config.data.train_fraction

    @property
    def series(self) -> str:
        """What is trained on several fractions: the label without the fraction at its end."""
        return self.label.removesuffix(f"_{self.train_fraction}")

    @property
    def training_tracks(self) -> float:
        """Mean number of training tracks over the runs."""
        return float(np.mean([len(run.train_ids) for run in self.runs]))

    def score_per_run(self, name: str) -> np.ndarray:
        """A score of each run, shape (runs,)."""
        return np.array([compute_scores(run.predictions)[name] for run in self.runs])

    def mean(self, name: str) -> float:
        """Mean over runs of a value in scores.json, such as `parameters`; NaN if a run lacks it."""
        return float(np.mean([run.scores.get(name, np.nan) for run in self.runs]))


def group_runs(runs: list[FinishedRun]) -> list[ModelRuns]:
    """Group runs by label, in order of first appearance.

    Args:
        runs: Finished runs.

    Returns:
        One item per label.

    Raises:
        GenreError: Runs of one label are not replicates, a run appears twice, or the tracks differ.
    """
    grouped: dict[str, list[FinishedRun]] = {}
    for run in runs:
        grouped.setdefault(run.label, []).append(run)
    models = [_join_folds(label, members) for label, members in grouped.items()]
    paired = [
        replace(model, predictions={seed: _paired(models[0], model, seed) for seed in model.predictions})
        for model in models
    ]
    return [_count_once(model) for model in paired]


def _join_folds(label: str, runs: list[FinishedRun]) -> ModelRuns:
    _check_settings(label, runs)
    seeds: dict[int, list[FinishedRun]] = {}
    for run in sorted(runs, key=lambda run: (run.seed, -1 if run.fold is None else run.fold)):
        seeds.setdefault(run.seed, []).append(run)
    predictions = {}
    for seed, members in seeds.items():
        for run, other in pairwise(members):
            if None in (run.fold, other.fold) or run.fold == other.fold:
                raise GenreError(
                    f"{run.folder} and {other.folder} are both {label} with seed {seed}: leave one out, or train it "
                    "with another label=..."
                )
            if run.predictions.genres != other.predictions.genres:
                raise GenreError(
                    f"{run.folder} and {other.folder} are folds of {label} with different genres: train both on the "
                    "same data"
                )
        joined = Predictions.concatenate([run.predictions for run in members])
        if joined.has_repeats and joined.split == "test":  # validation sets may overlap
            raise GenreError(
                f"the folds of {label} with seed {seed} overlap: train them with the same data.split_seed and "
                "data.folds"
            )
        predictions[seed] = joined
    return ModelRuns(label, [run for members in seeds.values() for run in members], predictions)


def _count_once(model: ModelRuns) -> ModelRuns:
    """Keep one seed of a model whose seeds are alike."""
    seed, *_ = model.predictions
    first, *others = (each.logits for each in model.predictions.values())
    trained_on, *further = ([run.train_ids for run in model.runs if run.seed == each] for each in model.predictions)
    repeats = not model.has_epochs and all(each == trained_on for each in further)
    if not repeats and not (others and all(np.array_equal(first, each, equal_nan=True) for each in others)):
        return model
    runs = [run for run in model.runs if run.seed == seed]
    return replace(model, runs=runs, predictions={seed: model.predictions[seed]}, deterministic=True)


def _check_settings(label: str, runs: list[FinishedRun]) -> None:
    ignored = {*MACHINE_KEYS, *REPLICATE_KEYS, *SPEED_KEYS, "label"}  # they share the label they are compared under
    first, *others = ({key: value for key, value in _comparable(run).items() if key not in ignored} for run in runs)
    for run, other in zip(runs[1:], others, strict=True):
        if key := first_difference(other, first):
            raise GenreError(
                f"{runs[0].folder} and {run.folder} share the label {label} but differ in {key} "
                f"({first.get(key)} and {other.get(key)}): give them labels, as in 'run_dir={{a: ..., b: ...}}'"
            )


def _comparable(run: FinishedRun) -> dict[str, Any]:
    """Values that affect training. Replicates may start from different weights; either all or none have a ckpt_path."""
    values = training_values(run.config)
    return values | {"ckpt_path": "given" if values.get("ckpt_path") else None}


def _paired(reference: ModelRuns, model: ModelRuns, seed: int) -> Predictions:
    """Give the predictions of one seed the reference's artist names, so that both resample the same artists."""
    reference_seed, first = next(iter(reference.predictions.items()))
    second = model.predictions[seed]
    both = f"{reference.label} (seed {reference_seed}) and {model.label} (seed {seed})"
    if first.genres != second.genres:
        raise GenreError(f"{both} have different genres: compare runs of the same genres")
    if not np.array_equal(first.track_id, second.track_id):
        key = "the same data.split_seed" if reference_seed != seed else "the same split"
        raise GenreError(
            f"the {first.split_name} tracks of {both} differ ({len(first.track_id)} and {len(second.track_id)}, "
            f"{len(np.intersect1d(first.track_id, second.track_id))} in both): train them with {key}"
        )
    if (first.target != second.target).any():
        raise GenreError(f"{both} have different genres for the same tracks: train them on the same data")
    # factorize numbers artists by first appearance: equal for equal groups of tracks, whatever their names
    differs = pd.factorize(first.artist)[0] != pd.factorize(second.artist)[0]
    if differs.any():
        row = int((2 * differs + (first.artist != second.artist)).argmax())
        raise GenreError(
            f"{both} differ in the artists of their {first.split_name} tracks ({first.track_id[row]} is by "
            f"{_artist(first, row)} in the first and by {_artist(second, row)} in the second): train them on the same "
            "data"
        )
    return replace(second, artist=first.artist, has_artists=first.has_artists)


def _artist(predictions: Predictions, row: int) -> str:
    name = str(predictions.artist[row])
    return "an unknown artist" if name.startswith(UNKNOWN_ARTIST) else name.removeprefix("artist ")


def keep_common_folds(runs: list[FinishedRun]) -> tuple[list[FinishedRun], list[str]]:
    """Drop the folds that some model lacks, so that all models are tested on the same tracks.

    Args:
        runs: Finished runs of any labels, seeds and folds.

    Returns:
        The runs that are kept, and a sentence on each fold that is dropped.
    """
    folds: dict[tuple[str, int], set[int | None]] = {}
    for run in runs:
        folds.setdefault((run.label, run.seed), set()).add(run.fold)
    every, common = set.union(*folds.values()), set.intersection(*folds.values())
    if not common or None in every:
        return runs, []  # different splits, which group_runs rejects
    notes = []
    for fold in sorted(every - common, key=str):
        missing = ", ".join(f"{label} (seed {seed})" for (label, seed), has in folds.items() if fold not in has)
        notes.append(f"Fold {fold} is left out, since it is not finished for {missing}.")
    planned = runs[0].config.data.folds
    if len(common) < planned:
        untested = " The tracks of the other folds are not tested." * (runs[0].predictions.split == "test")
        notes.append(f"Folds compared: {len(common)} of {planned}.{untested}")
    return [run for run in runs if run.fold in common], notes
