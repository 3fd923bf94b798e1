"""The one rule of cutting windows and joining what a network says of them."""

from collections.abc import Callable

import torch
from torch import Tensor


def window_starts(frames: int, window: int) -> list[int]:
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


def split_windows(mel: Tensor, window: int | None, frames: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Cut clips into overlapping windows that lie within the sound.

    Args:
        mel: Shape (batch, time, mels).
        window: Frames per window; None for the whole clip, padding included.
        frames: Frames of each clip that hold sound, shape (batch,); None where all do. A clip with less sound than a
            window gives its first window.

    Returns:
        Windows, shape (batch, windows, min(window, time), mels); which of them count, shape (batch, windows). Clips
        with less sound than others have fewer windows, and repeat their last one without counting it.
    """
    time = mel.shape[1]
    window = min(window or time, time)
    every = window_starts(time, window)
    sound = [time] * len(mel) if frames is None or window == time else frames.tolist()
    own = [every if length >= time else window_starts(max(length, window), window) for length in sound]
    padded = [offsets + offsets[-1:] * (len(every) - len(offsets)) for offsets in own]
    first = torch.tensor(padded, device=mel.device)
    counts = torch.tensor([len(offsets) for offsets in own], device=mel.device)
    rows = torch.arange(len(mel), device=mel.device)[:, None, None]
    windows = mel[rows, first[:, :, None] + torch.arange(window, device=mel.device)]
    return windows, torch.arange(len(every), device=mel.device) < counts[:, None]


def track_logits(
    net: Callable[[Tensor], Tensor], mel: Tensor, window: int | None, frames: Tensor | None = None
) -> Tensor:
    """Classify whole tracks: the log of the mean of their windows' probabilities.

    Args:
        net: Windows (batch, time, mels) -> logits (batch, classes).
        mel: Tracks, shape (batch, time, mels).
        window: Frames per window; None for one window per track.
        frames: Frames of each track that hold sound, shape (batch,); None where all do.

    Returns:
        Log-probabilities, shape (batch, classes).
    """
    windows, counted = split_windows(mel, window, frames)
    log_probabilities = net(windows.flatten(0, 1)).float().log_softmax(dim=-1).unflatten(0, counted.shape)
    log_probabilities = log_probabilities.masked_fill(~counted[:, :, None], -torch.inf)
    return log_probabilities.logsumexp(dim=1) - counted.sum(dim=1, keepdim=True).float().log()


def track_embedding(
    embed: Callable[[Tensor], Tensor], mel: Tensor, window: int | None, frames: Tensor | None = None
) -> Tensor:
    """Embed whole tracks: the mean of their windows' embeddings.

    Args:
        embed: Windows (batch, time, mels) -> embeddings (batch, channels).
        mel: Tracks, shape (batch, time, mels).
        window: Frames per window; None for one window per track.
        frames: Frames of each track that hold sound, shape (batch,); None where all do.

    Returns:
        Shape (batch, channels).
    """
    windows, counted = split_windows(mel, window, frames)
    embeddings = embed(windows.flatten(0, 1)).unflatten(0, counted.shape)
    return embeddings.where(counted[:, :, None], 0).sum(dim=1) / counted.sum(dim=1, keepdim=True)
