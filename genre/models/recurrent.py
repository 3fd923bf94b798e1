"""Steps -> one vector a clip: a bidirectional GRU or LSTM, pooled over time."""

import torch
from torch import Tensor, nn

KINDS = {"gru": nn.GRU, "lstm": nn.LSTM}


class Recurrent(nn.Module):
    """A bidirectional recurrent network and pooling over time.

    Args:
        kind: gru or lstm.
        channels: Size of a step.
        units: Units a direction.
        num_layers: Stacked layers.
        dropout: Between the layers.
        pooling: mean, or mean_max for mean and maximum side by side.
    """

    def __init__(
        self,
        kind: str,
        channels: int,
        units: int,
        num_layers: int,
        dropout: float = 0.0,
        pooling: str = "mean",
    ) -> None:
        super().__init__()
        self.features = {"mean": 2, "mean_max": 4}[pooling] * units
        self.pooling = pooling
        self.rnn = KINDS[kind](
            channels,
            units,
            num_layers,
            batch_first=True,
            bidirectional=True,
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
        mean = states.mean(dim=1)
        return mean if self.pooling == "mean" else torch.cat([mean, states.amax(dim=1)], dim=1)
