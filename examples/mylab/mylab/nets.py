"""Networks of this project."""

from torch import Tensor, nn


class Dilated(nn.Module):
    """Convolutions over time whose dilation doubles from layer to layer.

    Args:
        num_classes: Number of genres.
        n_mels: Number of features per frame.
        channels: Channels of each layer.
        num_layers: Number of layers.
    """

    def __init__(self, num_classes: int, n_mels: int, channels: int = 32, num_layers: int = 4) -> None:
        super().__init__()
        sizes = [n_mels] + [channels] * num_layers
        self.layers = nn.Sequential()
        for layer in range(num_layers):
            self.layers.append(nn.Conv1d(sizes[layer], channels, 3, padding="same", dilation=2**layer))
            self.layers.append(nn.BatchNorm1d(channels))
            self.layers.append(nn.ReLU())
        self.head = nn.Linear(channels, num_classes)

    def embed(self, mel: Tensor) -> Tensor:
        """Embed clips, shape (batch, time, mels) -> (batch, channels)."""
        return self.layers(mel.transpose(1, 2)).mean(dim=2)

    def forward(self, mel: Tensor) -> Tensor:
        """Classify clips, shape (batch, time, mels) -> logits, shape (batch, classes)."""
        return self.head(self.embed(mel))
