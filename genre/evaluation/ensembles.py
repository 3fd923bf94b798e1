"""Ensembles of the runs of a comparison: the mean of their probabilities, as models of their own."""

from dataclasses import replace

import numpy as np
import pandas as pd

from genre.errors import GenreError
from genre.evaluation.model_runs import ModelRuns
from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import FinishedRun


def add_ensembles(models: list[ModelRuns]) -> list[ModelRuns]:
    """Add an ensemble of the seeds of each model, and one of all runs.

    Args:
        models: As returned by `group_runs`.

    Returns:
        Each model, followed by the ensemble of its seeds if their predictions differ; if there are several models,
        the ensemble of all runs at the end. Runs of one fold are averaged with runs of the same fold only.

    Raises:
        GenreError: There is nothing to average, or the runs of a fold have different tracks.
    """
    rows = []
    for model in models:
        rows.append(model)
        if len(model.predictions) > 1:
            label = f"{model.label} ensemble ({len(model.predictions)} members)"
            rows.append(_ensemble(label, model.runs, models[0]))
    if len(models) > 1:
        every = [run for model in models for run in model.runs]
        label = f"ensemble of {len(models)} models ({len(every) // models[0].n_folds} members)"
        rows.append(_ensemble(label, every, models[0]))
    if len(rows) == len(models):
        raise GenreError(
            f"ensemble=true has nothing to average: give seeds of {models[0].label} with different predictions, or "
            "runs of several models"
        )
    return rows


def _ensemble(label: str, runs: list[FinishedRun], reference: ModelRuns) -> ModelRuns:
    folds: dict[int | None, list[FinishedRun]] = {}
    for run in runs:
        folds.setdefault(run.fold, []).append(run)
    averaged = [_average(label, members) for members in folds.values()]
    joined = Predictions.concatenate([run.predictions for run in averaged])
    names = next(iter(reference.predictions.values()))  # equal names, so that all models resample the same artists
    joined = replace(joined, artist=names.artist, has_artists=names.has_artists)
    return ModelRuns(label, averaged, {averaged[0].seed: joined}, members=len(runs) // len(folds))


def _average(label: str, members: list[FinishedRun]) -> FinishedRun:
    """The ensemble of runs of one fold as a run: mean probabilities, summed costs, and no epochs of its own."""
    first = members[0]
    for run in members[1:]:
        if not np.array_equal(run.predictions.track_id, first.predictions.track_id):
            raise GenreError(
                f"{first.folder} and {run.folder} have different {first.predictions.split_name} tracks, which "
                "ensemble=true cannot average: train them with the same data.split_seed and data.folds"
            )
    scores = {name: sum(_value(run, name) for run in members) for name in ("parameters", "epochs", "train_seconds")}
    scores["clips_per_second"] = 1 / sum(1 / _value(run, "clips_per_second") for run in members)
    return replace(
        first,
        label=label,
        scores=first.scores | scores,
        predictions=Predictions.average([run.predictions for run in members]),
        train_ids=frozenset().union(*(run.train_ids for run in members)),
        epochs=pd.DataFrame(),
    )


def _value(run: FinishedRun, name: str) -> float:
    return float(run.scores.get(name, np.nan))
