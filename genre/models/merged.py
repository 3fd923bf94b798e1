"""A network whose genres are merged or left out."""

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn


def merge_genres(logits: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Add up the probabilities of the genres of each group.

    Args:
        logits: Shape (batch, classes).
        groups: Indices of the genres that count as one; others are left out.

    Returns:
        Logarithm of the sums, shape (batch, groups). They add up to less than 1 if genres are left out: as logits, they
        stand for the probabilities under the condition that the genre is in a group.
    """
    log_probability = logits.log_softmax(dim=-1)
    return torch.stack([log_probability[:, list(group)].logsumexp(dim=-1) for group in groups], dim=-1)


class MergedGenres(nn.Module):
    """Merge the genres of a network, or leave some out.

    Args:
        net: The network.
        groups: See `merge_genres`.
    """

    def __init__(self, net: nn.Module, groups: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.net, self.groups = net, groups

    @property
    def embed(self) -> Callable[[Tensor], Tensor]:
        """The network's own `embed`."""
        return cast(Callable[[Tensor], Tensor], self.net.embed)

    def forward(self, mel: Tensor) -> Tensor:
        """Classify clips, shape (batch, time, mels) -> (batch, groups)."""
        return merge_genres(self.net(mel).float(), self.groups)
