"""One shard of the cache: decode its files, compute their features, write them whole or not at all."""

import hashlib
import os
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from genre.audio import AudioError, read_clip, silence_decoder
from genre.data.workers import cores
from genre.features import LogMel

HASHED = 1 << 28
"""Bytes: a rejected file that is larger is not hashed, as its header alone shows that it is no sound."""


@dataclass(frozen=True)
class Recipe:
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
    def identity(self) -> dict[str, Any]:
        """Plain values that name the recipe."""
        return {**self.features.identity, "clip_seconds": self.clip_seconds, "clip_start": self.clip_start}

    @property
    def frames(self) -> int:
        """Frames a clip."""
        return self.features.frames(self.clip_seconds)

    def window(self, segment_seconds: float | None) -> int | None:
        """Frames a window of so many seconds; None for the whole clip."""
        return self.features.frames(segment_seconds) if segment_seconds else None


@dataclass(frozen=True)
class Shard:
    """The unit of work: some files, by their paths relative to `root`, and where their features go."""

    number: int
    paths: list[str]
    root: Path
    folder: Path
    recipe: Recipe

    @property
    def array_path(self) -> Path:
        """float16 features of the files that gave sound, shape (clips, time, bins)."""
        return shard_path(self.folder, self.number, ".npy")


def shard_path(folder: Path, number: int, suffix: str) -> Path:
    """Name of one file of a shard."""
    return folder / f"shard-{number:05d}{suffix}"


def local_executor(workers: int | None = None) -> Executor:
    """Processes on this machine.

    Args:
        workers: How many; null for one a core that this process may use.

    Returns:
        An executor whose processes start at its first task; torch is imported once for all of them.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["genre.data.extract"])
    return ProcessPoolExecutor(workers or cores(), mp_context=context, initializer=silence_decoder)


def extract_shard(shard: Shard) -> int:
    """Make one shard: an array and a table with one row a file; the table's appearance makes it whole.

    Args:
        shard: What to do.

    Returns:
        How many files it covers.
    """
    torch.set_num_threads(1)  # more threads a worker than cores make everything slower
    rows: list[dict[str, Any]] = []
    arrays: list[np.ndarray] = []
    for path in shard.paths:
        row, array = _extract(shard.root / path, shard.recipe)
        row |= {"path": path, "shard": shard.number, "row": -1 if array is None else len(arrays)}
        rows.append(row)
        if array is not None:
            arrays.append(array)
    shape = (0, shard.recipe.frames, shard.recipe.features.bins)
    stacked = np.stack(arrays) if arrays else np.empty(shape, np.float16)
    temporary = shard.array_path.with_suffix(f".{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        np.save(file, stacked)
    temporary.replace(shard.array_path)
    pd.DataFrame(rows).to_parquet(temporary)
    temporary.replace(shard.array_path.with_suffix(".parquet"))
    return len(rows)


def file_digest(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _extract(path: Path, recipe: Recipe) -> tuple[dict[str, Any], np.ndarray | None]:
    row: dict[str, Any] = {
        "size": 0,
        "mtime_ns": 0,
        "file_digest": "",
        "audio_digest": "",
        "duration": 0.0,
        "rate": 0,
        "channels": 0,
        "decoded": 0.0,
        "sounding": 0.0,
        "low": 0.0,
        "high": 0.0,
        "reason": "",
        "detail": "",
    }
    try:
        status = path.stat()
        row |= {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        clip = read_clip(path, recipe.features.sample_rate, recipe.clip_seconds, recipe.clip_start)
        row["file_digest"] = file_digest(path)
    except FileNotFoundError:
        return row | {"reason": "missing_file", "detail": "it vanished meanwhile"}, None
    except AudioError as error:
        if 0 < row["size"] <= HASHED and path.is_file():
            row["file_digest"] = file_digest(path)
        return row | {"reason": error.reason, "detail": error.detail}, None
    except OSError as error:
        return row | {"reason": "undecodable", "detail": str(error.strerror)}, None
    with torch.inference_mode():
        values, low, high = recipe.features.measured(torch.from_numpy(clip.samples)[None])
    row |= {
        "audio_digest": clip.digest,
        "duration": clip.duration,
        "rate": clip.rate,
        "channels": clip.channels,
        "decoded": clip.decoded,
        "sounding": clip.sounding,
        "low": low.item(),
        "high": high.item(),
    }
    return row, values[0].numpy().astype(np.float16)
