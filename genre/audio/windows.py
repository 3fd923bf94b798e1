"""Cut clips into overlapping windows, and combine the outputs of a network over the windows of a track."""

from collections.abc import Callable

import torch
from torch import Tensor

MIN_FRAMES = 64
"""Shortest window that all networks accept."""
WINDOWS_AT_ONCE = 64
"""Windows that a network gets together in evaluation; as many as the batch has tracks, if these are more."""


def window_starts(frames: int, window: int) -> list[int]:
    """Return the first frames of half-overlapping windows of a clip; the last window ends with the clip."""
    last = max(0, frames - window)
    return [*range(0, last, max(1, window // 2)), last]


def split_windows(mel: Tensor, window: int | None, frames: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Cut clips into half-overlapping windows that contain no padding.

    Args:
        mel: Shape (batch, time, mels).
        window: Frames per window; None for the whole clip, including padding.
        frames: Frames of each clip without padding, shape (batch,); None if no clip is padded. A clip shorter than a
            window gives its first window.

    Returns:
        Windows, shape (batch, windows, min(window, time), mels), and a mask of valid windows, shape (batch, windows).
        Padded clips have fewer windows; they repeat their last one as invalid.
    """
    time = mel.shape[1]
    window = min(window or time, time)
    full = window_starts(time, window)
    lengths = [time] * len(mel) if frames is None or window == time else frames.tolist()
    starts = [full if length >= time else window_starts(max(length, window), window) for length in lengths]
    padded = torch.tensor([own + own[-1:] * (len(full) - len(own)) for own in starts], device=mel.device)
    counts = torch.tensor([len(own) for own in starts], device=mel.device)
    clips = torch.arange(len(mel), device=mel.device)[:, None, None]
    windows = mel[clips, padded[:, :, None] + torch.arange(window, device=mel.device)]
    return windows, torch.arange(len(full), device=mel.device) < counts[:, None]


def track_logits(
    net: Callable[[Tensor], Tensor], mel: Tensor, window: int | None, frames: Tensor | None = None
) -> Tensor:
    """Classify whole tracks: the logarithm of the mean probability over the windows of a track.

    Args:
        net: Windows (batch, time, mels) -> logits (batch, classes).
        mel: Tracks, shape (batch, time, mels).
        window: Frames per window; None for one window per track.
        frames: Frames of each track without padding, shape (batch,); None if no track is padded.

    Returns:
        Log-probabilities, shape (batch, classes).
    """
    windows, valid = split_windows(mel, window, frames)
    logits = _in_parts(net, windows).float()
    log_probabilities = logits.log_softmax(dim=-1).unflatten(0, valid.shape)
    log_probabilities = log_probabilities.masked_fill(~valid[:, :, None], -torch.inf)
    return log_probabilities.logsumexp(dim=1) - valid.sum(dim=1, keepdim=True).float().log()


def _in_parts(net: Callable[[Tensor], Tensor], windows: Tensor) -> Tensor:
    """Compute the output of all windows, shape (tracks, windows, time, mels) -> (tracks * windows, ...).

    The network gets a part at a time: all windows would need several times the memory of training.
    """
    parts = windows.flatten(0, 1).split(max(len(windows), WINDOWS_AT_ONCE))
    return torch.cat([net(part) for part in parts])


def track_embedding(
    embed: Callable[[Tensor], Tensor], mel: Tensor, window: int | None, frames: Tensor | None = None
) -> Tensor:
    """Embed whole tracks: the mean embedding over the windows of a track, shape (batch, channels).

    The arguments are those of `track_logits`; `embed` maps windows (batch, time, mels) to (batch, channels).
    """
    windows, valid = split_windows(mel, window, frames)
    embeddings = _in_parts(embed, windows).unflatten(0, valid.shape)
    return embeddings.where(valid[:, :, None], 0).sum(dim=1) / valid.sum(dim=1, keepdim=True)
