"""Extract one shard: decode its files, compute their features and write them atomically."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import torch

from genre.audio.decoding import AudioError, Clip, load_clip
from genre.audio.features import FeatureExtractor
from genre.data.cache.file_states import file_digest, read_error
from genre.data.cache.shards import CHECKSUM, EMPTY_ROW, shard_path, write_array, write_table

MAX_HASHED_BYTES = 1 << 28
"""A larger file that was rejected is not hashed: its header alone shows that it is not audio."""
SYSTEM_ERROR = 2
"""libsndfile's code for system errors such as EIO or EMFILE, which no file's content causes."""


@dataclass(frozen=True)
class FeatureSpec:
    """What the values in a cache depend on, apart from the files.

    Attributes:
        features: The module that computes the features.
        clip_seconds: Length of a clip.
        clip_start: Start of the clip in the track: seconds, or `middle`.
    """

    features: FeatureExtractor
    clip_seconds: float
    clip_start: float | str

    @property
    def cache_key(self) -> dict[str, Any]:
        """Plain values that identify the features; equal for equal settings."""
        start = self.clip_start if isinstance(self.clip_start, str) else float(self.clip_start)
        return {**self.features.cache_key, "clip_seconds": float(self.clip_seconds), "clip_start": start}

    @property
    def cache_key_as_typed(self) -> dict[str, Any]:
        """The same values as they were typed, by which version 0.1 named its caches."""
        return {**self.features.cache_key_as_typed, "clip_seconds": self.clip_seconds, "clip_start": self.clip_start}

    @property
    def n_frames(self) -> int:
        """Frames per clip."""
        return self.features.n_frames(self.clip_seconds)

    def n_segment_frames(self, segment_seconds: float | None) -> int | None:
        """Frames per segment; None for the whole clip."""
        return self.features.n_frames(segment_seconds) if segment_seconds else None


@dataclass(frozen=True)
class Shard:
    """The unit of work: files, by their paths relative to `root`, and the cache's folder for their features."""

    number: int
    paths: list[str]
    root: Path
    folder: Path
    spec: FeatureSpec


def extract_shard(shard: Shard) -> int:
    """Write a shard's array and table, with one table row per file; the table, written last, makes it complete.

    Args:
        shard: The shard.

    Returns:
        Number of files.

    Raises:
        GenreError: The disk is full, or the system could not read a file.
    """
    torch.set_num_threads(1)  # more threads than cores slow all workers down
    rows: list[dict[str, Any]] = []
    arrays: list[np.ndarray] = []
    for path in shard.paths:
        row, array = _extract(shard.root / path, shard.spec)
        rows.append(row | {"path": path, "shard": shard.number, "row": -1 if array is None else len(arrays)})
        if array is not None:
            arrays.append(array)
    empty = np.empty((0, shard.spec.n_frames, shard.spec.features.n_features), np.float16)
    checksum = write_array(shard_path(shard.folder, shard.number, ".npy"), np.stack(arrays) if arrays else empty)
    table = pd.DataFrame(rows).assign(**{CHECKSUM: checksum})
    write_table(shard_path(shard.folder, shard.number, ".parquet"), table)
    return len(rows)


def _extract(path: Path, spec: FeatureSpec) -> tuple[dict[str, Any], np.ndarray | None]:
    """Table row of a file and its float16 features, shape (time, mels); None for a rejected file."""
    row = dict(EMPTY_ROW)
    try:
        status = path.stat()
        row |= {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        clip = _load(path, spec)
        row["file_digest"] = file_digest(path)
    except FileNotFoundError:
        return row | {"reason": "missing_file", "detail": "file disappeared during extraction"}, None
    except AudioError as error:
        return row | {"reason": error.reason, "detail": error.detail, "file_digest": _digest(path)}, None
    except (OSError, MemoryError) as error:  # not a property of the file, so it must not be stored with it
        raise read_error(path, error) from error
    with torch.inference_mode():
        values, low, high = spec.features.forward_with_range(torch.from_numpy(clip.samples)[None])
    row |= {
        "audio_digest": clip.audio_digest,
        "duration": clip.duration,
        "rate": clip.sample_rate,
        "channels": clip.channels,
        "decoded": clip.decoded_fraction,
        "sounding": clip.active_fraction,
        "low": low.item(),
        "high": high.item(),
    }
    return row, values[0].numpy().astype(np.float16)


def _load(path: Path, spec: FeatureSpec) -> Clip:
    """Decode a clip. A failure counts only if it recurs and the system can read the file to its end."""
    arguments = (path, spec.features.sample_rate, spec.clip_seconds, spec.clip_start)
    try:
        clip = load_clip(*arguments)
        if clip.decoded_fraction >= 1:
            return clip
    except AudioError:
        pass
    _digest(path)
    try:
        return load_clip(*arguments)
    except AudioError as error:
        cause = error.__cause__
        if isinstance(cause, soundfile.LibsndfileError) and cause.code == SYSTEM_ERROR:
            raise OSError(None, cause.error_string) from error
        raise


def _digest(path: Path) -> str:
    """Hash a rejected file; empty for pipes, devices and very large files, which are not read."""
    return file_digest(path) if path.is_file() and path.stat().st_size <= MAX_HASHED_BYTES else ""
