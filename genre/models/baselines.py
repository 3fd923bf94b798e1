"""Baselines: class prior, linear model on mel statistics, CNN without recurrence.

`embed` and `forward` take log-mel clips in [0, 1], shape (batch, time, mels), as all networks do.
"""

import torch
from torch import Tensor, nn

from genre.models.cnn import Cnn2d, store_channels_last


def clip_statistics(mel: Tensor) -> Tensor:
    """Mean and standard deviation over time, shape (batch, 2 * mels), of clips, shape (batch, time, mels)."""
    return torch.cat([mel.mean(dim=1), mel.std(dim=1, correction=0)], dim=1)


class ClassPrior(nn.Module):
    """Predict the class frequencies of the training set for every clip.

    Args:
        num_classes: Number of genres.
        n_mels: Number of features per frame.
    """

    def __init__(self, num_classes: int, n_mels: int) -> None:
        super().__init__()
        self.register_buffer("log_share", torch.zeros(num_classes))

    def embed(self, mel: Tensor) -> Tensor:
        """Mean over time, shape (batch, mels); the prediction does not depend on it."""
        return mel.mean(dim=1)

    def forward(self, mel: Tensor) -> Tensor:
        """Logits, shape (batch, classes), the same for every clip."""
        return self.get_buffer("log_share").expand(len(mel), -1)


class MelStatisticsClassifier(nn.Module):
    """Linear model on the mean and the standard deviation of each mel band over time.

    Args:
        num_classes: Number of genres.
        n_mels: Number of features per frame.
    """

    def __init__(self, num_classes: int, n_mels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2 * n_mels))
        self.register_buffer("deviation", torch.ones(2 * n_mels))
        self.head = nn.Linear(2 * n_mels, num_classes)

    def embed(self, mel: Tensor) -> Tensor:
        """Standardized statistics, shape (batch, 2 * mels)."""
        return (clip_statistics(mel) - self.get_buffer("mean")) / self.get_buffer("deviation")

    def forward(self, mel: Tensor) -> Tensor:
        """Logits, shape (batch, classes)."""
        return self.head(self.embed(mel))


class PlainCnn2d(nn.Module):
    """The convolutions and the head of a 2D `CRNN`, with a mean over time in place of the recurrent network.

    Args:
        num_classes: Number of genres.
        n_mels: Number of features per frame.
        hidden_dim: Channels of the first convolution and width of the head.
        dropout: Dropout probability after the convolutions and in the head.
        input_norm: As for `CRNN`.
        channels_last: As for `CRNN`.
    """

    def __init__(
        self,
        num_classes: int,
        n_mels: int,
        hidden_dim: int = 64,
        dropout: float = 0.3,
        input_norm: bool = False,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm1d(n_mels, affine=False) if input_norm else nn.Identity()
        self.cnn = Cnn2d(n_mels, hidden_dim, dropout)
        if channels_last:
            store_channels_last(self.cnn)
        width = self.cnn.out_channels
        self.head = nn.Sequential(
            nn.Linear(width, hidden_dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden_dim, num_classes)
        )

    def embed(self, mel: Tensor) -> Tensor:
        """Input of the head, shape (batch, channels)."""
        mel = self.input_norm(mel.transpose(1, 2)).transpose(1, 2)  # mel bands are the channels
        return self.cnn(mel).mean(dim=1)

    def forward(self, mel: Tensor) -> Tensor:
        """Logits, shape (batch, classes)."""
        return self.head(self.embed(mel))
