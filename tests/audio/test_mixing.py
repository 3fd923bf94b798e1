"""Mixup and CutMix, compared with the definitions of their papers."""

import pytest
import torch

from genre.audio.augment import Augment
from genre.audio.mixing import CutMix, Mixup

CLASSES = 5


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def batch(clips: int = 5, frames: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Clip i is everywhere 1 at band i and of genre i, so that the bands tell the weight of each clip."""
    return torch.eye(clips)[:, None, :].repeat(1, frames, 1), torch.eye(clips)


def test_mixup_mixes_clips_and_targets_with_one_weight():
    weights = []
    for _ in range(300):
        mel, target = Mixup(alpha=0.4)(*batch())
        torch.testing.assert_close(mel[:, 0], target)
        torch.testing.assert_close(mel, mel[:, :1].expand_as(mel))
        torch.testing.assert_close(target.sum(dim=1), torch.ones(5))
        own = target.diagonal()
        weights.append(own.min().item() if (own < 1).any() else 1.0)
    drawn = torch.tensor([weight for weight in weights if weight < 1])
    # Of a beta distribution with both parameters 0.4: mean 1/2, variance 1 / (4 * 1.8)
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.08)
    assert drawn.var().item() == pytest.approx(1 / 7.2, rel=0.15)


def test_cutmix_replaces_a_stretch_and_mixes_targets_by_its_length():
    lengths = set()
    for _ in range(100):
        mel, target = CutMix(alpha=1.0)(*batch())
        assert set(mel.unique().tolist()) <= {0.0, 1.0}
        torch.testing.assert_close(mel.mean(dim=1), target)  # the share of the frames of each clip
        replaced = (mel[:, :, :] != batch()[0]).any(dim=2)
        for line in replaced:
            edges = torch.diff(line.int(), prepend=torch.zeros(1), append=torch.zeros(1))
            assert (edges == 1).sum() <= 1  # one stretch
            lengths.add(int(line.sum()))
    assert len(lengths) > 15


def test_a_chain_mixes_with_its_probability_and_leaves_targets_alone_otherwise():
    mel, _ = batch()
    target = torch.arange(5)
    chain = Augment(mixup=Mixup(p=0.3))
    mixed = [chain.mix(mel, target, CLASSES)[1].is_floating_point() for _ in range(2000)]
    assert sum(mixed) / 2000 == pytest.approx(0.3, abs=0.05)
    same = Augment(mixup=Mixup(p=0.0)).mix(mel, target, CLASSES)
    assert same[0] is mel
    assert same[1] is target


def test_transforms_of_batches_follow_each_other():
    mel, _ = batch()
    both = Augment(mixup=Mixup(p=1.0), cutmix=CutMix(p=1.0))
    mixed, target = both.mix(mel, torch.arange(5), CLASSES)
    torch.testing.assert_close(mixed.mean(dim=1), target)
    assert torch.equal(both(mel), mel)  # they are no transforms of single clips


@pytest.mark.parametrize("make", [lambda: Mixup(alpha=0.0), lambda: CutMix(alpha=-1.0), lambda: Mixup(p=2.0)])
def test_impossible_values_are_refused(make):
    with pytest.raises(ValueError, match="must be"):
        make()
