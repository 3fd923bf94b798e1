"""Detect leakage between splits: shared artists and albums, identical and near-identical audio."""

import math
from itertools import combinations

import numpy as np
import pandas as pd

from genre.data.fingerprint import SHIFT_SECONDS, fingerprints, similarity
from genre.data.prepared import PreparedData
from genre.data.tracks import SPLITS
from genre.progress import progress_bar

MIN_CORRELATION = 0.9
"""Fingerprints that correlate at least this much are near-identical audio. Among 646 real clips of 30 s, different
recordings reach at most 0.79; copies that are re-encoded and shifted by up to 2 s have at least 0.92."""
BLOCK_SIZE = 2048
"""Number of tracks of each of two splits compared at once."""
PROGRESS_BLOCKS = 3
"""Number of comparisons above which a progress bar is shown: with one block per split there are three."""
LEAK_KINDS = ("artist", "album", "same audio", "nearly the same audio")


def find_leaks(data: PreparedData) -> pd.DataFrame:
    """Find everything that is in more than one split.

    Args:
        data: A data set with its splits.

    Returns:
        One row per name or pair of tracks: `kind` (one of `LEAK_KINDS`), `name`, `parts` (the splits, such as `train,
        test`) and `tracks` (their number). Empty without leakage.
    """
    tracks = data.tracks
    leaks = [_shared_names(tracks, tracks[column], column) for column in LEAK_KINDS[:2]]
    titles = tracks.groupby("audio_digest")["track_id"].transform(" = ".join)
    leaks.append(_shared_names(tracks, titles, LEAK_KINDS[2]))
    prints = fingerprints(data.cache, tracks)
    max_shift = min(SHIFT_SECONDS / data.cache.spec.clip_seconds, 0.5) * prints.shape[1]
    leaks.append(_similar_pairs(tracks, prints, math.ceil(max_shift)))
    return pd.concat(leaks, ignore_index=True)


def _shared_names(tracks: pd.DataFrame, names: pd.Series, kind: str) -> pd.DataFrame:
    """Names that are in several splits."""
    by_name = tracks.groupby(names)["split"]
    shared = by_name.nunique() > 1
    splits = by_name.agg(lambda values: ", ".join(split for split in SPLITS if split in set(values)))[shared]
    return pd.DataFrame({"kind": kind, "name": splits.index, "parts": splits, "tracks": by_name.size()[shared]})


def _similar_pairs(tracks: pd.DataFrame, prints: np.ndarray, max_shift: int) -> pd.DataFrame:
    """Pairs of tracks in different splits with different audio but similar fingerprints."""
    digests, ids, pairs = tracks["audio_digest"].to_numpy(), tracks["track_id"].to_numpy(), []
    rows = {split: np.flatnonzero(tracks["split"] == split) for split in SPLITS}
    blocks = [
        (f"{one}, {other}", first, second)
        for one, other in combinations(SPLITS, 2)
        for first in _blocks(rows[one])
        for second in _blocks(rows[other])
    ]
    with progress_bar("comparing recordings", "blocks", len(blocks) > PROGRESS_BLOCKS) as progress:
        for splits, first, second in progress.track(blocks):
            similar = np.nonzero(similarity(prints[first], prints[second], max_shift) >= MIN_CORRELATION)
            found = zip(first[similar[0]], second[similar[1]], strict=True)
            pairs += [(min(pair), max(pair), splits) for pair in found]
    leaks = [
        (LEAK_KINDS[3], f"{ids[a]} ~ {ids[b]}", splits, 2) for a, b, splits in sorted(pairs) if digests[a] != digests[b]
    ]
    return pd.DataFrame(leaks, columns=["kind", "name", "parts", "tracks"])


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[first : first + BLOCK_SIZE] for first in range(0, len(rows), BLOCK_SIZE)]
