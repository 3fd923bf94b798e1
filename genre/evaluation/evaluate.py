"""Evaluate a checkpoint: predictions for the validation and test sets, and test scores."""

import math
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from genre import logging_setup, run_folder
from genre.audio.windows import track_logits
from genre.config.schema import EvaluateConfig
from genre.config.targets import Trust
from genre.data.datamodule import GenreDataModule
from genre.data.prepared import PreparedData
from genre.errors import GenreError
from genre.evaluation.logit_adjustment import adjust_logits, select_tau
from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import EvaluatedRun
from genre.models.checkpoint import TrainedModel, load_model
from genre.training.components import Components, build_components
from genre.training.metrics import compute_metrics, predict_classes
from genre.training.resume import restore_settings

NO_PREDICTION = -1
"""Predicted class of a track with non-finite logits, which counts as an error."""


def predict_splits(
    model: TrainedModel, datamodule: GenreDataModule, device: str, splits: Sequence[str] = ("val", "test")
) -> pd.DataFrame:
    """Classify the tracks of some splits.

    Args:
        model: The trained network.
        datamodule: The data with their split.
        device: Device to compute on.
        splits: Splits to classify; no other one is read.

    Returns:
        One row per track: `track_id, split, target, prediction, logits`; classes as indices, -1 for no prediction.
    """
    net = model.net.to(device)
    window = datamodule.data.cache.spec.n_segment_frames(model.metadata["segment_seconds"])
    tables = []
    for batch in chain.from_iterable(datamodule.eval_dataloader(split) for split in splits):
        with torch.inference_mode():
            logits = track_logits(net, batch.mel.to(device).float(), window, batch.frames).cpu()
        tracks = datamodule.data.tracks.iloc[batch.track_index.numpy()]
        columns = {
            "track_id": tracks["track_id"].to_numpy(),
            "split": tracks["split"].to_numpy(),
            "target": batch.target.numpy(),
            "prediction": predict_classes(logits, NO_PREDICTION).numpy(),
            "logits": list(logits.numpy()),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def apply_logit_adjustment(table: pd.DataFrame, data: PreparedData) -> float:
    """Adjust the logits of all predictions in place, with the strength that is best on the validation set.

    Args:
        table: As returned by `predict_splits`.
        data: The data whose class frequencies are used.

    Returns:
        The strength, tau.
    """
    class_priors = torch.from_numpy(data.train_counts / data.train_counts.sum()).float()
    tau = select_tau(*logits_and_targets(table, "val"), class_priors)
    logits = adjust_logits(torch.from_numpy(np.stack(table["logits"].to_list())), class_priors, tau)
    table["logits"] = list(logits.numpy())
    table["prediction"] = predict_classes(logits, NO_PREDICTION).numpy()
    return tau


def logits_and_targets(table: pd.DataFrame, split: str) -> tuple[Tensor, Tensor]:
    """Select one split of a table of predictions: logits (tracks, classes) and targets (tracks,)."""
    rows = table[table["split"] == split]
    return torch.from_numpy(np.stack(rows["logits"].to_list())), torch.tensor(rows["target"].to_numpy(copy=True))


def test_scores(table: pd.DataFrame) -> dict[str, float | None]:
    """Compute the scores of the validation and test sets.

    Args:
        table: As returned by `predict_splits`.

    Returns:
        `accuracy`, `f1_macro`, `f1_weighted` and `loss` of each, as `val/...` and `test/...`; for the test set, the
        numbers of tracks, of genres with at least one target and of tracks with non-finite logits. The latter count as
        errors and are excluded from the loss, which is None if no track is left.
    """
    scores: dict[str, float | None] = {}
    for split in ("val", "test"):
        logits, targets = logits_and_targets(table, split)
        finite = logits.isfinite().all(dim=1)
        loss = torch.nn.functional.cross_entropy(logits[finite], targets[finite]).item()
        scores |= compute_metrics(logits, targets, f"{split}/")
        scores[f"{split}/loss"] = loss if math.isfinite(loss) else None
    return scores | {
        "test/tracks": len(targets),
        "test/genres": len(targets.unique()),
        "test/non_finite": int((~finite).sum()),
    }


def evaluate_checkpoint(
    components: Components, folder: Path, device: str, checkpoint: str = run_folder.BEST
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Evaluate a checkpoint of a run folder on the test set.

    Args:
        components: Objects built from the configuration.
        folder: The run folder.
        device: Device to compute on.
        checkpoint: Path of the checkpoint in the folder.

    Returns:
        Content of scores.json except the monitored score; predictions as returned by `predict_splits`.

    Raises:
        GenreError: The checkpoint or metrics.csv is missing or damaged, or does not match the data.
    """
    datamodule, settings, metrics = components.datamodule, components.settings, folder / run_folder.METRICS
    genres = datamodule.data.genres
    model = load_model(folder / checkpoint, components.trust(genres))
    if model.genres != genres:
        raise GenreError(
            f"the checkpoint in {folder} and the data have different genres ({', '.join(model.genres)} and "
            f"{', '.join(genres)}): evaluate it on the data it was trained on"
        )
    if model.metadata["features"] != components.feature_settings:
        raise GenreError(f"the checkpoint in {folder} and its configuration have different features: train again")
    if not metrics.is_file():
        raise GenreError(f"{metrics} is missing: run_dir must be the folder of a finished run")
    try:
        epochs = pd.read_csv(metrics)
        train_seconds = float(epochs["seconds"].sum())
    except (ValueError, KeyError) as error:
        raise GenreError(f"{metrics} is damaged: train again") from error
    started = time.perf_counter()
    table = predict_splits(model, datamodule, device)
    seconds = time.perf_counter() - started
    tau = apply_logit_adjustment(table, datamodule.data) if settings.model.logit_adjustment else 0.0
    return test_scores(table) | {
        "model": settings.model.name,
        "genres": model.genres,
        "parameters": sum(p.numel() for p in model.net.parameters()),
        "tau": tau,
        "epochs": len(epochs),
        "clips_per_second": len(table) / seconds,
        "train_seconds": train_seconds,
    }, table


def reevaluate_run(evaluation: EvaluateConfig, folder: Path) -> EvaluatedRun:
    """Evaluate the best checkpoint of a run folder on the tracks and the split that it was trained with.

    Args:
        evaluation: Accelerator, and locations of data and cache if they moved.
        folder: The run folder.

    Returns:
        The run, with its scores and predictions.

    Raises:
        GenreError: The folder does not hold a trained run, its data are missing, or a setting is for several runs.
    """
    logging_setup.configure_logging()
    if evaluation.split != "test" or evaluation.ensemble:
        raise GenreError("split=val and ensemble=true compare several runs: give more of them, as run_dir=[a,b]")
    settings = restore_settings(folder, evaluation)
    model = load_model(folder / run_folder.BEST, Trust(evaluation.trust))  # fails before data are read
    components = build_components(settings, folder / run_folder.TRACKS)
    scores, table = evaluate_checkpoint(components, folder, components.device)
    tracks = components.datamodule.data.tracks
    test, val = (Predictions.from_table(table, tracks, model.genres, split) for split in ("test", "val"))
    stored = run_folder.read_scores(folder) if run_folder.is_finished(folder) else {}
    root = Path(settings.data.root)
    datamodule, device = components.datamodule, components.device
    return EvaluatedRun(folder, stored | scores, test, val, model, datamodule, device, settings, root)
