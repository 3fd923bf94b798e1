"""The study's four hybrids: convolutions, a recurrent network, pooling over time, a head of two layers."""

from collections.abc import Sequence

from torch import Tensor, nn

from genre.models.cnn import Cnn1d, Cnn2d
from genre.models.recurrent import Recurrent

CNNS: dict[str, type[Cnn1d] | type[Cnn2d]] = {"1d": Cnn1d, "2d": Cnn2d}
LSTM_UNITS = 128
LSTM_HEAD_DROPOUT = 0.3


class CRNN(nn.Module):
    """CNN 1D or 2D with a GRU or an LSTM.

    The study sized its LSTMs (128 units a direction, a head of 128 with dropout 0.3) whatever the convolutions had; its
    GRUs and their heads follow `hidden_dim`.

    Args:
        num_classes: Number of genres.
        n_mels: Features a frame.
        cnn: 1d or 2d.
        rnn: gru or lstm.
        hidden_dim: Channels of the first convolution.
        num_layers: Recurrent layers.
        dropout: After the convolutions, and in the head of a GRU.
        rnn_dropout: Between recurrent layers; None for the study's: none in 1D, `dropout` in 2D.
        bidirectional: As for `Recurrent`.
        pooling: As for `Recurrent`; None for the study's: mean for a GRU, mean_max for an LSTM.
        pool_sizes: As for `Cnn2d`.
    """

    def __init__(
        self,
        num_classes: int,
        n_mels: int,
        cnn: str,
        rnn: str,
        hidden_dim: int = 64,
        num_layers: int = 2,
        dropout: float = 0.3,
        rnn_dropout: float | None = None,
        bidirectional: bool = True,
        pooling: str | None = None,
        pool_sizes: Sequence[int] = (2, 2),
    ) -> None:
        super().__init__()
        lstm = rnn == "lstm"
        units = LSTM_UNITS if lstm else hidden_dim * (2 if cnn == "1d" else 1)
        head_dim = LSTM_UNITS if lstm else hidden_dim
        if rnn_dropout is None:
            rnn_dropout = dropout if cnn == "2d" else 0.0
        pooling = pooling or ("mean_max" if lstm else "mean")
        self.cnn = CNNS[cnn](n_mels, hidden_dim, dropout, pool_sizes)
        self.recurrent = Recurrent(rnn, self.cnn.channels, units, num_layers, rnn_dropout, bidirectional, pooling)
        self.head = nn.Sequential(
            nn.Linear(self.recurrent.features, head_dim),
            nn.ReLU(),
            nn.Dropout(LSTM_HEAD_DROPOUT if lstm else dropout),
            nn.Linear(head_dim, num_classes),
        )

    def embed(self, mel: Tensor) -> Tensor:
        """Describe clips by what the head sees.

        Args:
            mel: Features in [0, 1], shape (batch, time, mels), 64 frames or more.

        Returns:
            Shape (batch, features).
        """
        return self.recurrent(self.cnn(mel))

    def forward(self, mel: Tensor) -> Tensor:
        """Classify clips.

        Args:
            mel: Features in [0, 1], shape (batch, time, mels), 64 frames or more.

        Returns:
            Logits, shape (batch, classes).
        """
        return self.head(self.embed(mel))
