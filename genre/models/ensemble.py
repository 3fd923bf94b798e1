"""Several networks as one, which predicts the mean of their probabilities."""

import math
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Average the probabilities of several networks.

    Args:
        nets: Networks with the same input and the same genres.
    """

    def __init__(self, nets: Sequence[nn.Module]) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    @property
    def embed(self) -> Callable[[Tensor], Tensor]:
        """Maps clips, shape (batch, time, mels), to the embeddings of all members side by side, (batch, features).

        Raises:
            AttributeError: A member has no `embed`, so the ensemble has none.
        """
        members = [cast(Callable[[Tensor], Tensor], net.embed) for net in self.nets]
        return lambda mel: torch.cat([embed(mel) for embed in members], dim=1)

    def forward(self, mel: Tensor) -> Tensor:
        """Classify clips.

        Args:
            mel: Log-mel in [0, 1], shape (batch, time, mels), at least 64 frames.

        Returns:
            Logarithm of the mean probability, shape (batch, classes).
        """
        log_probabilities = torch.stack([net(mel).float().log_softmax(dim=-1) for net in self.nets])
        return log_probabilities.logsumexp(dim=0) - math.log(len(self.nets))
