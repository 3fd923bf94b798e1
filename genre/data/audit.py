"""Detect leakage between splits: shared artists and albums, identical and near-identical audio."""

import math
from itertools import combinations

import numpy as np
import pandas as pd

from genre.data.fingerprint import SHIFT_SECONDS, fingerprints, likeness
from genre.data.prepare import PreparedData
from genre.data.tracks import SPLITS

MIN_CORRELATION = 0.9
"""Correlation from which on two fingerprints count as nearly the same recording. Among 646 real clips of 30 s the most
alike others have 0.79; the least alike copies, encoded again and shifted by up to 2 s, have 0.92."""
BLOCK = 2048
"""Tracks of each of two splits compared at once."""
LEAK_KINDS = ("artist", "album", "same audio", "nearly the same audio")


def find_leaks(prepared: PreparedData) -> pd.DataFrame:
    """List what stands in more than one part of a split.

    Args:
        prepared: A collection with its split.

    Returns:
        One row a name or pair of tracks: `kind` (one of `KINDS`), `name`, `parts` (such as `train, test`), `tracks`
        (how many). Empty where nothing crosses.
    """
    tracks = prepared.tracks
    found = [_shared(tracks, tracks[column], column) for column in LEAK_KINDS[:2]]
    first_title = tracks.groupby("audio_digest")["track_id"].transform(" = ".join)
    found.append(_shared(tracks, first_title, LEAK_KINDS[2]))
    prints = fingerprints(prepared.cache, tracks)
    shift = min(SHIFT_SECONDS / prepared.cache.spec.clip_seconds, 0.5) * prints.shape[1]
    found.append(_alike(tracks, prints, math.ceil(shift)))
    return pd.concat(found, ignore_index=True)


def _shared(tracks: pd.DataFrame, names: pd.Series, kind: str) -> pd.DataFrame:
    """Names that stand in several parts."""
    by_name = tracks.groupby(names)["split"]
    crossing = by_name.nunique() > 1
    parts = by_name.agg(lambda values: ", ".join(part for part in SPLITS if part in set(values)))[crossing]
    return pd.DataFrame({"kind": kind, "name": parts.index, "parts": parts, "tracks": by_name.size()[crossing]})


def _alike(tracks: pd.DataFrame, prints: np.ndarray, shift: int) -> pd.DataFrame:
    """Pairs of different audio across parts whose fingerprints are alike at some shift."""
    digest, ids, rows = tracks["audio_digest"].to_numpy(), tracks["track_id"].to_numpy(), []
    of = {part: np.flatnonzero(tracks["split"] == part) for part in SPLITS}
    for one, other in combinations(SPLITS, 2):
        for first in _blocks(of[one]):
            for second in _blocks(of[other]):
                alike = np.nonzero(likeness(prints[first], prints[second], shift) >= MIN_CORRELATION)
                pairs = zip(first[alike[0]], second[alike[1]], strict=True)
                rows += [(min(pair), max(pair), f"{one}, {other}") for pair in pairs]
    found = [
        (LEAK_KINDS[3], f"{ids[a]} ~ {ids[b]}", parts, 2) for a, b, parts in sorted(rows) if digest[a] != digest[b]
    ]
    return pd.DataFrame(found, columns=["kind", "name", "parts", "tracks"])


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[first : first + BLOCK] for first in range(0, len(rows), BLOCK)]
