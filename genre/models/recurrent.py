"""Recurrent network with pooling over time: steps -> one vector per clip."""

import torch
from torch import Tensor, nn

RNNS = {"gru": nn.GRU, "lstm": nn.LSTM}
POOLINGS = {"mean": 1, "mean_max": 2, "last": 1}
"""Vectors that each pooling returns per direction."""


class Recurrent(nn.Module):
    """GRU or LSTM with pooling over time.

    Args:
        rnn: gru or lstm.
        input_size: Features per step.
        hidden_size: Units per direction.
        num_layers: Number of stacked layers.
        dropout: Dropout probability between the layers.
        bidirectional: Whether a second direction processes the steps in reverse order.
        pooling: mean, mean_max (both, concatenated), or last (final state of each direction in the last layer).
    """

    def __init__(
        self,
        rnn: str,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        dropout: float = 0.0,
        bidirectional: bool = True,
        pooling: str = "mean",
    ) -> None:
        super().__init__()
        if rnn not in RNNS:
            raise ValueError(f"rnn={rnn} is unknown: use one of {', '.join(RNNS)}")
        if pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling} is unknown: use one of {', '.join(POOLINGS)}")
        self.out_features = POOLINGS[pooling] * (2 if bidirectional else 1) * hidden_size
        self.pooling = pooling
        self.rnn = RNNS[rnn](
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,  # torch warns of dropout in a single layer
        )

    def forward(self, steps: Tensor) -> Tensor:
        """Pool a sequence: steps, shape (batch, steps, input_size) -> shape (batch, out_features)."""
        states, _ = self.rnn(steps)
        if self.pooling == "last":
            if not self.rnn.bidirectional:
                return states[:, -1]
            forward, backward = states.chunk(2, dim=-1)
            return torch.cat([forward[:, -1], backward[:, 0]], dim=1)
        mean = states.mean(dim=1)
        return mean if self.pooling == "mean" else torch.cat([mean, states.amax(dim=1)], dim=1)
