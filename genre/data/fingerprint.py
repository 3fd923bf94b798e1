"""Fingerprints of cached clips, and how alike two of them are at the best shift in time."""

import numpy as np
import pandas as pd
from scipy import fft
from scipy.ndimage import convolve1d

from genre.data.cache.feature_cache import FeatureCache

BANDS, STEPS = 16, 256
"""Size of a fingerprint of up to 30 s; a longer clip has as many steps per second as one of 30 s."""
SMOOTHING = np.array([1.0, 3.0, 4.0, 3.0, 1.0]) / 12
"""Weights over neighboring steps, so that a shift by half a step costs little."""
QUIET = 0.25
"""Steps below this share of the loudest one do not count: a pause before the music would outweigh the music."""
SHIFT_SECONDS = 5.0
"""Copies are found up to this shift."""
OVERLAP = 0.5
"""At a shift both clips must have this share of their energy in common time."""
READ = 256
"""Clips read at once."""
PAIRS = 20_000
"""Pairs compared at once, in some 25 MB."""


def fingerprints(cache: FeatureCache, tracks: pd.DataFrame) -> np.ndarray:
    """Describe how the spectrum of each clip changes over time.

    Features are pooled into bands and steps. The mean over the bands is removed from each step, because fades and the
    beat make unlike music alike, and the mean over time from each band. Padding and silence are 0.

    Args:
        cache: Holds the features.
        tracks: With the cache's `shard`, `row` and `duration`.

    Returns:
        float32, shape (tracks, steps, bands); zero where nothing sounds, or nothing changes.
    """
    spec, prints = cache.spec, []
    frames, durations = spec.n_frames, tracks["duration"].to_numpy().clip(max=spec.clip_seconds)
    shards, rows = tracks["shard"].to_numpy(), tracks["row"].to_numpy()
    steps = np.linspace(0, frames, min(frames, max(STEPS, round(STEPS * spec.clip_seconds / 30))) + 1).astype(int)
    for first in range(0, len(tracks), READ):
        chosen = slice(first, first + READ)
        clips = cache.read_windows(shards[chosen], rows[chosen], [0] * len(shards[chosen]), frames).astype(np.float32)
        bands = np.linspace(0, clips.shape[2], min(BANDS, clips.shape[2]) + 1).astype(int)
        pooled = np.add.reduceat(np.add.reduceat(clips, steps[:-1], axis=1), bands[:-1], axis=2)
        pooled /= np.diff(steps)[:, None] * np.diff(bands)
        pooled = convolve1d(pooled, SMOOTHING, axis=1, mode="nearest")
        loud = pooled.mean(axis=2, keepdims=True)
        sound = (steps[1:] <= [[spec.features.n_frames(seconds)] for seconds in durations[chosen]])[:, :, None]
        sound &= loud >= QUIET * (loud * sound).max(axis=1, keepdims=True)
        pooled -= loud
        pooled -= pooled.sum(axis=1, where=sound, keepdims=True) / sound.sum(axis=1, keepdims=True).clip(min=1)
        prints.append(np.where(np.abs(pooled) > 1e-5, pooled, 0) * sound)
    return np.concatenate(prints)


def likeness(first: np.ndarray, second: np.ndarray, shift: int) -> np.ndarray:
    """Correlate all pairs of fingerprints at the shift that suits each pair best.

    Args:
        first: Fingerprints, shape (n, steps, bands).
        second: Fingerprints, shape (m, steps, bands).
        shift: Steps by which either may be late.

    Returns:
        The largest correlation of the time in common, shape (n, m); 0 for pairs without enough of it.
    """
    steps = first.shape[1]
    shifts, length = np.arange(-shift, shift + 1), fft.next_fast_len(steps + shift, real=True)
    scales = _scale(first, shifts), _scale(second, -shifts)
    spectrum = fft.rfft(first, length, axis=1).transpose(1, 0, 2)
    other = fft.rfft(second, length, axis=1).conj().transpose(1, 2, 0)
    result = np.zeros((len(first), len(second)), dtype=np.float32)
    size = max(1, PAIRS // len(second))
    for start in range(0, len(first), size):
        rows = slice(start, start + size)
        products = fft.irfft(spectrum[:, rows] @ other, length, axis=0)[shifts]
        products *= scales[0][:, rows, None]
        products *= scales[1][:, None, :]
        result[rows] = products.max(axis=0)
    return result


def _scale(prints: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """One over the norm of what another clip, late by each shift, has in common time; shape (shifts, tracks)."""
    energy = np.pad((prints**2).sum(axis=2).cumsum(axis=1), ((0, 0), (1, 0)))
    end = prints.shape[1] + np.minimum(shifts, 0)
    common = energy[:, end] - energy[:, np.maximum(shifts, 0)]
    enough = (common >= OVERLAP * energy[:, -1:]) & (common > 0)
    return (enough / np.sqrt(np.where(enough, common, 1))).T.astype(np.float32)
