"""What a hybrid has to beat: nothing but counts, a linear model of mel statistics, convolutions without memory."""

import torch
from torch import Tensor, nn

from genre.models.cnn import Cnn2d


class ClassPrior(nn.Module):
    """Says of every clip how frequent the genres were in training.

    Args:
        num_classes: Number of genres.
        n_mels: Features a frame.
    """

    def __init__(self, num_classes: int, n_mels: int) -> None:
        super().__init__()
        self.register_buffer("log_share", torch.zeros(num_classes))

    def embed(self, mel: Tensor) -> Tensor:
        """Mean of the features, shape (batch, mels), of clips, shape (batch, time, mels); no answer depends on it."""
        return mel.mean(dim=1)

    def forward(self, mel: Tensor) -> Tensor:
        """The same logits, shape (batch, classes), for all clips, shape (batch, time, mels)."""
        return self.get_buffer("log_share").expand(len(mel), -1)


class MelStatisticsClassifier(nn.Module):
    """A linear model of each mel band's mean and standard deviation over time.

    Args:
        num_classes: Number of genres.
        n_mels: Features a frame.
    """

    def __init__(self, num_classes: int, n_mels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2 * n_mels))
        self.register_buffer("deviation", torch.ones(2 * n_mels))
        self.head = nn.Linear(2 * n_mels, num_classes)

    def statistics(self, mel: Tensor) -> Tensor:
        """Mean and deviation over time, shape (batch, 2 * mels), of clips, shape (batch, time, mels)."""
        return torch.cat([mel.mean(dim=1), mel.std(dim=1, correction=0)], dim=1)

    def embed(self, mel: Tensor) -> Tensor:
        """Standardised statistics, shape (batch, 2 * mels), of clips, shape (batch, time, mels)."""
        return (self.statistics(mel) - self.get_buffer("mean")) / self.get_buffer("deviation")

    def forward(self, mel: Tensor) -> Tensor:
        """Logits, shape (batch, classes), of clips, shape (batch, time, mels)."""
        return self.head(self.embed(mel))


class PlainCnn2d(nn.Module):
    """The 2D convolutions of the hybrids, a mean over time instead of a recurrent network, and their head.

    Args:
        num_classes: Number of genres.
        n_mels: Features a frame.
        hidden_dim: Channels of the first convolution and width of the head.
        dropout: After the convolutions and in the head.
    """

    def __init__(self, num_classes: int, n_mels: int, hidden_dim: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.cnn = Cnn2d(n_mels, hidden_dim, dropout)
        self.head = nn.Sequential(
            nn.Linear(self.cnn.channels, hidden_dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden_dim, num_classes)
        )

    def embed(self, mel: Tensor) -> Tensor:
        """What the head sees, shape (batch, channels), of clips, shape (batch, time, mels)."""
        return self.cnn(mel).mean(dim=1)

    def forward(self, mel: Tensor) -> Tensor:
        """Logits, shape (batch, classes), of clips, shape (batch, time, mels)."""
        return self.head(self.embed(mel))
