"""Diverged training: it ends with an error, and a run that diverged is never resumed."""

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback

from genre.errors import GenreError


class Divergence(Callback):
    """Ends training after the first epoch whose training loss, validation loss or monitored score is not finite.

    The epoch's row of metrics.csv and its last.ckpt are written first. The checkpoint remembers how the run ended.

    Args:
        metric: The monitored score.
    """

    def __init__(self, metric: str) -> None:
        self.metrics = tuple(dict.fromkeys((metric, "val/loss", "train/loss")))
        self.reason = ""

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Look at the epoch's losses."""
        scores = trainer.callback_metrics
        broken = [name for name in self.metrics if not scores[name].isfinite()]
        if broken:
            self.reason = f"{broken[0]} is {scores[broken[0]]} in epoch {trainer.current_epoch}"
            trainer.should_stop = True

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Fail."""
        _fail(self.reason)

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint remembers."""
        return {"reason": self.reason}


def refuse_diverged(checkpoint: dict[str, Any]) -> None:
    """Refuse to resume a run that diverged.

    Args:
        checkpoint: Its last one.

    Raises:
        GenreError: It diverged.
    """
    _fail(checkpoint["callbacks"].get(Divergence.__qualname__, {}).get("reason"))


def _fail(reason: str | None) -> None:
    if reason:
        raise GenreError(f"training diverged ({reason}): lower model.learning_rate")
