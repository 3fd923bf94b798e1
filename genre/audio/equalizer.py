"""Augmentations that change the sound of a clip as an equalizer, a volume knob or a turntable does."""

import torch
from torch import Tensor
from torch.nn import functional as F

from genre.audio.augment import Transform, check_range, sample


class RandomEqualizer(Transform):
    """Change the level of each mel band by a random curve that is linear between a few points.

    This is the linear form of FilterAugment (Nam, Kim and Park, 2022, arXiv:2110.03282), with equally spaced points.

    Args:
        points: Points of the curve, the lowest and the highest band included.
        db: Largest change in dB, in either direction.
        range_db: Decibels between 0 and 1 of the features: their `top_db`.
        p: As for `Transform`.
    """

    for_mel_bands = True

    def __init__(self, points: int = 5, db: float = 6.0, range_db: float = 80.0, p: float = 1.0) -> None:
        super().__init__(p)
        check_range("points", points, 2)
        check_range("db", db, 0)
        check_range("range_db", range_db, 1)
        self.points, self.scale = points, db / range_db

    def forward(self, mel: Tensor) -> Tensor:
        """Change every clip; both shapes (batch, time, mels)."""
        points = (2 * sample(mel, self.points) - 1) * self.scale
        return mel + F.interpolate(points[:, None], size=mel.shape[2], mode="linear", align_corners=True)


class Gain(Transform):
    """Change the level of a clip.

    Args:
        db: Largest change in dB, in either direction.
        range_db: As for `RandomEqualizer`.
        p: As for `Transform`.
    """

    for_mel_bands = True

    def __init__(self, db: float = 6.0, range_db: float = 80.0, p: float = 1.0) -> None:
        super().__init__(p)
        check_range("db", db, 0)
        check_range("range_db", range_db, 1)
        self.scale = db / range_db

    def forward(self, mel: Tensor) -> Tensor:
        """Change every clip; both shapes (batch, time, mels)."""
        return mel + (2 * sample(mel, 1)[..., None] - 1) * self.scale


class Warp(Transform):
    """Shift a clip in pitch and stretch it in time around its center, by resampling its spectrogram.

    Pitch moves the mel bands by a constant number of bins, as if the mel scale were logarithmic. Edges are repeated.

    Args:
        bins: Largest shift in mel bands, in either direction; not necessarily whole.
        stretch: Largest change of the tempo as a fraction, in either direction.
        p: As for `Transform`.
    """

    for_mel_bands = True

    def __init__(self, bins: float = 1.5, stretch: float = 0.1, p: float = 1.0) -> None:
        super().__init__(p)
        check_range("bins", bins, 0)
        check_range("stretch", stretch, 0, 0.9)
        self.bins, self.stretch = bins, stretch

    def forward(self, mel: Tensor) -> Tensor:
        """Change every clip; both shapes (batch, time, mels)."""
        _, frames, mels = mel.shape
        tempo = 1 + (2 * sample(mel, 1) - 1) * self.stretch
        shift = (2 * sample(mel, 1) - 1) * self.bins
        time = torch.linspace(-1, 1, frames, device=mel.device) * tempo
        pitch = torch.linspace(-1, 1, mels, device=mel.device) - shift * 2 / (mels - 1)
        grid = torch.stack(torch.broadcast_tensors(pitch[:, None, :], time[:, :, None]), dim=-1)
        return F.grid_sample(mel[:, None], grid, padding_mode="border", align_corners=True)[:, 0]
