"""Batch -> batch on the training device, each clip with its own draw; nothing is clipped afterwards."""

import torch
from torch import Tensor, nn


class Transform(nn.Module):
    """One augmentation; `forward` changes every clip, `Augment` decides which clips get it.

    Args:
        p: Probability that a clip gets it.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = _within_one("p", p)


class Augment(nn.Module):
    """A chain of augmentations: a clip gets the whole chain with probability p, then each part with its own.

    Args:
        p: Probability of the chain.
        **transforms: In the order in which they are applied; null leaves one out.
    """

    def __init__(self, p: float = 1.0, **transforms: Transform | None) -> None:
        super().__init__()
        self.p = _within_one("p", p)
        self.transforms = nn.ModuleDict({k: v for k, v in transforms.items() if v is not None})

    def forward(self, mel: Tensor) -> Tensor:
        """Augment clips; both shapes (batch, time, mels). Does nothing in evaluation mode."""
        if not self.training:
            return mel
        chain = _sample(mel, 1) < self.p
        for transform in self.transforms.values():
            assert isinstance(transform, Transform)
            chosen = chain & (_sample(mel, 1) < transform.p)
            mel = torch.where(chosen[..., None], transform(mel), mel)
        return mel


class FrequencyMask(Transform):
    """Fill bands of mels with 0.

    Args:
        width: Widest band, in bins.
        count: Bands a clip.
        p: As for `Transform`.
    """

    axis = 2

    def __init__(self, width: int, count: int = 2, p: float = 0.5) -> None:
        super().__init__(p)
        if width < 0 or count < 1:
            raise ValueError(f"width must be at least 0 and count at least 1, not {width} and {count}")
        self.width = width
        self.count = count

    def longest(self, size: int) -> int:
        """Widest band in an axis of that size."""
        return min(self.width, size)

    def forward(self, mel: Tensor) -> Tensor:
        """Mask every clip; both shapes (batch, time, mels)."""
        size = mel.shape[self.axis]
        width = (_sample(mel, self.count) * (self.longest(size) + 1)).floor()
        first = (_sample(mel, self.count) * (size - width + 1)).floor()
        position = torch.arange(size, device=mel.device)
        inside = (position >= first[..., None]) & (position < (first + width)[..., None])
        masked = inside.any(dim=1)
        return mel.masked_fill(masked[:, None, :] if self.axis == 2 else masked[:, :, None], 0.0)


class TimeMask(FrequencyMask):
    """Fill stretches of frames with 0; at most `share` of the clip each.

    Args:
        width: Longest stretch, in frames.
        count: Stretches a clip.
        share: Longest stretch, as a share of the clip.
        p: As for `Transform`.
    """

    axis = 1

    def __init__(self, width: int, count: int = 2, share: float = 0.25, p: float = 0.5) -> None:
        super().__init__(width, count, p)
        self.share = _within_one("share", share)

    def longest(self, size: int) -> int:
        """Longest stretch in a clip of that many frames."""
        return min(self.width, int(self.share * size))


class AmplitudeScale(Transform):
    """Multiply a clip by a factor from `low` to `high`."""

    def __init__(self, low: float = 0.8, high: float = 1.2, p: float = 0.5) -> None:
        super().__init__(p)
        if not 0 <= low <= high:
            raise ValueError(f"low and high must lie in order from 0 on, not be {low} and {high}")
        self.low = low
        self.high = high

    def forward(self, mel: Tensor) -> Tensor:
        """Scale every clip; both shapes (batch, time, mels)."""
        return mel * (self.low + (self.high - self.low) * _sample(mel, 1))[..., None]


class TimeShift(Transform):
    """Rotate a clip in time by up to `share` of its length either way."""

    def __init__(self, share: float = 0.15, p: float = 0.3) -> None:
        super().__init__(p)
        self.share = _within_one("share", share)

    def forward(self, mel: Tensor) -> Tensor:
        """Rotate every clip; both shapes (batch, time, mels)."""
        frames = mel.shape[1]
        shift = _integers(mel, int(self.share * frames))
        source = (torch.arange(frames, device=mel.device) - shift) % frames
        return mel[torch.arange(len(mel), device=mel.device)[:, None], source]


class Noise(Transform):
    """Add Gaussian noise of standard deviation `sigma`."""

    def __init__(self, sigma: float = 0.003, p: float = 0.3) -> None:
        super().__init__(p)
        if sigma < 0:
            raise ValueError(f"sigma must be at least 0, not {sigma}")
        self.sigma = sigma

    def forward(self, mel: Tensor) -> Tensor:
        """Add noise to every clip; both shapes (batch, time, mels)."""
        return mel + self.sigma * torch.randn_like(mel)


class FrequencyShift(Transform):
    """Shift a clip by up to `bins` mels either way; what comes in from outside is 0."""

    def __init__(self, bins: int = 2, p: float = 0.3) -> None:
        super().__init__(p)
        if bins < 0:
            raise ValueError(f"bins must be at least 0, not {bins}")
        self.bins = bins

    def forward(self, mel: Tensor) -> Tensor:
        """Shift every clip; both shapes (batch, time, mels)."""
        size = mel.shape[2]
        source = torch.arange(size, device=mel.device) - _integers(mel, self.bins)
        outside = (source < 0) | (source >= size)
        index = source.clamp(0, size - 1)[:, None].expand_as(mel)
        return mel.gather(2, index).masked_fill(outside[:, None], 0.0)


def _within_one(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must lie within 0 and 1, not be {value}")
    return value


def _sample(mel: Tensor, count: int) -> Tensor:
    """Uniform numbers in [0, 1), shape (batch, count)."""
    return torch.rand(len(mel), count, device=mel.device)


def _integers(mel: Tensor, most: int) -> Tensor:
    """Whole numbers from -most to most, shape (batch, 1)."""
    return torch.randint(-most, most + 1, (len(mel), 1), device=mel.device)
