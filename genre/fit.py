"""A configuration becomes a trained and tested run in a folder, and its objective."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, ProgressBar
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from genre import baselines, console, run_folder
from genre.best import with_best
from genre.checking import checked
from genre.classifier import GenreClassifier
from genre.data.prepare import Prepared
from genre.errors import GenreError
from genre.files import write_json
from genre.loggers import close, report, require_accounts
from genre.metrics_csv import MetricsCsv
from genre.parts import Parts, assemble, build, plain
from genre.predictions import device, judge
from genre.progress import progress
from genre.resume import discard_empty, is_to_skip, open_run, stored_or_new

log = logging.getLogger(__name__)


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
        config = with_best(config, overrides)
    except GenreError:
        discard_empty(folder)
        raise
    if is_to_skip(config, folder):
        log.info("%s is finished", folder)
        return float(run_folder.read_scores(folder)[config.monitor.metric])
    parts, loggers = start(config, folder, overrides)
    best = learn(parts, folder, loggers)
    scores, predictions = judge(parts, folder, parts.settings.trainer.accelerator)
    predictions.to_parquet(folder / run_folder.PREDICTIONS)
    scores[parts.settings.monitor.metric] = best
    if parts.settings.test_last:
        last, predictions_last = judge(parts, folder, parts.settings.trainer.accelerator, run_folder.LAST)
        predictions_last.to_parquet(folder / run_folder.PREDICTIONS_LAST)
        scores |= {f"last/{name}": value for name, value in last.items() if name.startswith("test/")}
    report(loggers, scores, predictions, parts.data.prepared.tracks)
    close(loggers)
    write_json(folder / run_folder.SCORES, scores)
    console.show_scores(scores, folder)
    return best


def start(config: DictConfig, folder: Path, overrides: list[str]) -> tuple[Parts, list[Logger]]:
    """Make the parts of a run and open its folder.

    Args:
        config: What Hydra composed.
        folder: The run folder.
        overrides: The command line's.

    Returns:
        The parts, their data prepared, and the loggers.

    Raises:
        GenreError: The run cannot start, and nothing is left behind.
    """
    try:
        config = stored_or_new(config, folder, overrides)
        started = run_folder.is_started(folder)  # a resumed run keeps its split, whatever has come to the data since
        parts = assemble(checked(config), folder / run_folder.TRACKS if started else None)
        devices = parts.settings.trainer.devices
        if devices not in (1, "auto") and device(parts.settings.trainer.accelerator) == "cpu":
            raise GenreError(f"trainer.devices={devices} is for GPUs, and none is used here: leave it at 1")
        prepared = parts.data.prepared
        loggers = [build(f"logger.{name}", spec) for name, spec in parts.settings.logger.items()]
        require_accounts(loggers)
    except BaseException:  # Ctrl-C too
        discard_empty(folder)
        raise
    open_run(folder, config, overrides, prepared)
    for logger in loggers:
        logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))
    return parts, loggers


def learn(parts: Parts, folder: Path, loggers: list[Logger], callbacks: Sequence[Callback] = ()) -> float:
    """Train a network, or fit a model that is fitted in one go.

    Args:
        parts: What the configuration names.
        folder: The run folder.
        loggers: Beside metrics.csv.
        callbacks: For training, beside its own.

    Returns:
        The monitored score of the best epoch.

    Raises:
        GenreError: Training diverged.
    """
    if parts.settings.model.fit:
        return baselines.fit(parts, folder, device(parts.settings.trainer.accelerator), loggers)
    return train(parts, folder, loggers, callbacks)


def train(parts: Parts, folder: Path, loggers: list[Logger], callbacks: Sequence[Callback] = ()) -> float:
    """Train the configured network in a run folder, from its last checkpoint where it has one.

    Args:
        parts: What the configuration names.
        folder: The run folder.
        loggers: Beside metrics.csv.
        callbacks: Beside its own.

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
    shown = progress(monitor.metric)
    trainer = L.Trainer(
        **plain(settings.trainer),
        enable_progress_bar=isinstance(shown, ProgressBar),  # Lightning would add one
        callbacks=[stopping, best, _checkpoint(last), shown, *callbacks],
        logger=[MetricsCsv(folder / run_folder.METRICS, resumed["epoch"] + 1 if resumed else 0), *loggers],
        default_root_dir=folder,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_model_summary=False,
    )
    if resumed is None or not _is_over(resumed, settings.trainer.max_epochs):
        try:
            trainer.fit(classifier, datamodule=parts.data, ckpt_path=last if resumed else None, weights_only=True)
        except SystemExit as error:  # Lightning's answer to Ctrl-C
            raise KeyboardInterrupt from error
    score = _best_score(folder)
    if not math.isfinite(score):
        raise GenreError(f"training diverged ({monitor.metric} is {score}): lower model.learning_rate")
    return score


class Checkpoint(ModelCheckpoint):
    """Remembers the best score in a run folder that was moved, which Lightning's own forgets."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state with its paths as they are now."""

        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        moved = {name: here(value) for name, value in state_dict.items() if name.endswith("path")}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | moved | {"dirpath": str(self.dirpath), "best_k_models": best})


def _checkpoint(path: Path, **monitor: Any) -> ModelCheckpoint:
    """Keeps one file: the best by the monitored score, or without one the last."""
    return Checkpoint(
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
    states = [s for n, s in callbacks.items() if n.startswith("Checkpoint") and s["monitor"]]
    return float(states[0]["best_model_score"])


def _inverse_frequency(prepared: Prepared) -> Tensor:
    """Weights of the genres, inverse to their training tracks, of mean 1 over those tracks; shape (classes,)."""
    counts = torch.from_numpy(prepared.train_counts).float()
    return counts.sum() / (len(counts) * counts)
