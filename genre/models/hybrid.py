"""The study's four hybrids: convolutions, a recurrent network, pooling over time, a head of two layers."""

from torch import Tensor, nn

from genre.models.cnn import Cnn1d, Cnn2d
from genre.models.recurrent import Recurrent

LSTM_UNITS = 128
LSTM_HEAD_DROPOUT = 0.3


class Hybrid(nn.Module):
    """Convolutions, recurrent network, head.

    Args:
        cnn: (batch, time, mels) -> (batch, steps, channels).
        recurrent: (batch, steps, channels) -> (batch, features).
        num_classes: Number of genres.
        head_dim: Width of the head's hidden layer.
        head_dropout: After that layer.
    """

    def __init__(
        self, cnn: nn.Module, recurrent: Recurrent, num_classes: int, head_dim: int, head_dropout: float
    ) -> None:
        super().__init__()
        self.cnn = cnn
        self.recurrent = recurrent
        self.head = nn.Sequential(
            nn.Linear(recurrent.features, head_dim),
            nn.ReLU(),
            nn.Dropout(head_dropout),
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


def cnn1d_gru(num_classes: int, n_mels: int, hidden_dim: int, num_layers: int, dropout: float) -> Hybrid:
    """CNN 1D + GRU; arguments as for `cnn2d_lstm`."""
    cnn = Cnn1d(n_mels, hidden_dim, dropout)
    recurrent = Recurrent("gru", cnn.channels, 2 * hidden_dim, num_layers)
    return Hybrid(cnn, recurrent, num_classes, hidden_dim, dropout)


def cnn1d_lstm(num_classes: int, n_mels: int, hidden_dim: int, num_layers: int, dropout: float) -> Hybrid:
    """CNN 1D + LSTM; arguments as for `cnn2d_lstm`."""
    cnn = Cnn1d(n_mels, hidden_dim, dropout)
    recurrent = Recurrent("lstm", cnn.channels, LSTM_UNITS, num_layers, pooling="mean_max")
    return Hybrid(cnn, recurrent, num_classes, LSTM_UNITS, LSTM_HEAD_DROPOUT)


def cnn2d_gru(num_classes: int, n_mels: int, hidden_dim: int, num_layers: int, dropout: float) -> Hybrid:
    """CNN 2D + GRU; arguments as for `cnn2d_lstm`."""
    cnn = Cnn2d(n_mels, hidden_dim, dropout)
    recurrent = Recurrent("gru", cnn.channels, hidden_dim, num_layers, dropout)
    return Hybrid(cnn, recurrent, num_classes, hidden_dim, dropout)


def cnn2d_lstm(num_classes: int, n_mels: int, hidden_dim: int, num_layers: int, dropout: float) -> Hybrid:
    """CNN 2D + LSTM.

    Args:
        num_classes: Number of genres.
        n_mels: Features a frame.
        hidden_dim: Channels of the first convolution; also sizes a GRU and its head, an LSTM has 128 units.
        num_layers: Recurrent layers.
        dropout: After the convolutions, in the head of the GRUs, between the recurrent layers of the 2D nets.

    Returns:
        The network, initialised from torch's random numbers.
    """
    cnn = Cnn2d(n_mels, hidden_dim, dropout)
    recurrent = Recurrent("lstm", cnn.channels, LSTM_UNITS, num_layers, dropout, pooling="mean_max")
    return Hybrid(cnn, recurrent, num_classes, LSTM_UNITS, LSTM_HEAD_DROPOUT)
