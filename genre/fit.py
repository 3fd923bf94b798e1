"""A configuration becomes a trained and tested run in a folder, and its objective."""

import math
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from genre import console, run_folder
from genre.classifier import GenreClassifier
from genre.data.prepare import Prepared
from genre.errors import GenreError
from genre.metrics_csv import MetricsCsv
from genre.parts import Parts, assemble, build, plain
from genre.predictions import predict, test_scores
from genre.settings import EvaluateSettings, Settings, checked


def run(config: DictConfig, folder: Path, overrides: list[str]) -> float:
    """Train, or go on training, and test.

    Args:
        config: What Hydra composed.
        folder: The run folder.
        overrides: The command line's.

    Returns:
        The monitored score of the best epoch.

    Raises:
        GenreError: The run cannot start, and nothing is left behind then; or training diverged.
    """
    console.quiet()
    try:
        config = _stored_or_new(config, folder, overrides)
        parts = assemble(checked(config))
        prepared = parts.data.prepared
        loggers = [build(f"logger.{name}", spec) for name, spec in parts.settings.logger.items()]
    except Exception:
        _discard_empty(folder)
        raise
    _open(folder, config, overrides, prepared)
    for logger in loggers:
        logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))
    best = train(parts, folder, loggers)
    scores, predictions = test(parts, folder, parts.settings.trainer.accelerator)
    predictions.to_parquet(folder / run_folder.PREDICTIONS)
    scores[parts.settings.monitor.metric] = best
    for logger in loggers:
        logger.log_metrics({name: value for name, value in scores.items() if name.startswith("test/")})
        logger.finalize("success")
    run_folder.write_json(folder / run_folder.SCORES, scores)
    console.show_scores(scores, folder)
    return best


def train(parts: Parts, folder: Path, loggers: list[Logger]) -> float:
    """Train the configured network in a run folder, from its last checkpoint where it has one.

    Args:
        parts: What the configuration names.
        folder: The run folder.
        loggers: Beside metrics.csv.

    Returns:
        The monitored score of the best epoch.

    Raises:
        GenreError: Training diverged.
    """
    settings, model, monitor = parts.settings, parts.settings.model, parts.settings.monitor
    prepared = parts.data.prepared
    L.seed_everything(settings.seed, verbose=False)
    classifier = GenreClassifier(
        parts.network(prepared.genres),
        parts.card(prepared.genres),
        parts.data.segment_frames,
        learning_rate=model.learning_rate,
        weight_decay=model.weight_decay,
        label_smoothing=model.label_smoothing,
        class_weights=_inverse_frequency(prepared) if model.class_weights else None,
        schedulers=parts.schedulers,
        monitor=monitor.metric,
    )
    last = folder / run_folder.LAST
    resumed = torch.load(last, map_location="cpu", weights_only=True) if last.exists() else None
    patience = settings.early_stopping.patience or settings.trainer.max_epochs
    best = _checkpoint(folder / run_folder.BEST, monitor=monitor.metric, mode=monitor.mode)
    stopping = EarlyStopping(monitor.metric, mode=monitor.mode, patience=patience, check_on_train_epoch_end=True)
    trainer = L.Trainer(
        **plain(settings.trainer),
        callbacks=[stopping, best, _checkpoint(last), RichProgressBar(leave=False)],
        logger=[MetricsCsv(folder / run_folder.METRICS, resumed["epoch"] + 1 if resumed else 0), *loggers],
        default_root_dir=folder,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_model_summary=False,
    )
    if resumed is None or not _is_over(resumed, settings.trainer.max_epochs):
        trainer.fit(classifier, datamodule=parts.data, ckpt_path=last if resumed else None, weights_only=True)
    score = _best_score(folder)
    if not math.isfinite(score):
        raise GenreError(f"training diverged ({monitor.metric} is {score}): lower model.learning_rate")
    return score


def test(parts: Parts, folder: Path, accelerator: str) -> tuple[dict[str, Any], pd.DataFrame]:
    """Judge the best checkpoint of a run folder on the test part.

    Args:
        parts: What the configuration names.
        folder: The run folder.
        accelerator: Where to compute.

    Returns:
        What scores.json holds, the monitored score aside; predictions on validation and test.

    Raises:
        GenreError: The checkpoint is missing or knows other genres than the data.
    """
    trained = run_folder.load(folder)
    if trained.genres != parts.data.prepared.genres:
        raise GenreError(
            f"the checkpoint in {folder} knows the genres {', '.join(trained.genres)} and the data have "
            f"{', '.join(parts.data.prepared.genres)}: test it on the data that it was trained on"
        )
    predictions = predict(trained, parts.data, device(accelerator))
    epochs = pd.read_csv(folder / run_folder.METRICS)
    return test_scores(predictions) | {
        "model": parts.settings.model.name,
        "genres": trained.genres,
        "parameters": sum(p.numel() for p in trained.net.parameters()),
        "epochs": len(epochs),
        "train_seconds": float(epochs["seconds"].sum()),
    }, predictions


def repeat_test(evaluation: EvaluateSettings) -> tuple[dict[str, Any], pd.DataFrame]:
    """Test a run folder's best checkpoint again, with the tracks and the split that it was trained with.

    Args:
        evaluation: Which folder, and where to compute.

    Returns:
        As `test`.

    Raises:
        GenreError: The folder is not that of a run that was trained, or its data are gone.
    """
    console.quiet()
    folder = Path(evaluation.run_dir)
    if not run_folder.is_started(folder):
        raise GenreError(f"{folder} is not a run folder: give one that train.py made, with {run_folder.CONFIG} in it")
    config = stored_config(folder)
    if evaluation.data_root:
        config.data.root = evaluation.data_root
    if evaluation.cache:
        config.paths.cache = evaluation.cache
    run_folder.load(folder)  # without a checkpoint there is no point in reading data
    return test(assemble(checked(config), folder / run_folder.TRACKS), folder, evaluation.accelerator)


def stored_config(folder: Path) -> DictConfig:
    """The configuration that a run folder was made with."""
    config = OmegaConf.merge(OmegaConf.structured(Settings), OmegaConf.load(folder / run_folder.CONFIG))
    assert isinstance(config, DictConfig)
    return config


def device(accelerator: str) -> str:
    """The one device that Lightning's word for an accelerator means here, as torch calls it."""
    return "cuda" if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available() else "cpu"


def _checkpoint(path: Path, **monitor: Any) -> ModelCheckpoint:
    """Keeps one file: the best by the monitored score, or without one the last."""
    return ModelCheckpoint(
        dirpath=path.parent,
        filename=path.stem,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
        **monitor,
    )


def _is_over(checkpoint: dict[str, Any], max_epochs: int) -> bool:
    """Whether training had ended when this was saved: a resumed fit would add an epoch to a stopped one."""
    stopped = any(
        state["wait_count"] >= state["patience"]
        for name, state in checkpoint["callbacks"].items()
        if name.startswith("EarlyStopping")
    )
    return stopped or checkpoint["epoch"] + 1 >= max_epochs


def _best_score(folder: Path) -> float:
    """The score that best.ckpt was saved for."""
    callbacks = torch.load(folder / run_folder.BEST, map_location="cpu", weights_only=True)["callbacks"]
    states = [s for n, s in callbacks.items() if n.startswith("ModelCheckpoint") and s["monitor"]]
    return float(states[0]["best_model_score"])


def _inverse_frequency(prepared: Prepared) -> Tensor:
    """Weights of the genres, inverse to their training tracks, of mean 1 over those tracks; shape (classes,)."""
    targets = prepared.targets[(prepared.tracks["split"] == "train").to_numpy()]
    counts = torch.bincount(torch.from_numpy(targets), minlength=len(prepared.genres)).float()
    return len(targets) / (len(counts) * counts)


def _stored_or_new(config: DictConfig, folder: Path, overrides: list[str]) -> DictConfig:
    """The configuration of the run: that of an unfinished one in the folder, else the new one."""
    if run_folder.is_finished(folder):
        raise GenreError(f"{folder} holds a finished run: choose another run_dir, or delete it to train again")
    if not run_folder.is_started(folder):
        config.run_dir = str(folder)
        return config
    stored = OmegaConf.load(folder / run_folder.OVERRIDES)
    given = _without_folder(overrides)
    if given and set(given) != set(_without_folder(list(stored))):
        raise GenreError(
            f"{folder} holds an unfinished run of other settings ({' '.join(stored) or 'the defaults'}): "
            "repeat these, give run_dir alone, or choose another run_dir"
        )
    config = stored_config(folder)
    config.run_dir = str(folder)
    return config


def _without_folder(overrides: list[str]) -> list[str]:
    return [text for text in overrides if not text.startswith(("run_dir=", "paths."))]


def _open(folder: Path, config: DictConfig, overrides: list[str], prepared: Prepared) -> None:
    """Make a folder a run's: from here on it is one that can be resumed."""
    (folder / run_folder.CONFIG).parent.mkdir(parents=True, exist_ok=True)
    if not run_folder.is_started(folder):
        prepared.tracks.drop(columns=["shard", "row", "mtime_ns"]).to_parquet(folder / run_folder.TRACKS)
        prepared.rejected.to_csv(folder / run_folder.REJECTED, index=False)
        OmegaConf.save(OmegaConf.create(overrides), folder / run_folder.OVERRIDES)
        OmegaConf.save(config, folder / run_folder.CONFIG)
    console.open_log(folder / run_folder.LOG)


def _discard_empty(folder: Path) -> None:
    """Take away the folders that Hydra made for a run that could not start."""
    for path in [folder, *folder.parents]:
        try:
            path.rmdir()
        except OSError:
            return
