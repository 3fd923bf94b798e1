"""Steps -> one vector a clip: a GRU or LSTM, pooled over time."""

import torch
from torch import Tensor, nn

RNNS = {"gru": nn.GRU, "lstm": nn.LSTM}
POOLINGS = {"mean": 1, "mean_max": 2, "last": 1}
"""Values that each makes of one of a state."""


class Recurrent(nn.Module):
    """A recurrent network and pooling over time.

    Args:
        kind: gru or lstm.
        channels: Size of a step.
        units: Units a direction.
        num_layers: Stacked layers.
        dropout: Between the layers.
        bidirectional: Whether a second direction reads the steps backwards.
        pooling: mean, mean_max (both side by side), or last (the last layer's final state of each direction).
    """

    def __init__(
        self,
        kind: str,
        channels: int,
        units: int,
        num_layers: int,
        dropout: float = 0.0,
        bidirectional: bool = True,
        pooling: str = "mean",
    ) -> None:
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling} is unknown: use one of {', '.join(POOLINGS)}")
        self.features = POOLINGS[pooling] * (2 if bidirectional else 1) * units
        self.pooling = pooling
        self.rnn = RNNS[kind](
            channels,
            units,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
        )

    def forward(self, steps: Tensor) -> Tensor:
        """Summarise a sequence.

        Args:
            steps: Shape (batch, steps, channels).

        Returns:
            Shape (batch, features).
        """
        states, _ = self.rnn(steps)
        if self.pooling == "last":
            if not self.rnn.bidirectional:
                return states[:, -1]
            forward, backward = states.chunk(2, dim=-1)
            return torch.cat([forward[:, -1], backward[:, 0]], dim=1)
        mean = states.mean(dim=1)
        return mean if self.pooling == "mean" else torch.cat([mean, states.amax(dim=1)], dim=1)
