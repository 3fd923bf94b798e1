"""Augment batches of spectrograms on the training device. Values are not clipped."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Transform(nn.Module):
    """Base class of an augmentation: `forward` changes every clip, `Augment` selects the clips that it applies to.

    Args:
        p: Probability that a clip is changed.

    Attributes:
        for_mel_bands: Whether it assumes that neighboring features are neighboring mel bands, or their unit dB.
    """

    for_mel_bands = False

    def __init__(self, p: float) -> None:
        super().__init__()
        check_range("p", p, 0, 1)
        self.p = p


class BatchTransform(nn.Module):
    """Base class of an augmentation of whole batches and their targets, such as mixup.

    `forward(mel, target)` takes and returns features, shape (batch, time, mels), and target probabilities, shape
    (batch, classes). With a teacher, the columns behind the classes are its values for each clip: mix all alike.

    Args:
        p: Probability that a batch is changed.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        check_range("p", p, 0, 1)
        self.p = p


class Augment(nn.Module):
    """A chain of augmentations: first of single clips, then of whole batches.

    A clip enters the chain with probability p; each transform then has its own.

    Args:
        p: Probability of the chain, for the transforms of single clips.
        **transforms: Transforms of clips or batches by name, in the order of application; null disables one.
    """

    def __init__(self, p: float = 1.0, **transforms: Transform | BatchTransform | None) -> None:
        super().__init__()
        check_range("p", p, 0, 1)
        self.p = p
        self.transforms, self.batch_transforms = nn.ModuleDict(), nn.ModuleDict()
        for name, transform in transforms.items():
            if isinstance(transform, BatchTransform):
                self.batch_transforms[name] = transform
            elif isinstance(transform, Transform):
                self.transforms[name] = transform
            elif transform is not None:
                raise ValueError(f"{name} is no transform: give it a _target_ that names one")

    def forward(self, mel: Tensor) -> Tensor:
        """Augment clips; both shapes (batch, time, mels). In evaluation mode the input is returned unchanged."""
        if not self.training:
            return mel
        in_chain = sample(mel, 1) < self.p
        for transform in self.transforms.values():
            assert isinstance(transform, Transform)
            selected = in_chain & (sample(mel, 1) < transform.p)
            mel = torch.where(selected[..., None], transform(mel), mel)
        return mel

    def mix(self, mel: Tensor, target: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        """Apply the transforms of whole batches.

        Args:
            mel: Shape (batch, time, mels).
            target: Genre numbers, shape (batch,).
            num_classes: Number of genres.

        Returns:
            Features of the same shape; the genre numbers or, where a transform was applied, target probabilities of
            shape (batch, classes).
        """
        for transform in self.batch_transforms.values():
            assert isinstance(transform, BatchTransform)
            if sample(mel[:1], 1).item() < transform.p:
                probabilities = target if target.is_floating_point() else F.one_hot(target, num_classes).to(mel)
                mel, target = transform(mel, probabilities)
        return mel, target


class FrequencyMask(Transform):
    """Set bands of mels to a constant.

    Args:
        width: Maximum width of a band, in bins.
        count: Bands per clip.
        p: As for `Transform`.
        fill: The constant, or mean for the mean of the clip.
    """

    axis = 2
    share = 1.0

    def __init__(self, width: int, count: int = 2, p: float = 0.5, fill: float | str = 0.0) -> None:
        super().__init__(p)
        check_range("width", width, 0)
        check_range("count", count, 1)
        if isinstance(fill, str) and fill != "mean":
            raise ValueError(f"fill must be a number or mean, not {fill}")
        self.width, self.count, self.fill = width, count, fill

    def forward(self, mel: Tensor) -> Tensor:
        """Mask every clip; both shapes (batch, time, mels)."""
        size = mel.shape[self.axis]
        max_width = min(self.width, int(self.share * size))
        width = (sample(mel, self.count) * (max_width + 1)).floor()
        first = (sample(mel, self.count) * (size - width + 1)).floor()
        position = torch.arange(size, device=mel.device)
        masked = ((position >= first[..., None]) & (position < (first + width)[..., None])).any(dim=1)
        masked = masked.unsqueeze(3 - self.axis)
        if isinstance(self.fill, str):
            return torch.where(masked, mel.mean(dim=(1, 2), keepdim=True), mel)
        return mel.masked_fill(masked, self.fill)


class TimeMask(FrequencyMask):
    """Set stretches of frames to a constant.

    Args:
        width: Maximum width of a stretch, in frames.
        count: Stretches per clip.
        share: Maximum width of a stretch, as a fraction of the clip.
        p: As for `Transform`.
        fill: As for `FrequencyMask`.
    """

    axis = 1

    def __init__(
        self, width: int, count: int = 2, share: float = 0.25, p: float = 0.5, fill: float | str = 0.0
    ) -> None:
        super().__init__(width, count, p, fill)
        check_range("share", share, 0, 1)
        self.share = share


class AmplitudeScale(Transform):
    """Multiply a clip by a random factor between `low` and `high`."""

    def __init__(self, low: float = 0.8, high: float = 1.2, p: float = 0.5) -> None:
        super().__init__(p)
        check_range("low", low, 0, high)
        self.low, self.high = low, high

    def forward(self, mel: Tensor) -> Tensor:
        """Scale every clip; both shapes (batch, time, mels)."""
        return mel * (self.low + (self.high - self.low) * sample(mel, 1))[..., None]


class TimeShift(Transform):
    """Rotate a clip in time by up to `share` of its length in either direction."""

    def __init__(self, share: float = 0.15, p: float = 0.3) -> None:
        super().__init__(p)
        check_range("share", share, 0, 1)
        self.share = share

    def forward(self, mel: Tensor) -> Tensor:
        """Rotate every clip; both shapes (batch, time, mels)."""
        frames = mel.shape[1]
        source = (torch.arange(frames, device=mel.device) - _sample_shift(mel, int(self.share * frames))) % frames
        return mel[torch.arange(len(mel), device=mel.device)[:, None], source]


class Noise(Transform):
    """Add Gaussian noise of standard deviation `sigma`."""

    def __init__(self, sigma: float = 0.003, p: float = 0.3) -> None:
        super().__init__(p)
        check_range("sigma", sigma, 0)
        self.sigma = sigma

    def forward(self, mel: Tensor) -> Tensor:
        """Add noise to every clip; both shapes (batch, time, mels)."""
        return mel + self.sigma * torch.randn_like(mel)


class FrequencyShift(Transform):
    """Shift a clip by up to `bins` mels in either direction; vacated mels are set to 0."""

    for_mel_bands = True

    def __init__(self, bins: int = 2, p: float = 0.3) -> None:
        super().__init__(p)
        check_range("bins", bins, 0)
        self.bins = bins

    def forward(self, mel: Tensor) -> Tensor:
        """Shift every clip; both shapes (batch, time, mels)."""
        size = mel.shape[2]
        source = torch.arange(size, device=mel.device) - _sample_shift(mel, self.bins)
        inside = source.clamp(0, size - 1)
        return mel.gather(2, inside[:, None].expand_as(mel)).masked_fill((source != inside)[:, None], 0.0)


def check_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Raise a ValueError if an argument is out of range."""
    if not low <= value <= high:
        allowed = f"between {low} and {high}" if high < math.inf else f"at least {low}"
        raise ValueError(f"{name} must be {allowed}, not {value}")


def sample(mel: Tensor, count: int) -> Tensor:
    """Sample uniform numbers in [0, 1), shape (batch, count)."""
    return torch.rand(len(mel), count, device=mel.device)


def _sample_shift(mel: Tensor, max_shift: int) -> Tensor:
    """Sample integers from -max_shift to max_shift, shape (batch, 1)."""
    return torch.randint(-max_shift, max_shift + 1, (len(mel), 1), device=mel.device)
