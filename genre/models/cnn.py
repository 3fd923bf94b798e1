"""Convolutions over a mel spectrogram; lengths are kept but for two poolings by 2."""

from torch import Tensor, nn


class Cnn1d(nn.Module):
    """Three convolutions along time; the mels are channels.

    Args:
        n_mels: Mel bands of the input.
        hidden_dim: Channels of the first convolution; the others have two and four times as many.
        dropout: After the last convolution.
    """

    def __init__(self, n_mels: int, hidden_dim: int, dropout: float) -> None:
        super().__init__()
        self.channels = 4 * hidden_dim
        self.layers = nn.Sequential(
            nn.Conv1d(n_mels, hidden_dim, 5, padding="same"),
            nn.BatchNorm1d(hidden_dim),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(hidden_dim, 2 * hidden_dim, 3, padding="same"),
            nn.BatchNorm1d(2 * hidden_dim),
            nn.ReLU(),
            nn.MaxPool1d(2),
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
            Shape (batch, time // 4, channels).
        """
        return self.layers(mel.transpose(1, 2)).transpose(1, 2)


class Cnn2d(nn.Module):
    """Three convolutions over time and mels; each step holds the channels of all remaining mels.

    Args:
        n_mels: Mel bands of the input.
        hidden_dim: Channels of the first convolution; the others have two and four times as many.
        dropout: Of whole channels, after the last convolution.
    """

    def __init__(self, n_mels: int, hidden_dim: int, dropout: float) -> None:
        super().__init__()
        self.channels = 4 * hidden_dim * (n_mels // 4)
        self.layers = nn.Sequential(
            nn.Conv2d(1, hidden_dim, 5, padding="same"),
            nn.BatchNorm2d(hidden_dim),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(hidden_dim, 2 * hidden_dim, 3, padding="same"),
            nn.BatchNorm2d(2 * hidden_dim),
            nn.ReLU(),
            nn.MaxPool2d(2),
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
            Shape (batch, time // 4, channels).
        """
        return self.layers(mel.unsqueeze(1)).transpose(1, 2).flatten(2)
