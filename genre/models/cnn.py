"""Convolutions over a mel spectrogram; lengths are kept but for the two poolings."""

from collections.abc import Sequence

from torch import Tensor, nn


class Cnn1d(nn.Module):
    """Three convolutions along time; the mels are channels.

    Args:
        n_mels: Mel bands of the input.
        hidden_dim: Channels of the first convolution; the others have two and four times as many.
        dropout: After the last convolution.
        pool_sizes: Of the max-poolings after the first and the second convolution; 1 for none.
    """

    def __init__(self, n_mels: int, hidden_dim: int, dropout: float, pool_sizes: Sequence[int] = (2, 2)) -> None:
        super().__init__()
        first, second = pool_sizes
        self.channels = 4 * hidden_dim
        self.layers = nn.Sequential(
            nn.Conv1d(n_mels, hidden_dim, 5, padding="same"),
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.MaxPool1d(first),
            nn.Conv1d(hidden_dim, 2 * hidden_dim, 3, padding="same"),
            nn.BatchNorm1d(2 * hidden_dim),
            nn.ReLU(),
            nn.MaxPool1d(second),
            nn.Conv1d(2 * hidden_dim, 4 * hidden_dim, 3, padding="same"),
            nn.BatchNorm1d(4 * hidden_dim),
            nn.ReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, mel: Tensor) -> Tensor:
        """Turn frames into steps.

        Args:
            mel: Shape (batch, time, mels).

        Returns:
            Shape (batch, steps, channels): time // 4 steps with the study's pool sizes.
        """
        return self.layers(mel.transpose(1, 2)).transpose(1, 2)


class Cnn2d(nn.Module):
    """Three convolutions over time and mels; each step holds the channels of all remaining mels.

    Args:
        n_mels: Mel bands of the input.
        hidden_dim: Channels of the first convolution; the others have two and four times as many.
        dropout: Of whole channels, after the last convolution.
        pool_sizes: Of the max-poolings after the first and the second convolution; 1 for none.
    """

    def __init__(self, n_mels: int, hidden_dim: int, dropout: float, pool_sizes: Sequence[int] = (2, 2)) -> None:
        super().__init__()
        first, second = pool_sizes
        self.channels = 4 * hidden_dim * (n_mels // first // second)
        self.layers = nn.Sequential(
            nn.Conv2d(1, hidden_dim, 5, padding="same"),
            nn.BatchNorm2d(hidden_dim),
            nn.ReLU(),
            nn.MaxPool2d(first),
            nn.Conv2d(hidden_dim, 2 * hidden_dim, 3, padding="same"),
            nn.BatchNorm2d(2 * hidden_dim),
            nn.ReLU(),
            nn.MaxPool2d(second),
            nn.Conv2d(2 * hidden_dim, 4 * hidden_dim, 3, padding="same"),
            nn.BatchNorm2d(4 * hidden_dim),
            nn.ReLU(),
            nn.Dropout2d(dropout),
        )

    def forward(self, mel: Tensor) -> Tensor:
        """Turn frames into steps.

        Args:
            mel: Shape (batch, time, mels).

        Returns:
            Shape (batch, steps, channels): time // 4 steps with the study's pool sizes.
        """
        return self.layers(mel.unsqueeze(1)).transpose(1, 2).flatten(2)
