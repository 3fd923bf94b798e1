"""The one rule of cutting windows and joining what a network says of them."""

from collections.abc import Callable

import torch
from torch import Tensor


def starts(frames: int, window: int) -> list[int]:
    """First frames of windows that overlap by half; the last one ends with the clip.

    Args:
        frames: Length of the clip.
        window: Length of a window; a longer one is the whole clip.

    Returns:
        At least one start, ascending.
    """
    last = max(0, frames - window)
    inner = range(0, last, max(1, window // 2))
    return [*inner, last]


def cut(mel: Tensor, window: int | None) -> Tensor:
    """Cut clips into overlapping windows.

    Args:
        mel: Shape (batch, time, mels).
        window: Frames a window; None for the whole clip.

    Returns:
        Shape (batch, windows, min(window, time), mels).
    """
    frames = mel.shape[1]
    window = min(window or frames, frames)
    offsets = torch.tensor(starts(frames, window), device=mel.device)
    return mel[:, offsets[:, None] + torch.arange(window, device=mel.device)]


def track_logits(net: Callable[[Tensor], Tensor], mel: Tensor, window: int | None) -> Tensor:
    """Classify whole tracks: the log of the mean of their windows' probabilities.

    Args:
        net: Windows (batch, time, mels) -> logits (batch, classes).
        mel: Tracks, shape (batch, time, mels).
        window: Frames a window; None for one window a track.

    Returns:
        Log-probabilities, shape (batch, classes).
    """
    windows = cut(mel, window)
    count = windows.shape[1]
    log_probabilities = net(windows.flatten(0, 1)).float().log_softmax(dim=-1).unflatten(0, (-1, count))
    return log_probabilities.logsumexp(dim=1) - torch.tensor(float(count)).log().item()


def track_embedding(embed: Callable[[Tensor], Tensor], mel: Tensor, window: int | None) -> Tensor:
    """Embed whole tracks: the mean of their windows' embeddings.

    Args:
        embed: Windows (batch, time, mels) -> embeddings (batch, channels).
        mel: Tracks, shape (batch, time, mels).
        window: Frames a window; None for one window a track.

    Returns:
        Shape (batch, channels).
    """
    windows = cut(mel, window)
    return embed(windows.flatten(0, 1)).unflatten(0, (-1, windows.shape[1])).mean(dim=1)
