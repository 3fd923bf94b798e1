"""Post-hoc logit adjustment for class imbalance (Menon et al., 2021)."""

import torch
from torch import Tensor

from genre.training.metrics import compute_metrics

TAUS = torch.arange(0, 2.05, 0.1)


def adjust_logits(logits: Tensor, class_priors: Tensor, tau: float) -> Tensor:
    """Subtract the logarithm of the class priors from logits.

    Args:
        logits: Shape (tracks, classes).
        class_priors: Class frequencies of the training set, shape (classes,).
        tau: Strength: 0 changes nothing, 1 is the correction of a calibrated model.

    Returns:
        Log-probabilities, shape (tracks, classes).
    """
    return (logits - tau * class_priors.log()).log_softmax(dim=1)


def select_tau(logits: Tensor, targets: Tensor, class_priors: Tensor) -> float:
    """Select the strength with the best F1 macro on validation tracks.

    Args:
        logits: Shape (tracks, classes).
        targets: Class indices, shape (tracks,).
        class_priors: Class frequencies of the training set, shape (classes,).

    Returns:
        One of `TAUS`, the smallest if several are best.
    """
    f1 = [compute_metrics(adjust_logits(logits, class_priors, tau), targets, "")["f1_macro"] for tau in TAUS.tolist()]
    return round(TAUS[f1.index(max(f1))].item(), 1)
