"""The LightningModule: loss, optimizer, learning-rate schedules and metrics."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import lightning as L
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ReduceLROnPlateau

from genre.audio.windows import track_logits
from genre.config.instantiate import instantiate
from genre.config.targets import Trust, check_features
from genre.data.cache.extraction import FeatureSpec
from genre.data.datamodule import Batch
from genre.errors import GenreError
from genre.models.checkpoint import load_model
from genre.training.metrics import GenreMetrics
from genre.training.optimization import Schedule, restore_scheduler


class GenreClassifier(L.LightningModule):
    """Train a network on segments and evaluate it on whole tracks.

    Features arrive in float32 and are converted to the network's type, which `trainer.precision` sets.

    Args:
        net: Network: (batch, time, mels) -> logits (batch, classes).
        metadata: Plain values stored in every checkpoint; with them the network can be used without the configuration.
        segment_frames: Window length in validation, test and prediction; None for the whole clip.
        make_optimizer: Factory: network -> optimizer; needed for training only.
        loss: Training loss: logits, and genre numbers or target probabilities -> scalar; None for the cross entropy.
        schedules: Learning-rate schedules.
        monitor: Score that a plateau scheduler watches.
        teacher_loss: Loss of the embedding beside the teacher's values; None for no teacher.
    """

    def __init__(
        self,
        net: nn.Module,
        metadata: dict[str, Any],
        segment_frames: int | None,
        make_optimizer: Callable[[nn.Module], torch.optim.Optimizer] | None = None,
        loss: nn.Module | None = None,
        schedules: Sequence[Schedule] = (),
        monitor: str = "val/loss",
        teacher_loss: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.save_hyperparameters({"card": metadata}, logger=False)
        self.net = net
        self.segment_frames = segment_frames
        self.make_optimizer = make_optimizer
        self.schedules = schedules
        self.schedulers: list[Any] = []
        self.restored_schedulers: list[dict[str, Any]] = []
        self.monitor = monitor
        self.loss = loss or nn.CrossEntropyLoss()
        self.teacher_loss = teacher_loss
        self.train_metrics = GenreMetrics(len(metadata["genres"]), "train/")
        self.val_metrics = GenreMetrics(len(metadata["genres"]), "val/")
        self.test_metrics = GenreMetrics(len(metadata["genres"]), "test/")

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
        mel = batch.mel.to(self.dtype)
        if self.teacher_loss is None:
            logits = self.net(mel)
            loss = self.loss(logits, batch.target)
        else:
            embedding = self.net.embed(mel)  # type: ignore[operator]
            logits = self.net.head(embedding)  # type: ignore[operator]
            loss = self.loss(logits, batch.target) + self.teacher_loss(embedding, batch.teacher)
        target = batch.target.argmax(dim=1) if batch.target.is_floating_point() else batch.target
        self.train_metrics.update(logits.detach(), target)
        self._log("train/loss", loss, len(batch.target))
        return loss

    def on_train_epoch_start(self) -> None:
        """Record the start time of the epoch."""
        self.epoch_started = time.perf_counter()
        self.scheduled_steps = self.trainer.global_step

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Step the schedulers that step with the optimizer."""
        if self.trainer.global_step > self.scheduled_steps:  # not if gradients are only accumulated
            self.scheduled_steps = self.trainer.global_step
            for scheduler, schedule in zip(self.schedulers, self.schedules, strict=True):
                if schedule.per_step:
                    scheduler.step()

    def on_train_epoch_end(self) -> None:
        """Log the training metrics, learning rate and duration of the epoch, then step the schedulers.

        Lightning steps a plateau scheduler after it has written the epoch's checkpoint, so a resumed run would miss a
        step. Here the schedulers step before that.
        """
        self.log_dict(self.train_metrics.compute())
        self.train_metrics.reset()
        self.log("learning_rate", self.trainer.optimizers[0].param_groups[0]["lr"])
        self.log("seconds", time.perf_counter() - self.epoch_started)
        for scheduler, schedule in zip(self.schedulers, self.schedules, strict=True):
            if isinstance(scheduler, ReduceLROnPlateau):
                scheduler.step(self.trainer.callback_metrics[self.monitor])
            elif not schedule.per_step:
                scheduler.step()

    def validation_step(self, batch: Batch, index: int) -> None:
        """Update the loss and the metrics with a batch of tracks."""
        self._evaluate(batch, self.val_metrics)

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics of the epoch."""
        self.log_dict(self.val_metrics.compute(), prog_bar=True)
        self.val_metrics.reset()

    def test_step(self, batch: Batch, index: int) -> None:
        """Update the loss and the metrics with a batch of tracks."""
        self._evaluate(batch, self.test_metrics)

    def on_test_epoch_end(self) -> None:
        """Log the test metrics."""
        self.log_dict(self.test_metrics.compute())
        self.test_metrics.reset()

    def predict_step(self, batch: Batch, index: int) -> Tensor:
        """Classify a batch of tracks; log-probabilities, shape (batch, classes)."""
        logits: Tensor = self(batch.mel, batch.frames)
        return logits

    def _evaluate(self, batch: Batch, metrics: GenreMetrics) -> None:
        logits = self(batch.mel, batch.frames)
        metrics.update(logits, batch.target)
        self._log(f"{metrics.prefix}loss", F.cross_entropy(logits, batch.target), len(batch.target))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Create the optimizer, and the schedulers, which Lightning does not see."""
        if self.make_optimizer is None:
            raise GenreError("this model has no optimizer: give GenreClassifier a make_optimizer to train it")
        trained = self.net if self.teacher_loss is None else nn.ModuleList([self.net, self.teacher_loss])
        optimizer = self.make_optimizer(trained)
        steps = int(self.trainer.estimated_stepping_batches), self.trainer.max_epochs or 1
        self.schedulers = [schedule.make(optimizer, steps[not schedule.per_step]) for schedule in self.schedules]
        for scheduler, state in zip(self.schedulers, self.restored_schedulers, strict=False):
            restore_scheduler(scheduler, state)
        return optimizer

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the state of the schedulers."""
        checkpoint["schedulers"] = [scheduler.state_dict() for scheduler in self.schedulers]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of the schedulers until `configure_optimizers` creates them.

        A model without an optimizer is only tested, and does not have the weights of the losses that trained it.
        """
        self.restored_schedulers = checkpoint["schedulers"]
        if self.make_optimizer is None:
            weights, own = checkpoint["state_dict"].items(), self.state_dict()
            checkpoint["state_dict"] = {
                name: value for name, value in weights if name.startswith("net.") or name in own
            }

    def _log(self, name: str, value: Tensor, batch_size: int) -> None:
        self.log(name, value, on_step=False, on_epoch=True, prog_bar=True, batch_size=batch_size, sync_dist=True)

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls,
        checkpoint_path: Path | str,
        map_location: torch.device | str = "cpu",
        *,
        trust: Sequence[str] = (),
        **arguments: Any,
    ) -> Self:
        """Load a trained model from a checkpoint alone, for `trainer.validate`, `.test` and `.predict`.

        Args:
            checkpoint_path: Path of the checkpoint.
            map_location: Device of the model.
            trust: Packages whose code the checkpoint may name, beside networks and features of this project and
                torch.nn.
            **arguments: What training needs, such as `make_optimizer`.

        Returns:
            The model in evaluation mode.

        Raises:
            GenreError: The checkpoint is missing or damaged, or names untrusted code or weights that do not exist.
        """
        model = load_model(Path(checkpoint_path), Trust(trust))
        metadata = model.metadata
        check_features(Path(checkpoint_path), metadata["features"], Trust(trust))
        spec = FeatureSpec(
            instantiate("features", metadata["features"]), metadata["clip_seconds"], metadata["clip_start"]
        )
        frames = spec.n_segment_frames(metadata["segment_seconds"])
        return cls(model.net, metadata, frames, **arguments).to(map_location).eval()
