"""A configuration becomes a trained and tested run in a folder, and its objective."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig
from torch import Tensor

from genre import run_folder
from genre.config.schema import TrainerConfig
from genre.config.validate import validate
from genre.data.prepare import PreparedData
from genre.errors import GenreError
from genre.models.checkpoint import resolve_device
from genre.training import baselines
from genre.training.callbacks import keep_checkpoint, progress_callback
from genre.training.checkpoints import WholeCheckpointIO, to_resume_from
from genre.training.classifier import GenreClassifier
from genre.training.components import Components, build_components, to_container
from genre.training.divergence import Divergence, refuse_diverged
from genre.training.loggers import EpochCSVLogger, build_loggers, logging_to
from genre.training.resume import create_run_folder, resolve_config
from genre.training.run_lock import locked

log = logging.getLogger(__name__)


@contextmanager
def start_run(config: DictConfig, folder: Path, overrides: list[str]) -> Iterator[tuple[Components, list[Logger]]]:
    """Make the parts of a run and open its folder, which stays locked, and its loggers, until the run ends.

    Args:
        config: What Hydra composed.
        folder: The run folder.
        overrides: The command line's.

    Yields:
        The parts, their data prepared, and the loggers.

    Raises:
        GenreError: The run cannot start, and nothing is left behind.
    """
    # The other processes of a training have no folder of their own
    with locked(folder) if is_main() else nullcontext():
        config = resolve_config(config, folder, overrides)
        started = run_folder.is_started(folder)  # a resumed run keeps its split, whatever has come to the data since
        parts = build_components(validate(config), folder / run_folder.TRACKS if started else None)
        _check_devices(parts.settings.trainer)
        prepared = parts.data.data
        loggers = build_loggers(parts.settings.logger, folder)
        if is_main():
            create_run_folder(folder, config, overrides, prepared)
        with logging_to(loggers, folder, config):
            yield parts, list(loggers.values())


def is_main() -> bool:
    """Whether this is the only process of a training, or the first of several."""
    return bool(getattr(rank_zero_only, "rank", 0) == 0)


def _check_devices(trainer: TrainerConfig) -> None:
    if trainer.devices not in (1, "auto") and resolve_device(trainer.accelerator) == "cpu":
        raise GenreError(f"trainer.devices={trainer.devices} is for GPUs, and none is used here: leave it at 1")


def fit(parts: Components, folder: Path, loggers: list[Logger], callbacks: Sequence[Callback] = ()) -> float:
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
        return baselines.fit_baseline(parts, folder, resolve_device(parts.settings.trainer.accelerator), loggers)
    return fit_network(parts, folder, loggers, callbacks)


def fit_network(parts: Components, folder: Path, loggers: list[Logger], callbacks: Sequence[Callback] = ()) -> float:
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
    prepared = parts.data.data
    L.seed_everything(settings.seed, verbose=False)
    classifier = GenreClassifier(
        parts.network(prepared.genres),
        parts.card(prepared.genres),
        parts.data.segment_frames,
        learning_rate=model.learning_rate,
        weight_decay=model.weight_decay,
        label_smoothing=model.label_smoothing,
        class_weights=balanced_class_weights(prepared) if model.class_weights else None,
        schedulers=parts.schedulers,
        monitor=monitor.metric,
    )
    checkpoint, resumed = to_resume_from(folder) or (None, None)
    if resumed:
        refuse_diverged(resumed)
    patience = settings.early_stopping.patience or settings.trainer.max_epochs
    best = keep_checkpoint(folder / run_folder.BEST, monitor=monitor.metric, mode=monitor.mode)
    stopping = EarlyStopping(monitor.metric, mode=monitor.mode, patience=patience, check_on_train_epoch_end=True)
    shown = progress_callback(monitor.metric)
    trainer = L.Trainer(
        **to_container(settings.trainer),
        enable_progress_bar=isinstance(shown, ProgressBar),  # Lightning would add one
        callbacks=[
            stopping,
            best,
            keep_checkpoint(folder / run_folder.LAST),
            shown,
            *callbacks,
            Divergence(monitor.metric),
        ],
        logger=[EpochCSVLogger(folder / run_folder.METRICS, resumed["epoch"] + 1 if resumed else 0), *loggers],
        plugins=[WholeCheckpointIO()],
        use_distributed_sampler=False,  # the data divides its batches among devices by itself
        default_root_dir=folder,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_model_summary=False,
    )
    if resumed is None or not _is_over(resumed, settings.trainer.max_epochs):
        try:
            trainer.fit(classifier, datamodule=parts.data, ckpt_path=checkpoint, weights_only=True)
        except SystemExit as error:  # Lightning's answer to Ctrl-C
            raise KeyboardInterrupt from error
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # the test is of one process, whose scores would wait for the others
    return _best_score(folder)


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


def balanced_class_weights(prepared: PreparedData) -> Tensor:
    """Weights of the genres, inverse to their training tracks, of mean 1 over those tracks; shape (classes,)."""
    counts = torch.from_numpy(prepared.train_counts).float()
    return counts.sum() / (len(counts) * counts)
