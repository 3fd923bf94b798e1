"""Convolutional front ends: frames of a mel spectrogram -> steps."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

LAYERS_1D = nn.Conv1d, nn.BatchNorm1d, nn.MaxPool1d, nn.Dropout
LAYERS_2D = nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.Dropout2d


def _layers(
    kinds: Sequence[type[nn.Module]], in_channels: int, hidden_dim: int, dropout: float, pool_sizes: Sequence[int]
) -> nn.Sequential:
    """Three convolutions with batch normalization and ReLU, max-pooling after the first two, dropout at the end.

    ReLU comes after the pooling: to the last digit the same as before it, on fewer values.
    """
    if hidden_dim < 1:  # torch makes an empty network of it
        raise ValueError(f"hidden_dim={hidden_dim} must be at least 1")
    if not isinstance(pool_sizes, Sequence) or len(pool_sizes) != 2 or min(pool_sizes) < 1:
        raise ValueError(f"pool_sizes={pool_sizes} must be two sizes of at least 1, such as [2,2]")
    conv, norm, pool, drop = kinds
    first, second = pool_sizes
    return nn.Sequential(
        *(conv(in_channels, hidden_dim, 5, padding="same"), norm(hidden_dim), pool(first), nn.ReLU()),
        *(conv(hidden_dim, 2 * hidden_dim, 3, padding="same"), norm(2 * hidden_dim), pool(second), nn.ReLU()),
        *(conv(2 * hidden_dim, 4 * hidden_dim, 3, padding="same"), norm(4 * hidden_dim), nn.ReLU(), drop(dropout)),
    )


def store_channels_last(layers: nn.Module) -> None:
    """Keep the channels of a pixel together in memory: 2D convolutions are faster, with other rounding."""
    layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class Cnn1d(nn.Module):
    """Convolutions along time, with the mel bands as channels.

    Args:
        n_mels: Number of features per frame.
        hidden_dim: Channels of the first convolution; the next two have two and four times as many.
        dropout: Dropout probability after the last convolution.
        pool_sizes: Sizes of the max-poolings after the first and the second convolution; 1 for none.
    """

    def __init__(self, n_mels: int, hidden_dim: int, dropout: float, pool_sizes: Sequence[int] = (2, 2)) -> None:
        super().__init__()
        self.out_channels = 4 * hidden_dim
        self.layers = _layers(LAYERS_1D, n_mels, hidden_dim, dropout, pool_sizes)

    def forward(self, mel: Tensor) -> Tensor:
        """Convert frames to steps.

        Args:
            mel: Log-mel in [0, 1], shape (batch, time, mels).

        Returns:
            Shape (batch, steps, channels), with time // 4 steps for pool sizes (2, 2).
        """
        return self.layers(mel.transpose(1, 2)).transpose(1, 2)


class Cnn2d(nn.Module):
    """Convolutions over time and mel bands. A step holds the channels of all remaining bands.

    Args:
        n_mels: Number of features per frame.
        hidden_dim: Channels of the first convolution; the next two have two and four times as many.
        dropout: Probability of dropping a whole channel after the last convolution.
        pool_sizes: Sizes of the max-poolings after the first and the second convolution; 1 for none.
    """

    def __init__(self, n_mels: int, hidden_dim: int, dropout: float, pool_sizes: Sequence[int] = (2, 2)) -> None:
        super().__init__()
        self.layers = _layers(LAYERS_2D, 1, hidden_dim, dropout, pool_sizes)
        self.out_channels = 4 * hidden_dim * (n_mels // pool_sizes[0] // pool_sizes[1])

    def forward(self, mel: Tensor) -> Tensor:
        """Convert frames to steps; shapes as for `Cnn1d`."""
        return self.layers(mel.unsqueeze(1)).transpose(1, 2).flatten(2)
