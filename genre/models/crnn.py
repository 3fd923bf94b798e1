"""Convolutional recurrent networks (CRNN): the four hybrids of the study."""

from collections.abc import Sequence

from torch import Tensor, nn

from genre.models.cnn import Cnn1d, Cnn2d, store_channels_last
from genre.models.recurrent import Recurrent

CNNS: dict[str, type[Cnn1d] | type[Cnn2d]] = {"1d": Cnn1d, "2d": Cnn2d}
LSTM_UNITS = 128
LSTM_HEAD_DROPOUT = 0.3


class CRNN(nn.Module):
    """1D or 2D convolutions, a GRU or LSTM, pooling over time and a head of two layers.

    As in the study, an LSTM has 128 units per direction and a head of 128 units with dropout 0.3, whatever the size of
    the convolutions. A GRU and its head scale with `hidden_dim`.

    Args:
        num_classes: Number of genres.
        n_mels: Number of features per frame.
        cnn: 1d or 2d.
        rnn: gru or lstm.
        hidden_dim: Channels of the first convolution.
        num_layers: Number of recurrent layers.
        dropout: Dropout probability after the convolutions, and in the head of a GRU.
        rnn_dropout: Dropout probability between recurrent layers; None for the study's: 0 in 1D, `dropout` in 2D.
        bidirectional: See `Recurrent`.
        pooling: See `Recurrent`; None for the study's: mean for a GRU, mean_max for an LSTM.
        pool_sizes: See `Cnn2d`.
        input_norm: Whether to standardize each feature with statistics of the training data first (a batch
            normalization without parameters).
        channels_last: Whether 2D convolutions keep the channels of a pixel together in memory, which is faster. Results
            differ by rounding.
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
        input_norm: bool = False,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        if cnn not in CNNS:
            raise ValueError(f"cnn={cnn} is unknown: use one of {', '.join(CNNS)}")
        lstm = rnn == "lstm"
        units = LSTM_UNITS if lstm else hidden_dim * (2 if cnn == "1d" else 1)
        head_dim = LSTM_UNITS if lstm else hidden_dim
        if rnn_dropout is None:
            rnn_dropout = dropout if cnn == "2d" else 0.0
        pooling = pooling or ("mean_max" if lstm else "mean")
        self.input_norm = nn.BatchNorm1d(n_mels, affine=False) if input_norm else nn.Identity()
        self.cnn = CNNS[cnn](n_mels, hidden_dim, dropout, pool_sizes)
        if channels_last:
            store_channels_last(self.cnn)
        self.recurrent = Recurrent(rnn, self.cnn.out_channels, units, num_layers, rnn_dropout, bidirectional, pooling)
        self.head = nn.Sequential(
            nn.Linear(self.recurrent.out_features, head_dim),
            nn.ReLU(),
            nn.Dropout(LSTM_HEAD_DROPOUT if lstm else dropout),
            nn.Linear(head_dim, num_classes),
        )

    def embed(self, mel: Tensor) -> Tensor:
        """Compute the input of the head, shape (batch, features), from clips, shape (batch, time, mels)."""
        mel = self.input_norm(mel.transpose(1, 2)).transpose(1, 2)  # mel bands are the channels
        return self.recurrent(self.cnn(mel))

    def forward(self, mel: Tensor) -> Tensor:
        """Classify clips.

        Args:
            mel: Log-mel in [0, 1], shape (batch, time, mels), at least 64 frames.

        Returns:
            Logits, shape (batch, classes).
        """
        return self.head(self.embed(mel))
