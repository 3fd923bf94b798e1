"""Compute fingerprints of cached clips, and their similarity at the best shift in time."""

import numpy as np
import pandas as pd
from scipy import fft
from scipy.ndimage import convolve1d

from genre.data.cache.feature_cache import FeatureCache

BANDS, STEPS = 16, 256
"""Size of the fingerprint of a clip of up to 30 s; longer clips have as many steps per second as one of 30 s."""
SMOOTHING = np.array([1.0, 3.0, 4.0, 3.0, 1.0]) / 12
"""Weights over neighboring steps, so that a shift by half a step costs little."""
MIN_LOUDNESS = 0.25
"""Steps below this fraction of the loudest one are ignored: a pause before the music would outweigh the music."""
SHIFT_SECONDS = 5.0
"""Copies are found up to this shift."""
OVERLAP = 0.5
"""Minimum fraction of each clip's energy in the overlap of two shifted clips."""
CLIPS_PER_READ = 256
PAIRS_PER_BLOCK = 20_000
"""Number of pairs compared at once, which takes about 25 MB."""


def fingerprints(cache: FeatureCache, tracks: pd.DataFrame) -> np.ndarray:
    """Describe how the spectrum of each clip changes over time.

    Features are averaged into bands and steps. The mean over the bands is removed from each step, because fades and
    beats make different music similar, and the mean over time from each band. Padding and silence are 0.

    Args:
        cache: The cache with the features.
        tracks: Track table with the cache's `shard`, `row` and `duration`.

    Returns:
        float32, shape (tracks, steps, bands); zero where a clip is silent or does not change.
    """
    spec, prints = cache.spec, []
    frames, durations = spec.n_frames, tracks["duration"].to_numpy().clip(max=spec.clip_seconds)
    shards, rows = tracks["shard"].to_numpy(), tracks["row"].to_numpy()
    steps = np.linspace(0, frames, min(frames, max(STEPS, round(STEPS * spec.clip_seconds / 30))) + 1).astype(int)
    for first in range(0, len(tracks), CLIPS_PER_READ):
        chosen = slice(first, first + CLIPS_PER_READ)
        clips = cache.read_windows(shards[chosen], rows[chosen], [0] * len(shards[chosen]), frames).astype(np.float32)
        bands = np.linspace(0, clips.shape[2], min(BANDS, clips.shape[2]) + 1).astype(int)
        pooled = np.add.reduceat(np.add.reduceat(clips, steps[:-1], axis=1), bands[:-1], axis=2)
        pooled /= np.diff(steps)[:, None] * np.diff(bands)
        pooled = convolve1d(pooled, SMOOTHING, axis=1, mode="nearest")
        loudness = pooled.mean(axis=2, keepdims=True)
        audible = (steps[1:] <= [[spec.features.n_frames(seconds)] for seconds in durations[chosen]])[:, :, None]
        audible &= loudness >= MIN_LOUDNESS * (loudness * audible).max(axis=1, keepdims=True)
        pooled -= loudness
        pooled -= pooled.sum(axis=1, where=audible, keepdims=True) / audible.sum(axis=1, keepdims=True).clip(min=1)
        prints.append(np.where(np.abs(pooled) > 1e-5, pooled, 0) * audible)
    return np.concatenate(prints)


def similarity(first: np.ndarray, second: np.ndarray, max_shift: int) -> np.ndarray:
    """Correlate all pairs of fingerprints, each pair at its best shift.

    Args:
        first: Fingerprints, shape (n, steps, bands).
        second: Fingerprints, shape (m, steps, bands).
        max_shift: Maximum shift in steps, in both directions.

    Returns:
        The largest correlation of the overlap, shape (n, m); 0 for pairs without enough overlap.
    """
    shifts, length = np.arange(-max_shift, max_shift + 1), fft.next_fast_len(first.shape[1] + max_shift, real=True)
    scale, other_scale = _inverse_norms(first, shifts), _inverse_norms(second, -shifts)
    spectrum = fft.rfft(first, length, axis=1).transpose(1, 0, 2)
    other = fft.rfft(second, length, axis=1).conj().transpose(1, 2, 0)
    result = np.zeros((len(first), len(second)), dtype=np.float32)
    size = max(1, PAIRS_PER_BLOCK // len(second))
    for start in range(0, len(first), size):
        rows = slice(start, start + size)
        products = fft.irfft(spectrum[:, rows] @ other, length, axis=0)[shifts]
        products *= scale[:, rows, None]
        products *= other_scale[:, None, :]
        result[rows] = products.max(axis=0)
    return result


def _inverse_norms(prints: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Inverse norm of the overlap with a clip that is delayed by each shift; 0 if too small; shape (shifts, tracks)."""
    energy = np.pad((prints**2).sum(axis=2).cumsum(axis=1), ((0, 0), (1, 0)))
    overlap = energy[:, prints.shape[1] + np.minimum(shifts, 0)] - energy[:, np.maximum(shifts, 0)]
    enough = (overlap >= OVERLAP * energy[:, -1:]) & (overlap > 0)
    return (enough / np.sqrt(np.where(enough, overlap, 1))).T.astype(np.float32)
