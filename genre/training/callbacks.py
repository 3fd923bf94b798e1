"""How far a training is: a bar on a terminal, a line an epoch elsewhere."""

import logging
import sys
import time

import lightning as L
from lightning.pytorch.callbacks import Callback, RichProgressBar

log = logging.getLogger(__name__)


class EpochLines(Callback):
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


def progress(metric: str) -> Callback:
    """What shows how far a training is.

    Args:
        metric: What selects the best epoch.

    Returns:
        A callback for the trainer.
    """
    return RichProgressBar(leave=False) if sys.stdout.isatty() else EpochLines(metric)
