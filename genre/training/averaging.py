"""The moving average of the weights."""

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


class EMAWeightAveraging(WeightAveraging):
    """Exponential moving average of weights and buffers; it is validated, tested and stored in their place.

    Lightning's callback of this name keeps the initial weights and, above all, the initial statistics of batch
    normalization for hundreds of steps: the average of a short training is then near chance. Here the decay starts
    low, as in TensorFlow's `ExponentialMovingAverage` with `num_updates`: (1 + steps) / (10 + steps), up to `decay`.

    Args:
        decay: Share of the old average in the new one, per optimizer step.

    Raises:
        ValueError: The decay is not between 0 and 1.
    """

    def __init__(self, decay: float = 0.99) -> None:
        if not 0 <= decay <= 1:
            raise ValueError(f"decay must be between 0 and 1, not {decay}")
        self.decay = decay
        super().__init__(avg_fn=self.average)

    def setup(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        """Make the average on the device of the training; the network is moved there later."""
        self._device = trainer.strategy.root_device
        super().setup(trainer, pl_module, stage)

    @torch.no_grad()
    def average(self, averaged: Tensor, current: Tensor, steps: Tensor) -> Tensor:
        """Compute the new average from the old one and the current values, after this number of steps."""
        decay = torch.clamp((1 + steps) / (10 + steps), max=self.decay)
        return decay * averaged + (1 - decay) * current
