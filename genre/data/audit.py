"""What crosses a split: artists, albums, the same audio, and nearly the same audio."""

import numpy as np
import pandas as pd

from genre.data.cache import Cache
from genre.data.prepare import Prepared
from genre.data.tracks import PARTS

BANDS, STEPS = 16, 64
"""Size of a fingerprint: 1024 numbers a track."""
ALIKE = 0.9
"""Correlation from which on two fingerprints count as nearly the same recording."""
BLOCK = 2048
READ = 256
KINDS = ("artist", "album", "same audio", "nearly the same audio")


def crossings(prepared: Prepared) -> pd.DataFrame:
    """List what stands in more than one part of a split.

    Args:
        prepared: A collection with its split.

    Returns:
        One row a name or pair of tracks: `kind` (one of `KINDS`), `name`, `parts` (such as `train, test`), `tracks`
        (how many). Empty where nothing crosses.
    """
    tracks = prepared.tracks
    found = [_shared(tracks, tracks[column], column) for column in KINDS[:2]]
    first_title = tracks.groupby("audio_digest")["track_id"].transform(" = ".join)
    found.append(_shared(tracks, first_title, KINDS[2]))
    found.append(_alike(tracks, fingerprints(prepared.cache, tracks)))
    return pd.concat(found, ignore_index=True)


def fingerprints(cache: Cache, tracks: pd.DataFrame) -> np.ndarray:
    """Describe how each clip's bands rise and fall: pooled features, less each band's mean, of length 1.

    Only the sound counts, not the silence that fills a short clip up: that would make all short clips alike.

    Args:
        cache: Holds the features.
        tracks: With the cache's `shard`, `row` and `duration`.

    Returns:
        float32, shape (tracks, at most BANDS * STEPS); zero where nothing sounds, or nothing changes.
    """
    recipe, prints = cache.recipe, []
    frames, durations = recipe.frames, tracks["duration"].to_numpy().clip(max=recipe.clip_seconds)
    shards, rows = tracks["shard"].to_numpy(), tracks["row"].to_numpy()
    for first in range(0, len(tracks), READ):
        chosen = slice(first, first + READ)
        clips = cache.read(shards[chosen], rows[chosen], [0] * len(shards[chosen]), frames).astype(np.float32)
        steps = np.linspace(0, frames, min(STEPS, frames) + 1).astype(int)[:-1]
        bands = np.linspace(0, clips.shape[2], min(BANDS, clips.shape[2]) + 1).astype(int)[:-1]
        pooled = np.add.reduceat(np.add.reduceat(clips, steps, axis=1), bands, axis=2)
        pooled /= np.diff([*steps, frames])[:, None] * np.diff([*bands, clips.shape[2]])
        ends = np.array([*steps, frames])[1:]
        sound = (ends <= [[recipe.features.frames(seconds)] for seconds in durations[chosen]])[:, :, None]
        pooled -= pooled.sum(axis=1, where=sound, keepdims=True) / sound.sum(axis=1, keepdims=True).clip(min=1)
        pooled *= sound
        flat = pooled.reshape(len(pooled), -1)
        prints.append(flat / np.linalg.norm(flat, axis=1, keepdims=True).clip(min=1e-6))
    return np.concatenate(prints)


def _shared(tracks: pd.DataFrame, names: pd.Series, kind: str) -> pd.DataFrame:
    """Names that stand in several parts."""
    by_name = tracks.groupby(names)["split"]
    crossing = by_name.nunique() > 1
    parts = by_name.agg(lambda values: ", ".join(part for part in PARTS if part in set(values)))[crossing]
    return pd.DataFrame({"kind": kind, "name": parts.index, "parts": parts, "tracks": by_name.size()[crossing]})


def _alike(tracks: pd.DataFrame, prints: np.ndarray) -> pd.DataFrame:
    """Pairs of different audio across parts whose fingerprints are alike."""
    part, digest = tracks["split"].to_numpy(), tracks["audio_digest"].to_numpy()
    ids, rows = tracks["track_id"].to_numpy(), []
    for first in range(0, len(prints), BLOCK):
        for second in range(first, len(prints), BLOCK):
            alike = prints[first : first + BLOCK] @ prints[second : second + BLOCK].T >= ALIKE
            for one, other in np.argwhere(alike) + np.array([first, second]):
                if one < other and part[one] != part[other] and digest[one] != digest[other]:
                    parts = ", ".join(name for name in PARTS if name in (part[one], part[other]))
                    rows.append((KINDS[3], f"{ids[one]} ~ {ids[other]}", parts, 2))
    return pd.DataFrame(rows, columns=["kind", "name", "parts", "tracks"])
