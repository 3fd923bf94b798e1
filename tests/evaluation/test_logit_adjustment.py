"""Logit adjustment by hand."""

import numpy as np
import pytest
import torch

from genre.evaluation.logit_adjustment import adjust_logits, select_tau


def test_tau_of_one_divides_by_the_class_priors() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5]])
    priors = torch.tensor([0.5, 0.3, 0.2])
    expected = np.exp([1.0, 2.0, 0.5]) / [0.5, 0.3, 0.2]
    assert adjust_logits(logits, priors, 1.0).exp().numpy()[0] == pytest.approx(expected / expected.sum(), rel=1e-6)
    assert adjust_logits(logits, priors, 0.0).numpy() == pytest.approx(logits.log_softmax(dim=1).numpy())


def test_the_smallest_of_the_best_taus_is_selected() -> None:
    priors = torch.tensor([0.9, 0.1])
    targets = torch.tensor([0, 0, 1])
    # the rare track is wrong by 0.5; tau * log(9) > 0.5 corrects it: 0.3 is the first that does
    logits = torch.tensor([[3.0, 0.0], [3.0, 0.0], [0.5, 0.0]])
    assert select_tau(logits, targets, priors) == 0.3
    assert select_tau(torch.tensor([[9.0, 0.0], [9.0, 0.0], [0.0, 9.0]]), targets, priors) == 0.0
