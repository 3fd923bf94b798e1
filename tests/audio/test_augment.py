"""Augmentations and chains of augmentations."""

import inspect
import math

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
    """One clip repeated; its values are distinct and not 0."""
    return torch.arange(1.0, frames * mels + 1).reshape(1, frames, mels).repeat(clips, 1, 1) / (frames * mels)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def runs(line: torch.Tensor) -> list[tuple[int, int]]:
    """Start and length of each run of true values."""
    edges = torch.diff(line.int(), prepend=torch.zeros(1), append=torch.zeros(1))
    firsts, ends = (edges == 1).nonzero().flatten(), (edges == -1).nonzero().flatten()
    return list(zip(firsts.tolist(), (ends - firsts).tolist(), strict=True))


def test_evaluation_mode_returns_the_input():
    mel = numbered(8)
    chain = study_chain().eval()
    assert chain(mel) is mel
    assert not torch.equal(chain.train()(mel), mel)


@pytest.mark.parametrize("name", EACH)
def test_a_probability_of_0_changes_nothing(name):
    mel = numbered()
    assert torch.equal(Augment(p=0.0, one=EACH[name](1.0))(mel), mel)
    assert torch.equal(Augment(p=1.0, one=EACH[name](0.0))(mel), mel)


def test_an_empty_chain_changes_nothing():
    mel = numbered(3)
    assert torch.equal(Augment(p=1.0)(mel), mel)
    assert torch.equal(Augment(p=0.0)(mel), mel)


def test_the_input_is_not_modified():
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


def test_masks_of_width_0_change_nothing():
    mel = numbered(20)
    assert torch.equal(FrequencyMask(width=0)(mel), mel)
    assert torch.equal(TimeMask(width=0)(mel), mel)


def test_amplitude_scale():
    mel = numbered(4000, 5, 4)
    factors = AmplitudeScale(low=0.8, high=1.2)(mel) / mel
    one = factors[:, :1, :1]
    torch.testing.assert_close(factors, one.expand_as(factors))  # one factor per clip
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
    assert set(shifts) == set(range(-most, most + 1))  # in both directions, up to the maximum


@pytest.mark.parametrize("bins", [1, 2, 5])
def test_frequency_shift_fills_with_zeros(bins):
    mel = numbered()
    seen = set()
    for clip in FrequencyShift(bins=bins)(mel):
        [shift] = [s for s in range(-24, 25) if torch.equal(clip, shifted_mels(mel[0], s))]
        seen.add(shift)
    assert seen == set(range(-bins, bins + 1))


def shifted_mels(clip: torch.Tensor, shift: int) -> torch.Tensor:
    """Expected result: rolled, and the wrapped values set to 0."""
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
    assert torch.corrcoef(noise.flatten(1))[0, 1:].abs().max() < 0.15  # independent for each clip


@pytest.mark.parametrize("name", EACH)
def test_each_clip_is_sampled_independently(name):
    augmented = EACH[name](1.0)(numbered(32))
    different = len({tuple(clip.flatten().tolist()) for clip in augmented})
    assert different >= (4 if name == "frequency_shift" else 10)  # a shift by up to 2 bins has 5 outcomes


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("chain", [0.8, 1.0])
def test_fraction_of_changed_clips(p, chain):
    clips = 20000
    mel = numbered(clips, 2, 2)
    changed = (Augment(p=chain, one=Noise(sigma=1.0, p=p))(mel) != mel).flatten(1).any(dim=1).double().mean().item()
    expected = p * chain
    assert changed == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / clips) + 1e-12)


def test_clips_outside_the_chain_are_not_changed():
    # Each transform has probability 1 within the chain: a clip gets both or none
    mel = torch.ones(10000, 1, 1)
    chain = Augment(p=0.8, twice=AmplitudeScale(2.0, 2.0, p=1.0), thrice=AmplitudeScale(3.0, 3.0, p=1.0))
    values, counts = chain(mel).flatten().unique(return_counts=True)
    assert values.tolist() == [1.0, 6.0]
    assert counts[1].item() == pytest.approx(8000, abs=5 * math.sqrt(10000 * 0.8 * 0.2))


def test_transforms_are_sampled_independently():
    clips = 20000
    chain = Augment(p=0.8, twice=AmplitudeScale(2.0, 2.0, p=0.5), thrice=AmplitudeScale(3.0, 3.0, p=0.3))
    values, counts = chain(torch.ones(clips, 1, 1)).flatten().unique(return_counts=True)
    assert values.tolist() == [1.0, 2.0, 3.0, 6.0]
    for count, share in zip(counts.tolist(), (0.2 + 0.8 * 0.35, 0.8 * 0.35, 0.8 * 0.15, 0.8 * 0.15), strict=True):
        assert count == pytest.approx(clips * share, abs=5 * math.sqrt(clips * share * (1 - share)))


def test_fraction_of_clips_changed_by_each_transform_of_the_study():
    mel = numbered(20000, 20, 4)
    sure = {
        "frequency_mask": FrequencyMask(width=4, count=8, p=0.5),
        "amplitude_scale": AmplitudeScale(2.0, 2.0, p=0.5),
        "noise": Noise(sigma=1.0, p=0.3),
    }
    for name, part in sure.items():
        others = {other: None for other in EACH if other != name}
        changed = (study_chain(**others, **{name: part})(mel) != mel).flatten(1).any(dim=1).double().mean().item()
        assert changed == pytest.approx(0.8 * part.p, abs=0.02), name


def test_transforms_are_applied_in_order():
    mel = numbered(1)
    lift = Noise(sigma=0.0, p=1.0)
    lift.forward = lambda mel: mel + 1
    twice = AmplitudeScale(2.0, 2.0, p=1.0)
    torch.testing.assert_close(Augment(lift=lift, twice=twice)(mel), 2 * (mel + 1))
    torch.testing.assert_close(Augment(twice=twice, lift=lift)(mel), 2 * mel + 1)


def test_the_seed_determines_the_result():
    mel = numbered(64)
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(study_chain()(mel))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_null_disables_a_transform():
    chain = study_chain(noise=None)
    assert list(chain.transforms) == [name for name in EACH if name != "noise"]
    # Without noise and scaling, every value is a value of the clip, or 0
    mel = numbered(200)
    allowed = {0.0, *mel[0].flatten().tolist()}
    assert set(study_chain(noise=None, amplitude_scale=None)(mel).flatten().tolist()) <= allowed
    assert not set(study_chain(amplitude_scale=None)(mel).flatten().tolist()) <= allowed


def test_defaults_are_those_of_the_study():
    defaults = {
        (kind.__name__, name): parameter.default
        for kind in (FrequencyMask, TimeMask, AmplitudeScale, TimeShift, Noise, FrequencyShift)
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    assert defaults == {
        ("FrequencyMask", "count"): 2,
        ("FrequencyMask", "p"): 0.5,
        ("FrequencyMask", "fill"): 0.0,
        ("TimeMask", "fill"): 0.0,
        ("TimeMask", "count"): 2,
        ("TimeMask", "share"): 0.25,
        ("TimeMask", "p"): 0.5,
        ("AmplitudeScale", "low"): 0.8,
        ("AmplitudeScale", "high"): 1.2,
        ("AmplitudeScale", "p"): 0.5,
        ("TimeShift", "share"): 0.15,
        ("TimeShift", "p"): 0.3,
        ("Noise", "sigma"): 0.003,
        ("Noise", "p"): 0.3,
        ("FrequencyShift", "bins"): 2,
        ("FrequencyShift", "p"): 0.3,
    }


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_invalid_probabilities_are_errors(p):
    with pytest.raises(ValueError, match="p must be between 0 and 1"):
        Augment(p=p)
    for make in EACH.values():
        with pytest.raises(ValueError, match="p must be between 0 and 1"):
            make(p)


@pytest.mark.parametrize("kind", [FrequencyMask, TimeMask])
def test_invalid_masks_are_errors(kind):
    with pytest.raises(ValueError, match="width"):
        kind(width=-1)
    with pytest.raises(ValueError, match="count"):
        kind(width=1, count=0)


@pytest.mark.parametrize("name", EACH)
def test_the_number_of_operations_does_not_depend_on_the_number_of_clips(name):
    chain = Augment(one=EACH[name](1.0))
    counts = []
    for clips in (2, 4096):
        mel = torch.rand(clips, 16, 8)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True) as profile:
            chain(mel)
        counts.append(sum(event.count for event in profile.key_averages()))
    assert 5 < counts[1] <= counts[0] + 5  # operations, however many clips


@pytest.mark.parametrize(
    "make",
    [
        lambda: AmplitudeScale(low=1.2, high=0.8),
        lambda: TimeShift(share=-0.1),
        lambda: TimeShift(share=1.5),
        lambda: TimeMask(width=20, share=-0.5),
        lambda: TimeMask(width=20, share=1.5),
        lambda: Noise(sigma=-1.0),
        lambda: FrequencyShift(bins=-1),
    ],
)
def test_other_invalid_values_are_errors(make):
    with pytest.raises(ValueError, match="must"):
        make()


@pytest.mark.parametrize("kind", [FrequencyMask, TimeMask])
def test_a_mask_may_be_filled_with_the_mean_of_its_clip_or_any_number(kind):
    mel = torch.rand(50, 40, 24)
    for fill in ("mean", 0.25):
        masked = kind(width=8, count=2, p=1.0, fill=fill)(mel)
        expected = mel.mean(dim=(1, 2)) if fill == "mean" else torch.full((50,), 0.25)
        changed = masked != mel
        assert changed.any(dim=(1, 2)).float().mean() > 0.9
        assert torch.equal(masked, torch.where(changed, expected[:, None, None], mel))
    with pytest.raises(ValueError, match="a number or mean"):
        kind(width=8, fill="median")
