"""Trainer callbacks: checkpoints, progress, and the end of a diverged training."""

import logging
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar

from genre.errors import GenreError
from genre.training.checkpoints import copy_file
from genre.training.loggers import EpochCSVLogger

log = logging.getLogger(__name__)


class Checkpoint(ModelCheckpoint):
    """Keep one checkpoint file, and its best score even if the run folder is moved, which Lightning's own forgets.

    Args:
        path: Path of the checkpoint.
        copy: Path of a copy, which is used if the checkpoint is damaged; None for no copy.
        **monitor: Arguments `monitor` and `mode`, to keep the best epoch; without them the last epoch is kept.
    """

    def __init__(self, path: Path, copy: Path | None = None, **monitor: Any) -> None:
        self.path, self.copy = path, copy
        where: dict[str, Any] = {"dirpath": path.parent, "filename": path.stem, "enable_version_counter": False}
        super().__init__(**where, **monitor, save_on_train_epoch_end=True)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the epoch to metrics.csv, then save the checkpoint.

        Lightning logs an epoch after its checkpoint. A process that is killed in between would lose the scores.
        """
        scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
        for logger in trainer.loggers:
            if isinstance(logger, EpochCSVLogger):
                logger.log_metrics({**scores, "epoch": trainer.current_epoch}, trainer.global_step - 1)
        super().on_train_epoch_end(trainer, pl_module)
        if self.copy and trainer.is_global_zero:
            copy_file(self.path, self.copy)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state, with the present path of the file: Lightning deletes the file that it replaces."""
        current = str(Path(str(self.dirpath)) / f"{self.filename}{self.FILE_EXTENSION}")
        paths = {name: current if path else "" for name, path in state_dict.items() if name.endswith("path")}
        best = {current if path else "": score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | paths | {"dirpath": str(self.dirpath), "best_k_models": best})


class EpochLogger(Callback):
    """Log the scores of each epoch and the estimated time left, where there is no terminal for a progress bar.

    Args:
        metric: Monitored score.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.start_time, self.start_epoch = 0.0, 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Record the start time."""
        self.start_time, self.start_epoch = time.perf_counter(), trainer.current_epoch

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Log the epoch's scores and the estimated time left."""
        names = dict.fromkeys((self.metric, "train/loss", "val/loss", "val/accuracy"))
        scores = ", ".join(f"{name} {trainer.callback_metrics[name]:.4f}" for name in names)
        done, epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        seconds = (time.perf_counter() - self.start_time) / (done - self.start_epoch) * (epochs - done)
        left = f"; at most {seconds:.0f} s left" if done < epochs else ""
        log.info("epoch %d of at most %d: %s%s", done, epochs, scores, left)


def progress_callback(metric: str) -> Callback:
    """Create a progress bar on a terminal, otherwise an `EpochLogger` of this monitored score."""
    return RichProgressBar(leave=False) if sys.stdout.isatty() else EpochLogger(metric)


class Divergence(Callback):
    """End training after the first epoch whose training loss, validation loss or monitored score is not finite.

    The epoch's row of metrics.csv and its last.ckpt are written first. The checkpoint stores the reason.

    Args:
        metric: Monitored score.
    """

    def __init__(self, metric: str) -> None:
        self.metrics = tuple(dict.fromkeys((metric, "val/loss", "train/loss")))
        self.reason = ""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop the trainer if a score is not finite."""
        scores = trainer.callback_metrics
        if not scores.keys() >= set(self.metrics):
            raise GenreError("training ended before the first validation: remove the callback that stops it")
        diverged = [name for name in self.metrics if not scores[name].isfinite()]
        if diverged:
            self.reason = f"{diverged[0]} is {scores[diverged[0]]} in epoch {trainer.current_epoch + 1}"
            trainer.should_stop = True

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fail if training diverged."""
        _fail(self.reason)

    def state_dict(self) -> dict[str, Any]:
        """State to store in the checkpoint."""
        return {"reason": self.reason}


def refuse_diverged(checkpoint: dict[str, Any]) -> None:
    """Raise a GenreError if the run that wrote this checkpoint diverged: it must not be resumed."""
    _fail(checkpoint["callbacks"].get(Divergence.__qualname__, {}).get("reason"))


def _fail(reason: str | None) -> None:
    if reason:
        raise GenreError(f"training diverged ({reason}): lower model.learning_rate")
