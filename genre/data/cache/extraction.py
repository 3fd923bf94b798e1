"""One shard of the cache: decode its files, compute their features, write them whole or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
import torch

from genre.audio.decoding import AudioError, Clip, load_clip
from genre.audio.features import LogMel
from genre.data.cache.file_states import file_digest, unreadable
from genre.data.cache.shards import CHECKSUM, EMPTY_ROW, shard_path, write_array, write_table

HASHED = 1 << 28
"""Bytes: a rejected file that is larger is not hashed, as its header alone shows that it is no sound."""
SYSTEM = 2
"""libsndfile's code for an error of the system, such as EIO or EMFILE. No file's content causes it."""


@dataclass(frozen=True)
class FeatureSpec:
    """What the numbers in a cache depend on, files aside.

    Attributes:
        features: The module that makes them.
        clip_seconds: Length of a clip.
        clip_start: Where in the track it begins: seconds, or `middle`.
    """

    features: LogMel
    clip_seconds: float
    clip_start: float | str

    @property
    def cache_key(self) -> dict[str, Any]:
        """Plain values that name the spec, the same for settings that are equal."""
        start = self.clip_start if isinstance(self.clip_start, str) else float(self.clip_start)
        return {**self.features.cache_key, "clip_seconds": float(self.clip_seconds), "clip_start": start}

    @property
    def cache_key_as_typed(self) -> dict[str, Any]:
        """The same as it was typed, which is how caches used to be named."""
        return {**self.features.cache_key_as_typed, "clip_seconds": self.clip_seconds, "clip_start": self.clip_start}

    @property
    def n_frames(self) -> int:
        """Frames a clip."""
        return self.features.n_frames(self.clip_seconds)

    def n_segment_frames(self, segment_seconds: float | None) -> int | None:
        """Frames a window of so many seconds; None for the whole clip."""
        return self.features.n_frames(segment_seconds) if segment_seconds else None


@dataclass(frozen=True)
class Shard:
    """The unit of work: some files, by their paths relative to `root`, and where their features go."""

    number: int
    paths: list[str]
    root: Path
    folder: Path
    spec: FeatureSpec

    @property
    def array_path(self) -> Path:
        """float16 features of the files that gave sound, shape (clips, time, bins)."""
        return shard_path(self.folder, self.number, ".npy")


def extract_shard(shard: Shard) -> int:
    """Make one shard: an array and a table with one row per file; the table's appearance makes it whole.

    Args:
        shard: What to do.

    Returns:
        How many files it covers.

    Raises:
        GenreError: The disk is full, or the system could not read a file.
    """
    torch.set_num_threads(1)  # more threads a worker than cores make everything slower
    rows: list[dict[str, Any]] = []
    arrays: list[np.ndarray] = []
    for path in shard.paths:
        row, array = _extract(shard.root / path, shard.spec)
        row |= {"path": path, "shard": shard.number, "row": -1 if array is None else len(arrays)}
        rows.append(row)
        if array is not None:
            arrays.append(array)
    shape = (0, shard.spec.n_frames, shard.spec.features.n_features)
    checksum = write_array(shard.array_path, np.stack(arrays) if arrays else np.empty(shape, np.float16))
    write_table(shard.array_path.with_suffix(".parquet"), pd.DataFrame(rows).assign(**{CHECKSUM: checksum}))
    return len(rows)


def _extract(path: Path, spec: FeatureSpec) -> tuple[dict[str, Any], np.ndarray | None]:
    row = dict(EMPTY_ROW)
    try:
        status = path.stat()
        row |= {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        clip = _read(path, spec)
        row["file_digest"] = file_digest(path)
    except FileNotFoundError:
        return row | {"reason": "missing_file", "detail": "it vanished meanwhile"}, None
    except AudioError as error:
        return row | {"reason": error.reason, "detail": error.detail, "file_digest": _digest(path)}, None
    except (OSError, MemoryError) as error:  # it says nothing about the file, so it must not be remembered with it
        raise unreadable(path, error) from error
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


def _read(path: Path, spec: FeatureSpec) -> Clip:
    """Decode a file; a failure is believed if it comes again and the system can read the file to its end."""
    try:
        clip = load_clip(path, spec.features.sample_rate, spec.clip_seconds, spec.clip_start)
        if clip.decoded_fraction >= 1:
            return clip
    except AudioError:
        pass
    _digest(path)
    try:
        return load_clip(path, spec.features.sample_rate, spec.clip_seconds, spec.clip_start)
    except AudioError as error:
        cause = error.__cause__
        if isinstance(cause, soundfile.LibsndfileError) and cause.code == SYSTEM:
            raise OSError(None, cause.error_string) from error
        raise


def _digest(path: Path) -> str:
    """Hash of a file that gave no usable sound; nothing for a pipe, a device or a huge file, which are not read."""
    return file_digest(path) if path.is_file() and path.stat().st_size <= HASHED else ""
