"""A trained network's logits on validation and test, and the scores that follow from them."""

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
from genre.config.validate import validate
from genre.data.datamodule import GenreDataModule
from genre.data.prepare import PreparedData
from genre.errors import GenreError
from genre.evaluation.logit_adjustment import adjust_logits, select_tau
from genre.evaluation.runs import EvaluatedRun
from genre.models.checkpoint import TrainedModel, load_model, resolve_device
from genre.training.components import Components, build_components
from genre.training.metrics import compute_metrics, predict_classes
from genre.training.resume import relocate, stored_config

NO_PREDICTION = -1
"""Stands in a table of predictions for tracks with non-finite logits, which count as errors."""


def predict_splits(
    model: TrainedModel, data: GenreDataModule, device: str, parts: Sequence[str] = ("val", "test")
) -> pd.DataFrame:
    """Classify the validation and test tracks.

    Args:
        model: The network.
        data: The collection.
        device: As torch calls it.
        parts: Which parts; no other one is read.

    Returns:
        One row a track: `track_id, split, target, prediction, logits`; classes by number, -1 for none, logits a list.
    """
    net = model.net.to(device)
    window = data.data.cache.spec.n_segment_frames(model.metadata["segment_seconds"])
    tables = []
    for batch in chain.from_iterable(data.eval_dataloader(part) for part in parts):
        with torch.inference_mode():
            logits = track_logits(net, batch.mel.to(device).float(), window, batch.frames).cpu()
        rows = batch.track_index.numpy()
        tracks = data.data.tracks.iloc[rows]
        columns = {
            "track_id": tracks["track_id"].to_numpy(),
            "split": tracks["split"].to_numpy(),
            "target": batch.target.numpy(),
            "prediction": predict_classes(logits, NO_PREDICTION).numpy(),
            "logits": list(logits.numpy()),
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def apply_logit_adjustment(predictions: pd.DataFrame, prepared: PreparedData) -> float:
    """Adjust the logits of all predictions in place, by the tau that is best on validation.

    Args:
        predictions: As `predict` makes them.
        prepared: Knows how frequent the genres are in training.

    Returns:
        That tau.
    """
    shares = torch.from_numpy(prepared.train_counts / prepared.train_counts.sum()).float()
    tau = select_tau(*logits_and_targets(predictions, "val"), shares)
    logits = adjust_logits(torch.from_numpy(np.stack(predictions["logits"].to_list())), shares, tau)
    predictions["logits"] = list(logits.numpy())
    predictions["prediction"] = predict_classes(logits, NO_PREDICTION).numpy()
    return tau


def logits_and_targets(predictions: pd.DataFrame, part: str) -> tuple[Tensor, Tensor]:
    """One part of a table of predictions: logits (tracks, classes) and targets (tracks,)."""
    chosen = predictions[predictions["split"] == part]
    return torch.from_numpy(np.stack(chosen["logits"].to_list())), torch.tensor(chosen["target"].to_numpy(copy=True))


def test_scores(predictions: pd.DataFrame) -> dict[str, float | None]:
    """The test part's scores, and how many tracks and genres they rest on.

    Args:
        predictions: As `predict` makes them.

    Returns:
        Each score under `test/`, `test/tracks`, and `test/genres`: genres with at least one target. Tracks with
        non-finite logits, of which there are `test/non_finite`, count as errors and are left out of the loss; the loss
        is None where no track is left.
    """
    logits, targets = logits_and_targets(predictions, "test")
    finite = logits.isfinite().all(dim=1)
    loss = torch.nn.functional.cross_entropy(logits[finite], targets[finite]).item()
    return compute_metrics(logits, targets, "test/") | {
        "test/loss": loss if math.isfinite(loss) else None,
        "test/tracks": len(targets),
        "test/genres": len(targets.unique()),
        "test/non_finite": int((~finite).sum()),
    }


def evaluate_checkpoint(
    components: Components, folder: Path, accelerator: str, checkpoint: str = run_folder.BEST
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Judge a checkpoint of a run folder on the test part.

    Args:
        components: What the configuration names.
        folder: The run folder.
        accelerator: Where to compute.
        checkpoint: Its path in the folder.

    Returns:
        What scores.json holds, the monitored score aside; predictions on validation and test.

    Raises:
        GenreError: The checkpoint is missing or knows other genres than the data.
    """
    settings, prepared = components.settings, components.datamodule.data
    trained = load_model(folder / checkpoint, components.trust(prepared.genres))
    if trained.genres != prepared.genres:
        raise GenreError(
            f"the checkpoint in {folder} knows the genres {', '.join(trained.genres)} and the data have "
            f"{', '.join(prepared.genres)}: test it on the data that it was trained on"
        )
    if trained.metadata["features"] != dict(settings.features):
        raise GenreError(f"the checkpoint in {folder} was trained on other features than its configuration names")
    if not (folder / run_folder.METRICS).is_file():
        raise GenreError(f"{folder / run_folder.METRICS} is missing: run_dir must be the folder of a finished run")
    try:
        epochs = pd.read_csv(folder / run_folder.METRICS)
        train_seconds = float(epochs["seconds"].sum())
    except (ValueError, KeyError) as error:
        raise GenreError(f"{folder / run_folder.METRICS} is damaged: train again") from error
    started = time.perf_counter()
    predictions = predict_splits(trained, components.datamodule, resolve_device(accelerator))
    seconds = time.perf_counter() - started
    tau = apply_logit_adjustment(predictions, prepared) if settings.model.logit_adjustment else 0.0
    return test_scores(predictions) | {
        "model": settings.model.name,
        "genres": trained.genres,
        "parameters": sum(p.numel() for p in trained.net.parameters()),
        "tau": tau,
        "epochs": len(epochs),
        "clips_per_second": len(predictions) / seconds,
        "train_seconds": train_seconds,
    }, predictions


def reevaluate_run(evaluation: EvaluateConfig, folder: Path) -> EvaluatedRun:
    """Test a run folder's best checkpoint again, with the tracks and the split that it was trained with.

    Args:
        evaluation: Where to compute, and where data and caches lie now.
        folder: The run folder.

    Returns:
        What a report is made of.

    Raises:
        GenreError: The folder is not that of a run that was trained, or its data are gone.
    """
    logging_setup.configure_logging()
    if not run_folder.is_started(folder):
        raise GenreError(f"{folder} is not a run folder: give one that train.py made, with {run_folder.CONFIG} in it")
    trust = Trust(evaluation.trust)
    config = relocate(stored_config(folder, trust), evaluation.data_root, evaluation.cache)
    model = load_model(folder / run_folder.BEST, trust)  # without a checkpoint there is no point in reading data
    components = build_components(validate(config), folder / run_folder.TRACKS)
    accelerator = evaluation.accelerator or config.trainer.accelerator
    scores, predictions = evaluate_checkpoint(components, folder, accelerator)
    monitor = (components.settings.monitor.metric, components.settings.monitor.mode)
    return EvaluatedRun(folder, scores, predictions, model, components.datamodule, resolve_device(accelerator), monitor)
