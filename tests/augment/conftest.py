"""Augmentation chains, and batches that show what they did."""

import pytest
import torch

from genre.audio.augment import AmplitudeScale, Augment, FrequencyMask, FrequencyShift, Noise, TimeMask, TimeShift

CLIPS = 500


def study_chain(**others) -> Augment:
    """The chain of the study."""
    parts = {
        "frequency_mask": FrequencyMask(width=10, count=2, p=0.5),
        "time_mask": TimeMask(width=20, count=2, share=0.25, p=0.5),
        "amplitude_scale": AmplitudeScale(low=0.8, high=1.2, p=0.5),
        "time_shift": TimeShift(share=0.15, p=0.3),
        "noise": Noise(sigma=0.003, p=0.3),
        "frequency_shift": FrequencyShift(bins=2, p=0.3),
    }
    return Augment(p=0.8, **(parts | others))


EACH = {
    "frequency_mask": lambda p: FrequencyMask(width=10, p=p),
    "time_mask": lambda p: TimeMask(width=20, p=p),
    "amplitude_scale": lambda p: AmplitudeScale(p=p),
    "time_shift": lambda p: TimeShift(p=p),
    "noise": lambda p: Noise(p=p),
    "frequency_shift": lambda p: FrequencyShift(p=p),
}


def numbered(clips: int = CLIPS, frames: int = 40, mels: int = 24) -> torch.Tensor:
    """The same clip many times; each of its values is another one, and none is 0."""
    return torch.arange(1.0, frames * mels + 1).reshape(1, frames, mels).repeat(clips, 1, 1) / (frames * mels)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def runs(line: torch.Tensor) -> list[tuple[int, int]]:
    """Where a line of booleans is true: first and length of each stretch."""
    edges = torch.diff(line.int(), prepend=torch.zeros(1), append=torch.zeros(1))
    firsts, ends = (edges == 1).nonzero().flatten(), (edges == -1).nonzero().flatten()
    return list(zip(firsts.tolist(), (ends - firsts).tolist(), strict=True))
