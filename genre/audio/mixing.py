"""Augmentations that mix the clips of a batch and their targets."""

import torch
from torch import Tensor

from genre.audio.augment import BatchTransform, check_range, sample


class Mixup(BatchTransform):
    """Add to each clip another clip of the batch, and mix their targets alike.

    Zhang, Cisse, Dauphin and Lopez-Paz, 2018, arXiv:1710.09412: one weight per batch, from a beta distribution.

    Args:
        alpha: Both parameters of the beta distribution; the smaller, the closer the weights to 0 and 1.
        p: As for `BatchTransform`.
    """

    def __init__(self, alpha: float = 0.4, p: float = 0.5) -> None:
        super().__init__(p)
        check_range("alpha", alpha, 1e-3)
        self.alpha = alpha

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mix a batch; shapes as for `BatchTransform`."""
        weight = sample_beta(mel, self.alpha)
        other = torch.randperm(len(mel), device=mel.device)
        return torch.lerp(mel[other], mel, weight), torch.lerp(target[other], target, weight)


class CutMix(BatchTransform):
    """Replace a stretch of each clip by the same stretch of another clip of the batch, and mix their targets.

    Yun et al., 2019, arXiv:1905.04899, along time only.

    Args:
        alpha: Both parameters of the beta distribution of the share that is kept.
        p: As for `BatchTransform`.
    """

    def __init__(self, alpha: float = 1.0, p: float = 0.5) -> None:
        super().__init__(p)
        check_range("alpha", alpha, 1e-3)
        self.alpha = alpha

    def forward(self, mel: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Mix a batch; shapes as for `BatchTransform`."""
        frames = mel.shape[1]
        length = ((1 - sample_beta(mel, self.alpha)) * frames).floor()
        first = (sample(mel[:1], 1)[0, 0] * (frames - length + 1)).floor()
        position = torch.arange(frames, device=mel.device)
        replaced = (position >= first) & (position < first + length)
        other = torch.randperm(len(mel), device=mel.device)
        return (
            torch.where(replaced[:, None], mel[other], mel),
            torch.lerp(target, target[other], length / frames),
        )


def sample_beta(mel: Tensor, alpha: float) -> Tensor:
    """Sample a number from the beta distribution of two equal parameters, a scalar."""
    return torch.distributions.Beta(mel.new_tensor(alpha), mel.new_tensor(alpha)).sample()
