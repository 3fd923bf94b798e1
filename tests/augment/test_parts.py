"""Each augmentation by itself."""

import math

import pytest
import torch

from genre.audio.augment import AmplitudeScale, Augment, FrequencyMask, FrequencyShift, Noise, TimeMask, TimeShift
from tests.augment.conftest import EACH, numbered, runs, study_chain


def test_nothing_happens_in_evaluation():
    mel = numbered(8)
    chain = study_chain().eval()
    assert chain(mel) is mel
    assert not torch.equal(chain.train()(mel), mel)


@pytest.mark.parametrize("name", EACH)
def test_probability_0(name):
    mel = numbered()
    assert torch.equal(Augment(p=0.0, one=EACH[name](1.0))(mel), mel)
    assert torch.equal(Augment(p=1.0, one=EACH[name](0.0))(mel), mel)


def test_an_empty_chain():
    mel = numbered(3)
    assert torch.equal(Augment(p=1.0)(mel), mel)
    assert torch.equal(Augment(p=0.0)(mel), mel)


def test_the_input_is_left_alone():
    mel = numbered(64)
    before = mel.clone()
    study_chain()(mel)
    assert torch.equal(mel, before)


@pytest.mark.parametrize("frames", [64, 129, 1292])
def test_shape_and_type_are_kept(frames):
    mel = torch.rand(5, frames, 20)
    augmented = study_chain()(mel)
    assert augmented.shape == mel.shape
    assert augmented.dtype == torch.float32
    assert augmented.isfinite().all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_frequency_mask(count):
    mel = numbered()
    masked = FrequencyMask(width=4, count=count)(mel)
    gone = masked == 0
    assert torch.equal(masked[~gone], mel[~gone])
    assert torch.equal(gone, gone[:, :1].expand_as(gone))  # the same mels in all frames
    stretches = [runs(clip[0]) for clip in gone]
    assert max(len(found) for found in stretches) == count
    assert max(sum(length for _, length in found) for found in stretches) <= count * 4
    if count == 1:
        assert {sum(length for _, length in found) for found in stretches} == {0, 1, 2, 3, 4}
        assert {first for found in stretches for first, length in found if length == 4} == set(range(21))


@pytest.mark.parametrize("count", [1, 2])
def test_time_mask(count):
    mel = numbered(frames=64)
    masked = TimeMask(width=6, count=count)(mel)
    gone = masked == 0
    assert torch.equal(masked[~gone], mel[~gone])
    assert torch.equal(gone, gone[:, :, :1].expand_as(gone))  # all mels of the same frames
    stretches = [runs(clip[:, 0]) for clip in gone]
    assert max(len(found) for found in stretches) == count
    assert max(sum(length for _, length in found) for found in stretches) <= count * 6
    if count == 1:
        assert {sum(length for _, length in found) for found in stretches} == set(range(7))


def test_mask_widths_are_equally_likely():
    gone = FrequencyMask(width=10, count=1)(numbered(22000, 1, 128)) == 0
    counts = torch.bincount(gone[:, 0].sum(dim=1))
    assert len(counts) == 11
    assert (counts - 2000).abs().max() < 5 * math.sqrt(2000)


@pytest.mark.parametrize(("frames", "longest"), [(40, 10), (41, 10), (79, 19), (80, 20), (200, 20), (3, 0)])
def test_a_time_mask_is_at_most_a_quarter_of_the_clip(frames, longest):
    gone = TimeMask(width=20, count=1)(numbered(2000, frames, 2)) == 0
    assert gone[:, :, 0].sum(dim=1).max() == longest


def test_a_frequency_mask_is_at_most_as_wide_as_the_clip():
    gone = FrequencyMask(width=10, count=1)(numbered(5000, 1, 4)) == 0
    counts = torch.bincount(gone[:, 0].sum(dim=1))
    assert len(counts) == 5
    assert (counts - 1000).abs().max() < 5 * math.sqrt(1000)


def test_masks_of_width_0():
    mel = numbered(20)
    assert torch.equal(FrequencyMask(width=0)(mel), mel)
    assert torch.equal(TimeMask(width=0)(mel), mel)


def test_amplitude_scale():
    mel = numbered(4000, 5, 4)
    factors = AmplitudeScale(low=0.8, high=1.2)(mel) / mel
    one = factors[:, :1, :1]
    torch.testing.assert_close(factors, one.expand_as(factors))  # one factor a clip
    assert 0.8 - 1e-6 <= one.min() < 0.802
    assert 1.198 < one.max() <= 1.2 + 1e-6
    assert one.mean() == pytest.approx(1.0, abs=5 * 0.4 / math.sqrt(12 * 4000))


def test_amplitudes_are_not_clipped():
    assert AmplitudeScale(low=1.2, high=1.2)(torch.ones(1, 2, 2)).tolist() == [[[pytest.approx(1.2)] * 2] * 2]
    assert Noise(sigma=1.0)(torch.zeros(1, 50, 50)).min() < 0


@pytest.mark.parametrize(("frames", "most"), [(40, 6), (64, 9), (100, 15), (6, 0)])
def test_time_shift_is_a_rotation(frames, most):
    mel = numbered(1000, frames, 2)
    shifts = []
    for clip in TimeShift(share=0.15)(mel):
        first = int((clip[:, 0] == mel[0, 0, 0]).nonzero())
        assert torch.equal(clip, mel[0].roll(first, dims=0))
        shifts.append(first if first <= frames // 2 else first - frames)
    assert set(shifts) == set(range(-most, most + 1))  # both ways, and to the edge


@pytest.mark.parametrize("bins", [1, 2, 5])
def test_frequency_shift_brings_zeros_in(bins):
    mel = numbered()
    seen = set()
    for clip in FrequencyShift(bins=bins)(mel):
        [shift] = [s for s in range(-24, 25) if torch.equal(clip, shifted_mels(mel[0], s))]
        seen.add(shift)
    assert seen == set(range(-bins, bins + 1))


def shifted_mels(clip: torch.Tensor, shift: int) -> torch.Tensor:
    """By hand: rolled, and what came round zeroed."""
    rolled = clip.roll(shift, dims=1)
    if shift > 0:
        rolled[:, :shift] = 0
    if shift < 0:
        rolled[:, shift:] = 0
    return rolled


@pytest.mark.parametrize("sigma", [0.003, 0.1])
def test_noise(sigma):
    mel = torch.rand(200, 50, 40)
    noise = (Noise(sigma=sigma)(mel) - mel).double()
    values = noise.numel()
    assert noise.mean().abs() < 5 * sigma / math.sqrt(values)
    assert noise.std().item() == pytest.approx(sigma, rel=5 / math.sqrt(2 * values))
    assert (noise.abs() < sigma).double().mean().item() == pytest.approx(0.6827, abs=5 * 0.47 / math.sqrt(values))
    assert torch.corrcoef(noise.flatten(1))[0, 1:].abs().max() < 0.15  # each clip has its own
