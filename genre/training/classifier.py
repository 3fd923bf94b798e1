"""The LightningModule: loss, optimizer, learning-rate schedules and metrics."""

import time
from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from genre.audio.windows import track_logits
from genre.data.datamodule import Batch
from genre.training.metrics import GenreMetrics


class GenreClassifier(L.LightningModule):
    """Train a network on segments and evaluate it on whole tracks.

    Features arrive in float32 and are converted to the network's type, which `trainer.precision` sets.

    Args:
        net: Network: (batch, time, mels) -> logits (batch, classes).
        metadata: Plain values stored in every checkpoint; with them the network can be used without the configuration.
        segment_frames: Window length in validation, test and prediction; None for the whole clip.
        make_optimizer: Factory: parameters -> optimizer.
        label_smoothing: Label smoothing of the training loss.
        class_weights: Class weights of the training loss, shape (classes,); None for none.
        schedulers: Factories: optimizer -> learning-rate scheduler. All schedulers step once per epoch.
        monitor: Score that a plateau scheduler watches.
    """

    def __init__(
        self,
        net: nn.Module,
        metadata: dict[str, Any],
        segment_frames: int | None,
        make_optimizer: Callable[..., torch.optim.Optimizer],
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        schedulers: list[Callable[[torch.optim.Optimizer], LRScheduler]] | None = None,
        monitor: str = "val/loss",
    ) -> None:
        super().__init__()
        self.save_hyperparameters({"card": metadata}, logger=False)
        self.net = net
        self.segment_frames = segment_frames
        self.make_optimizer = make_optimizer
        self.make_schedulers = schedulers or []
        self.schedulers: list[LRScheduler] = []
        self.restored_schedulers: list[dict[str, Any]] = []
        self.monitor = monitor
        self.loss = nn.CrossEntropyLoss(class_weights, label_smoothing=label_smoothing)
        self.train_metrics = GenreMetrics(len(metadata["genres"]), "train/")
        self.val_metrics = GenreMetrics(len(metadata["genres"]), "val/")

    def forward(self, mel: Tensor, frames: Tensor | None = None) -> Tensor:
        """Classify whole tracks.

        Args:
            mel: Log-mel in [0, 1], shape (batch, time, mels).
            frames: Number of frames with sound per track, shape (batch,); None if all have.

        Returns:
            Log-probabilities, shape (batch, classes).
        """
        return track_logits(self.net, mel.to(self.dtype), self.segment_frames, frames)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Compute the loss of a batch of segments."""
        logits = self.net(batch.mel.to(self.dtype))
        loss = self.loss(logits, batch.target)
        self.train_metrics.update(logits.detach(), batch.target)
        self._log("train/loss", loss, len(batch.target))
        return loss

    def on_train_epoch_start(self) -> None:
        """Record the start time of the epoch."""
        self.epoch_started = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        """Log the training metrics, learning rate and duration of the epoch, then step the schedulers.

        Lightning steps a plateau scheduler after it has written the epoch's checkpoint, so a resumed run would miss a
        step. Here the schedulers step before that.
        """
        self.log_dict(self.train_metrics.compute())
        self.train_metrics.reset()
        self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("seconds", time.perf_counter() - self.epoch_started)
        for scheduler in self.schedulers:
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(self.trainer.callback_metrics[self.monitor])
            else:
                scheduler.step()

    def validation_step(self, batch: Batch, index: int) -> None:
        """Update the loss and the metrics with a batch of tracks."""
        logits = self(batch.mel, batch.frames)
        self.val_metrics.update(logits, batch.target)
        self._log("val/loss", F.cross_entropy(logits, batch.target), len(batch.target))

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics of the epoch."""
        self.log_dict(self.val_metrics.compute(), prog_bar=True)
        self.val_metrics.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Create the optimizer, and the schedulers, which Lightning does not see."""
        optimizer = self.make_optimizer(self.net.parameters())
        self.schedulers = [make(optimizer) for make in self.make_schedulers]
        for scheduler, state in zip(self.schedulers, self.restored_schedulers, strict=False):
            scheduler.load_state_dict(state)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the state of the schedulers."""
        checkpoint["schedulers"] = [scheduler.state_dict() for scheduler in self.schedulers]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of the schedulers until `configure_optimizers` creates them."""
        self.restored_schedulers = checkpoint["schedulers"]

    def _log(self, name: str, value: Tensor, batch_size: int) -> None:
        self.log(name, value, on_step=False, on_epoch=True, prog_bar=True, batch_size=batch_size, sync_dist=True)
