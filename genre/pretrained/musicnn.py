"""musicnn (Pons and Serra, 2019, arXiv:1909.06654): a convolutional network that tags music, as PyTorch modules.

Layers are named after what they do. `convert` maps the variables of the published TensorFlow checkpoint to them.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BANDS = 96
PATCH_FRAMES = 187
TIMBRAL = (38, 67)
"""Heights of the timbral filters in mel bands; both are 7 frames long."""
TEMPORAL = (128, 64, 32)
"""Lengths of the temporal filters in frames."""
TAG_LIST = (
    "rock,pop,alternative,indie,electronic,female vocalists,dance,00s,alternative rock,jazz,beautiful,metal,chillout,"
    "male vocalists,classic rock,soul,indie rock,Mellow,electronica,80s,folk,90s,chill,instrumental,punk,oldies,blues,"
    "hard rock,ambient,acoustic,experimental,female vocalist,guitar,Hip-Hop,70s,party,country,easy listening,sexy,"
    "catchy,funk,electro,heavy metal,Progressive rock,60s,rnb,indie pop,sad,House,happy"
)
TAGS = TAG_LIST.split(",")
"""Names of the outputs."""


def normalization(channels: int, dimensions: int) -> nn.Module:
    """Batch normalization with TensorFlow's epsilon."""
    return (nn.BatchNorm1d if dimensions == 1 else nn.BatchNorm2d)(channels, eps=1e-3)


class Block(nn.Module):
    """Convolution, ReLU and batch normalization, then the maximum over the mel bands.

    Args:
        channels: Filters.
        frames: Length of a filter.
        bands: Height of a filter.
    """

    def __init__(self, channels: int, frames: int, bands: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, channels, (frames, bands))
        self.norm = normalization(channels, 2)
        self.padding = (0, 0, (frames - 1) // 2, frames // 2)  # time only, as TensorFlow pads

    def forward(self, mel: Tensor) -> Tensor:
        """Log-mel, shape (batch, 1, time, bands) -> shape (batch, channels, time)."""
        return self.norm(self.conv(F.pad(mel, self.padding)).relu()).amax(dim=3)


class Layer(nn.Module):
    """One-dimensional convolution over 7 frames, ReLU and batch normalization.

    Args:
        inputs: Input channels.
        channels: Filters.
    """

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, channels, 7, padding=3)
        self.norm = normalization(channels, 1)

    def forward(self, steps: Tensor) -> Tensor:
        """Both shapes (batch, channels, time)."""
        return self.norm(self.conv(steps).relu())


class MusicnnNetwork(nn.Module):
    """The tagger MSD_musicnn: 96 mel bands at 62.5 frames per second -> 50 tags.

    Attributes:
        n_channels: Channels per frame before the pooling over time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.input_norm = normalization(1, 2)
        self.timbral = nn.ModuleList(Block(204, 7, bands) for bands in TIMBRAL)
        self.temporal = nn.ModuleList(Block(51, frames, 1) for frames in TEMPORAL)
        front = 204 * len(TIMBRAL) + 51 * len(TEMPORAL)
        self.layers = nn.ModuleList([Layer(front, 64), Layer(64, 64), Layer(64, 64)])
        self.n_channels = front + 3 * 64
        self.pooled_norm = normalization(2 * self.n_channels, 1)
        self.dense = nn.Linear(2 * self.n_channels, 200)
        self.dense_norm = normalization(200, 1)
        self.output = nn.Linear(200, len(TAGS))

    def channels(self, mel: Tensor) -> Tensor:
        """Compute the channels of each frame.

        Args:
            mel: log10(1 + 10000 * mel power), shape (batch, time, 96).

        Returns:
            Outputs of the front end and of the three layers behind it, shape (batch, 753, time).
        """
        normalized = self.input_norm(mel[:, None])
        front = torch.cat([block(normalized) for block in (*self.timbral, *self.temporal)], dim=1)
        outputs = [front, self.layers[0](front)]
        for layer in list(self.layers)[1:]:
            outputs.append(outputs[-1] + layer(outputs[-1]))
        return torch.cat(outputs, dim=1)

    def forward(self, mel: Tensor) -> Tensor:
        """Tag patches: log-mel, shape (batch, time, 96) -> probabilities of `TAGS`, shape (batch, 50)."""
        channels = self.channels(mel)
        pooled = torch.stack([channels.amax(dim=2), channels.mean(dim=2)], dim=2).flatten(1)
        hidden = self.dense_norm(self.dense(self.pooled_norm(pooled)).relu())
        return self.output(hidden).sigmoid()


def convert(variables: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a `MusicnnNetwork` from the variables of the TensorFlow checkpoint.

    Args:
        variables: Tensors by variable name; kernels as (time, bands, inputs, filters).

    Returns:
        State of the network.
    """
    blocks = [f"timbral.{i}" for i in range(len(TIMBRAL))] + [f"temporal.{i}" for i in range(len(TEMPORAL))]
    layers = [f"layers.{i}" for i in range(3)]
    norms = ["input_norm", *(f"{name}.norm" for name in (*blocks, *layers)), "pooled_norm", "dense_norm"]
    state = {}
    for number, name in enumerate(norms):
        source = f"batch_normalization_{number}" if number else "batch_normalization"
        for ours, theirs in {
            "weight": "gamma",
            "bias": "beta",
            "running_mean": "moving_mean",
            "running_var": "moving_variance",
        }.items():
            state[f"{name}.{ours}"] = variables[f"{source}/{theirs}"]
        state[f"{name}.num_batches_tracked"] = torch.tensor(0)
    for number, name in enumerate((*blocks, *layers)):
        source = f"conv2d_{number}" if number else "conv2d"
        kernel = variables[f"{source}/kernel"]
        state[f"{name}.conv.weight"] = (
            kernel.permute(3, 2, 0, 1) if name in blocks else kernel[:, :, 0].permute(2, 1, 0)
        ).contiguous()
        state[f"{name}.conv.bias"] = variables[f"{source}/bias"]
    for source, name in {"dense": "dense", "dense_1": "output"}.items():
        state[f"{name}.weight"] = variables[f"{source}/kernel"].T.contiguous()
        state[f"{name}.bias"] = variables[f"{source}/bias"]
    return state
