"""How far a training is: a bar on a terminal, a line an epoch elsewhere."""

import logging
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar

from genre.training.loggers import EpochCSVLogger

log = logging.getLogger(__name__)


class EpochLogger(Callback):
    """Says each epoch's scores and about how long the rest takes: a file shows no bar.

    Args:
        metric: What selects the best epoch.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.started, self.first = 0.0, 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the clock."""
        self.started, self.first = time.perf_counter(), trainer.current_epoch

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Say it."""
        names = dict.fromkeys((self.metric, "val/loss", "val/accuracy"))
        scores = ", ".join(f"{name} {trainer.callback_metrics[name]:.4f}" for name in names)
        done, epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        rest = (time.perf_counter() - self.started) / (done - self.first) * (epochs - done)
        log.info("epoch %d of at most %d: %s; at most %.0f s left", done, epochs, scores, rest)


def progress_callback(metric: str) -> Callback:
    """What shows how far a training is.

    Args:
        metric: What selects the best epoch.

    Returns:
        A callback for the trainer.
    """
    return RichProgressBar(leave=False) if sys.stdout.isatty() else EpochLogger(metric)


class Checkpoint(ModelCheckpoint):
    """Remembers the best score in a run folder that was moved, which Lightning's own forgets."""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the epoch to metrics.csv, then save it.

        Lightning logs an epoch after its checkpoint: a process that is killed in between would lose its scores.
        """
        scores = {name: float(value) for name, value in trainer.callback_metrics.items()}
        for logger in trainer.loggers:
            if isinstance(logger, EpochCSVLogger):
                logger.log_metrics({**scores, "epoch": trainer.current_epoch}, trainer.global_step - 1)
        super().on_train_epoch_end(trainer, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state with the path of its one file as it is now: Lightning deletes what it replaces."""
        own = str(Path(str(self.dirpath)) / f"{self.filename}{self.FILE_EXTENSION}")

        def here(path: str) -> str:
            return own if path else path

        moved = {name: here(value) for name, value in state_dict.items() if name.endswith("path")}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | moved | {"dirpath": str(self.dirpath), "best_k_models": best})


def keep_checkpoint(path: Path, **monitor: Any) -> ModelCheckpoint:
    """Keep one file: the best checkpoint by the monitored score, or without a score the last one."""
    return Checkpoint(
        dirpath=path.parent,
        filename=path.stem,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
        **monitor,
    )
