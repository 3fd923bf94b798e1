"""Losses, compared with formulas worked out in numpy."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from genre.training.losses import BalancedSoftmax, FocalLoss


@pytest.fixture
def logits() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(6, 3, requires_grad=True)


TARGET = torch.tensor([0, 1, 2, 2, 1, 0])
MIXED = 0.7 * F.one_hot(TARGET, 3).float() + 0.3 * F.one_hot(TARGET.flip(0), 3).float()


def test_the_focal_loss_weights_each_clip_by_its_error(logits):
    p = logits.detach().double().softmax(dim=1).numpy()
    own = p[np.arange(6), TARGET]
    assert FocalLoss(gamma=2.0)(logits, TARGET).item() == pytest.approx((-((1 - own) ** 2) * np.log(own)).mean())
    weight = np.array([0.5, 1.0, 2.0])
    expected = (-weight[TARGET] * (1 - own) ** 2 * np.log(own)).sum() / weight[TARGET].sum()
    made = FocalLoss(gamma=2.0, weight=torch.tensor(weight).float())
    assert made(logits, TARGET).item() == pytest.approx(expected)


def test_the_focal_loss_of_mixed_targets_is_the_mean_over_their_genres(logits):
    p = logits.detach().double().softmax(dim=1).numpy()
    expected = -(MIXED.numpy() * (1 - p) ** 1.5 * np.log(p)).sum(axis=1).mean()
    assert FocalLoss(gamma=1.5)(logits, MIXED).item() == pytest.approx(expected)


@pytest.mark.parametrize("target", [TARGET, MIXED], ids=["numbers", "mixed"])
def test_without_their_parameter_both_are_the_cross_entropy(logits, target):
    expected = F.cross_entropy(logits, target)
    torch.testing.assert_close(FocalLoss(gamma=0.0)(logits, target), expected)
    torch.testing.assert_close(BalancedSoftmax([5, 1, 1], tau=0.0)(logits, target), expected)
    torch.testing.assert_close(BalancedSoftmax([4, 4, 4])(logits, target), expected)  # balanced already


@pytest.mark.parametrize("target", [TARGET, MIXED], ids=["numbers", "mixed"])
@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 1.0, 2.0])])
def test_the_focal_loss_smooths_labels_as_the_cross_entropy_does(logits, target, weight):
    made = FocalLoss(gamma=0.0, weight=weight, label_smoothing=0.1)
    torch.testing.assert_close(made(logits, target), F.cross_entropy(logits, target, weight, label_smoothing=0.1))


def test_the_balanced_softmax_counts_each_genre_by_its_tracks(logits):
    counts = np.array([60.0, 30.0, 10.0])
    weighted = counts * np.exp(logits.detach().double().numpy())
    own = weighted[np.arange(6), TARGET] / weighted.sum(axis=1)
    assert BalancedSoftmax([60, 30, 10])(logits, TARGET).item() == pytest.approx(-np.log(own).mean())


def test_gradients_are_finite_for_certain_clips():
    logits = torch.tensor([[60.0, -60.0], [-60.0, 60.0]], requires_grad=True)
    FocalLoss()(logits, torch.tensor([0, 0])).backward()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("make", [lambda: FocalLoss(gamma=-1.0), lambda: BalancedSoftmax([1, 2], tau=-0.5)])
def test_impossible_values_are_refused(make):
    with pytest.raises(ValueError, match="must be at least 0"):
        make()
