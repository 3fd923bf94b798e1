"""Losses that take genre numbers or, after mixup, target probabilities."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class FocalLoss(nn.Module):
    """Cross entropy in which well classified clips count less.

    Lin et al., 2017, arXiv:1708.02002, for several classes. With gamma 0 it is the cross entropy.

    Args:
        gamma: Exponent of 1 - probability.
        weight: Weight of each class, shape (classes,); None for 1.
        label_smoothing: As for torch's `CrossEntropyLoss`.
    """

    weight: Tensor | None

    def __init__(self, gamma: float = 2.0, weight: Tensor | None = None, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if gamma < 0:
            raise ValueError(f"gamma={gamma} must be at least 0")
        self.gamma, self.label_smoothing = gamma, label_smoothing
        self.register_buffer("weight", weight)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Compute the mean loss of a batch.

        Args:
            logits: Shape (batch, classes).
            target: Genre numbers, shape (batch,), or probabilities, shape (batch, classes).

        Returns:
            A scalar. As in torch's cross entropy, the mean over genre numbers is weighted by the class weights.
        """
        log_probability = logits.log_softmax(dim=1)
        per_class = (1 - log_probability.exp()) ** self.gamma * log_probability
        weight = torch.ones_like(per_class[0]) if self.weight is None else self.weight
        if target.ndim == 1:
            total, share = weight[target].sum(), F.one_hot(target, logits.shape[1]).to(per_class)
        else:
            total, share = per_class.new_tensor(len(target)), target.to(per_class)
        smooth = (1 - self.label_smoothing) * share + self.label_smoothing / logits.shape[1]
        return -(per_class * smooth * weight).sum() / total


class BalancedSoftmax(nn.Module):
    """Cross entropy of logits to which the logarithm of the class frequencies is added during training.

    The network then learns logits for equally frequent classes, which favors F1 macro on unbalanced data (Ren et al.,
    2020, arXiv:2007.10740).

    Args:
        class_counts: Number of training tracks of each genre; set by the training.
        tau: Factor of the logarithms: 1 balances fully, 0 is the cross entropy.
        label_smoothing: As for torch's `CrossEntropyLoss`.
    """

    log_share: Tensor

    def __init__(self, class_counts: list[int], tau: float = 1.0, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if tau < 0:
            raise ValueError(f"tau={tau} must be at least 0")
        counts = torch.tensor(class_counts, dtype=torch.float)
        self.register_buffer("log_share", tau * (counts / counts.sum()).log())
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Compute the mean loss of a batch, a scalar; arguments as for `FocalLoss`."""
        return F.cross_entropy(logits + self.log_share, target, label_smoothing=self.label_smoothing)
