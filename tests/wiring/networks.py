"""Networks that depend only on which of four pitches a clip has, and the tracks that have these pitches."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

PITCH = (200.0, 700.0, 2500.0, 6000.0)
"""Of codes 0 to 3: the first two are of genre A, the others of B; 1 and 2 have x = 1, the others x = 0."""
EDGES = (2, 6, 11)
"""Loudest of 16 mel bands from which on a clip has the next code."""
TRACKS = {"training": (0, 0, 0, 1, 2, 2, 2, 3, 0, 1), "validation": (0, 1, 0, 2, 3), "test": (0, 1, 2, 2, 3)}
"""Code of each track."""


def genre_of(code: int) -> int:
    return code // 2


def x_of(code: int) -> int:
    return int(code in (1, 2))


def codes(mel: Tensor) -> Tensor:
    """Code of each clip, shape (batch,), by its features, shape (batch, time, 16)."""
    return torch.bucketize(mel.mean(dim=1).argmax(dim=1), torch.tensor(EDGES, device=mel.device), right=True)


class Line(nn.Module):
    """Two parameters: the logits of A and B are 0 and `weight` x + `bias`."""

    start: ClassVar[tuple[float, float]] = (1.5, -0.5)

    def __init__(self, num_classes: int, n_mels: int, **_: object) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(self.start[0]))
        self.bias = nn.Parameter(torch.tensor(self.start[1]))

    def forward(self, mel: Tensor) -> Tensor:
        code = codes(mel)
        x = ((code == 1) | (code == 2)).float()
        logit = self.weight * x + self.bias
        return torch.stack([torch.zeros_like(logit), logit], dim=1)


class Scripted(nn.Module):
    """Answers as a script says for the epoch, and learns nothing; one training batch makes an epoch.

    Attributes:
        judged: For each epoch by how much the right answer is ahead of the wrong one in validation and test, for tracks
            of A and of B; the last row also holds for all later epochs.
        learning: The same in training.
    """

    judged: ClassVar[Sequence[tuple[float, float]]] = ((0.0, 0.0),)
    learning: ClassVar[Sequence[tuple[float, float]]] = ((0.0, 0.0),)

    def __init__(self, num_classes: int, n_mels: int, **_: object) -> None:
        super().__init__()
        self.parameter = nn.Parameter(torch.zeros(()))
        self.register_buffer("epochs", torch.zeros((), dtype=torch.long))

    def forward(self, mel: Tensor) -> Tensor:
        if mel.device.type == "meta":
            return mel.new_zeros(len(mel), 2)
        if self.training:
            self.epochs += 1
        script = self.learning if self.training else self.judged
        row = torch.tensor(script[min(int(self.epochs), len(script)) - 1])
        genre = codes(mel) // 2
        ahead = row[genre] * (2.0 * genre - 1) + 0 * self.parameter
        return torch.stack([-ahead / 2, ahead / 2], dim=1)


class Recorder(Line):
    """Keeps what it is given."""

    seen: ClassVar[dict[bool, list[Tensor]]]

    def forward(self, mel: Tensor) -> Tensor:
        if mel.device.type != "meta":
            self.seen.setdefault(self.training, []).append(mel.detach().clone())
        return super().forward(mel)
