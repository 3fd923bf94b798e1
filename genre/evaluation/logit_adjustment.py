"""Logit adjustment after training: what a network says, less what it owes to some genres being frequent."""

import torch
from torch import Tensor

from genre.training.metrics import compute_metrics

TAUS = torch.arange(0, 2.05, 0.1)


def adjust_logits(logits: Tensor, shares: Tensor, tau: float) -> Tensor:
    """Take the genres' frequency out of logits (Menon et al., 2021, Long-tail learning via logit adjustment).

    Args:
        logits: Shape (tracks, classes).
        shares: Of the genres among the training tracks, shape (classes,).
        tau: 0 changes nothing, 1 is the correction for a calibrated model.

    Returns:
        Log-probabilities, shape (tracks, classes).
    """
    return (logits - tau * shares.log()).log_softmax(dim=1)


def select_tau(logits: Tensor, targets: Tensor, shares: Tensor) -> float:
    """Choose tau by F1 macro on validation tracks; of equals the smallest.

    Args:
        logits: Shape (tracks, classes).
        targets: Shape (tracks,).
        shares: As for `adjusted`.

    Returns:
        One of `TAUS`.
    """
    f1 = [compute_metrics(adjust_logits(logits, shares, tau), targets, "")["f1_macro"] for tau in TAUS.tolist()]
    return round(TAUS[f1.index(max(f1))].item(), 1)
