"""Learning-rate schedules of a fixed length beside those of torch."""

import math

from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class WarmupCosine(LRScheduler):
    """Raise the learning rate linearly, then lower it along half a cosine.

    Args:
        optimizer: Its learning rates are the highest ones.
        total_steps: Steps of the whole schedule; set by the training.
        warmup: Fraction of the steps in which the rate rises.
        final: Last rate, as a fraction of the highest.
    """

    def __init__(self, optimizer: Optimizer, total_steps: int, warmup: float = 0.05, final: float = 0.0) -> None:
        for name, value in {"warmup": warmup, "final": final}.items():
            if not 0 <= value < 1:
                raise ValueError(f"{name}={value} must be at least 0 and below 1")
        self.total_steps, self.warmup, self.final = total_steps, warmup, final
        super().__init__(optimizer)

    def get_lr(self) -> list[float | Tensor]:
        """Compute the learning rates of the next step."""
        rising = self.warmup * self.total_steps
        if self.last_epoch < rising:
            factor = (self.last_epoch + 1) / (rising + 1)
        else:
            progress = min(1.0, (self.last_epoch - rising) / max(1.0, self.total_steps - rising))
            factor = self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2
        return [rate * factor for rate in self.base_lrs]
