"""The chain: who gets what, how often, and in which order."""

import inspect
import math

import pytest
import torch

from genre.audio.augment import AmplitudeScale, Augment, FrequencyMask, FrequencyShift, Noise, TimeMask, TimeShift
from tests.augment.conftest import EACH, numbered, study_chain


@pytest.mark.parametrize("name", EACH)
def test_each_clip_has_its_own_draw(name):
    augmented = EACH[name](1.0)(numbered(32))
    different = len({tuple(clip.flatten().tolist()) for clip in augmented})
    assert different >= (4 if name == "frequency_shift" else 10)  # a shift by up to 2 bins has 5 outcomes


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("chain", [0.8, 1.0])
def test_share_of_clips_that_are_changed(p, chain):
    clips = 20000
    mel = numbered(clips, 2, 2)
    changed = (Augment(p=chain, one=Noise(sigma=1.0, p=p))(mel) != mel).flatten(1).any(dim=1).double().mean().item()
    expected = p * chain
    assert changed == pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / clips) + 1e-12)


def test_clips_outside_the_chain_get_no_part_of_it():
    # Each part is sure within the chain: a clip has both or none
    mel = torch.ones(10000, 1, 1)
    chain = Augment(p=0.8, twice=AmplitudeScale(2.0, 2.0, p=1.0), thrice=AmplitudeScale(3.0, 3.0, p=1.0))
    values, counts = chain(mel).flatten().unique(return_counts=True)
    assert values.tolist() == [1.0, 6.0]
    assert counts[1].item() == pytest.approx(8000, abs=5 * math.sqrt(10000 * 0.8 * 0.2))


def test_parts_are_drawn_apart_from_each_other():
    clips = 20000
    chain = Augment(p=0.8, twice=AmplitudeScale(2.0, 2.0, p=0.5), thrice=AmplitudeScale(3.0, 3.0, p=0.3))
    values, counts = chain(torch.ones(clips, 1, 1)).flatten().unique(return_counts=True)
    assert values.tolist() == [1.0, 2.0, 3.0, 6.0]
    for count, share in zip(counts.tolist(), (0.2 + 0.8 * 0.35, 0.8 * 0.35, 0.8 * 0.15, 0.8 * 0.15), strict=True):
        assert count == pytest.approx(clips * share, abs=5 * math.sqrt(clips * share * (1 - share)))


def test_share_of_clips_that_each_part_of_the_study_s_chain_changes():
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


def test_parts_follow_one_another_in_the_order_given():
    mel = numbered(1)
    lift = Noise(sigma=0.0, p=1.0)
    lift.forward = lambda mel: mel + 1
    twice = AmplitudeScale(2.0, 2.0, p=1.0)
    torch.testing.assert_close(Augment(lift=lift, twice=twice)(mel), 2 * (mel + 1))
    torch.testing.assert_close(Augment(twice=twice, lift=lift)(mel), 2 * mel + 1)


def test_the_seed_decides():
    mel = numbered(64)
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(study_chain()(mel))
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


def test_null_leaves_a_part_out():
    chain = study_chain(noise=None)
    assert list(chain.transforms) == [name for name in EACH if name != "noise"]
    # Without noise and scale every value is one of the clip's own, or 0
    mel = numbered(200)
    allowed = {0.0, *mel[0].flatten().tolist()}
    assert set(study_chain(noise=None, amplitude_scale=None)(mel).flatten().tolist()) <= allowed
    assert not set(study_chain(amplitude_scale=None)(mel).flatten().tolist()) <= allowed


def test_defaults_are_the_study_s():
    defaults = {
        (kind.__name__, name): parameter.default
        for kind in (FrequencyMask, TimeMask, AmplitudeScale, TimeShift, Noise, FrequencyShift)
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    assert defaults == {
        ("FrequencyMask", "count"): 2,
        ("FrequencyMask", "p"): 0.5,
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
def test_refuses_an_impossible_probability(p):
    with pytest.raises(ValueError, match="p must be between 0 and 1"):
        Augment(p=p)
    for make in EACH.values():
        with pytest.raises(ValueError, match="p must be between 0 and 1"):
            make(p)


@pytest.mark.parametrize("kind", [FrequencyMask, TimeMask])
def test_refuses_impossible_masks(kind):
    with pytest.raises(ValueError, match="width"):
        kind(width=-1)
    with pytest.raises(ValueError, match="count"):
        kind(width=1, count=0)


@pytest.mark.parametrize("name", EACH)
def test_many_clips_take_no_loop(name):
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
def test_refuses_other_impossible_values(make):
    with pytest.raises(ValueError, match="must"):
        make()
