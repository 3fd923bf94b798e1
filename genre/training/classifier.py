"""The one LightningModule: loss, optimiser, schedulers, scores."""

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
from genre.training.metrics import Scores


class GenreClassifier(L.LightningModule):
    """Trains a network on windows and judges it on whole tracks.

    Features come in float32, and the network gets them in its own type, which `trainer.precision` sets.

    Args:
        net: (batch, time, mels) -> logits (batch, classes).
        card: Plain values that go into every checkpoint: what it takes to use the network elsewhere.
        segment_frames: Length of a window in validation, test and prediction; None for the whole clip.
        learning_rate: Of Adam.
        weight_decay: Of Adam (added to the gradient, as the study has it).
        label_smoothing: Of the training loss.
        class_weights: Weights of the genres in the training loss, shape (classes,); None for none.
        schedulers: Each makes a learning-rate scheduler of the optimiser; all step at the end of an epoch.
        monitor: Score that a plateau scheduler watches.
    """

    def __init__(
        self,
        net: nn.Module,
        card: dict[str, Any],
        segment_frames: int | None,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        schedulers: list[Callable[[torch.optim.Optimizer], LRScheduler]] | None = None,
        monitor: str = "val/loss",
    ) -> None:
        super().__init__()
        self.save_hyperparameters({"card": card}, logger=False)
        self.net = net
        self.segment_frames = segment_frames
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.make_schedulers = schedulers or []
        self.schedulers: list[LRScheduler] = []
        self.restored: list[dict[str, Any]] = []
        self.monitor = monitor
        self.loss = nn.CrossEntropyLoss(class_weights, label_smoothing=label_smoothing)
        self.train_scores = Scores(len(card["genres"]), "train/")
        self.val_scores = Scores(len(card["genres"]), "val/")

    def forward(self, mel: Tensor, frames: Tensor | None = None) -> Tensor:
        """Classify whole tracks.

        Args:
            mel: Shape (batch, time, mels).
            frames: Frames of each track that hold sound, shape (batch,); None where all do.

        Returns:
            Log-probabilities, shape (batch, classes).
        """
        return track_logits(self.net, mel.to(self.dtype), self.segment_frames, frames)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Loss of one batch of windows."""
        logits = self.net(batch.mel.to(self.dtype))
        loss = self.loss(logits, batch.target)
        self.train_scores.update(logits.detach(), batch.target)
        self._log("train/loss", loss, len(batch.target))
        return loss

    def on_train_epoch_start(self) -> None:
        """Start the epoch's clock."""
        self.started = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        """Log the epoch's training scores, learning rate and seconds, then step the schedulers.

        Lightning itself steps a plateau scheduler only after the epoch's checkpoint is written, so that a resumed
        run would miss a step. Here they step before it.
        """
        self.log_dict(self.train_scores.compute())
        self.train_scores.reset()
        self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("seconds", time.perf_counter() - self.started)
        for scheduler in self.schedulers:
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(self.trainer.callback_metrics[self.monitor])
            else:
                scheduler.step()

    def validation_step(self, batch: Batch, index: int) -> None:
        """Loss and scores of one batch of tracks."""
        logits = self(batch.mel, batch.frames)
        self.val_scores.update(logits, batch.target)
        self._log("val/loss", F.cross_entropy(logits, batch.target), len(batch.target))

    def on_validation_epoch_end(self) -> None:
        """Scores of the epoch."""
        self.log_dict(self.val_scores.compute(), prog_bar=True)
        self.val_scores.reset()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam; the schedulers are this module's own."""
        optimizer = torch.optim.Adam(self.net.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        self.schedulers = [make(optimizer) for make in self.make_schedulers]
        for scheduler, state in zip(self.schedulers, self.restored, strict=False):
            scheduler.load_state_dict(state)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the schedulers' state."""
        checkpoint["schedulers"] = [scheduler.state_dict() for scheduler in self.schedulers]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Hold the schedulers' state until there is an optimiser."""
        self.restored = checkpoint["schedulers"]

    def _log(self, name: str, value: Tensor, batch_size: int) -> None:
        self.log(name, value, on_step=False, on_epoch=True, prog_bar=True, batch_size=batch_size, sync_dist=True)
