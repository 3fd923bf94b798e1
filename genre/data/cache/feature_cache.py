"""Cache features on disk: planned first, filled shard by shard by any executor, then only read."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from genre import files
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.file_states import FileStates, read_error
from genre.data.cache.filling import extract_shards, plan_shards, warn_of_damage
from genre.data.cache.index import Index
from genre.data.cache.lock import locked
from genre.data.cache.shards import CHECKSUM, DamageError, array_layout, shard_path
from genre.errors import GenreError


@dataclass
class _Scan:
    """What the cache knows of some files.

    Attributes:
        index: The index as it was read.
        stats: Status of each file that exists.
        digests: Digest of each file whose features are cached.
        missing: The other files.
    """

    index: Index
    stats: dict[str, os.stat_result]
    digests: dict[str, str]
    missing: list[str]


class FeatureCache:
    """Features of one data set for one feature spec, in a folder of its own that can be moved.

    A clip is identified by its file's relative path and content. Shards are checked when a process first uses them:
    damaged files are reported, deleted and extracted again.

    Args:
        parent: The folder of all caches.
        name: The data set's name.
        spec: What the values depend on; its hash is part of the folder's name.
    """

    def __init__(self, parent: Path, name: str, spec: FeatureSpec) -> None:
        self.spec = spec
        keys = [json.dumps(key, sort_keys=True).encode() for key in (spec.cache_key, spec.cache_key_as_typed)]
        folders = [parent / f"{name}-{hashlib.blake2b(key, digest_size=5).hexdigest()}" for key in keys]
        # Version 0.1 distinguished equal settings that are spelled differently, such as 80 and 80.0
        self.folder = folders[1] if folders[1].is_dir() and not folders[0].is_dir() else folders[0]
        self._offsets: dict[int, int] = {}
        self._reported: set[str] = set()

    def update(self, root: Path, paths: list[str], make_executor: Callable[[], Executor]) -> pd.DataFrame:
        """Extract what is new, changed or damaged, and nothing else.

        A complete cache is used without its lock, and may be on a read-only disk.

        Args:
            root: The folder that the paths are relative to.
            paths: Files.
            make_executor: Makes the executor that extracts; only called if something has to be extracted.

        Returns:
            The index: one row per path, in the given order, indexed by path, with the columns `shards.EMPTY_ROW`.

        Raises:
            GenreError: A worker was killed, a disk is full, or a file cannot be read or written.
        """
        states = FileStates(self.folder, root)
        scan = self._scan(states, paths)
        if scan.missing or scan.index.needs_tidying or states.changed or self._spec_is_damaged():
            with locked(self.folder, len(scan.missing)) as held:
                if held:
                    if not states.changed:  # another process may have read and extracted files in the meantime
                        states = FileStates(self.folder, root)
                    scan = self._scan(states, paths)
                    self._repair_and_fill(scan, states, make_executor)
        rows = [scan.index.row(path, scan.digests.get(path)) for path in paths]
        table = scan.index.table.iloc[rows].drop(columns=CHECKSUM)
        times = [scan.stats[path].st_mtime_ns if path in scan.stats else 0 for path in paths]
        return table.assign(mtime_ns=np.array(times, np.int64)).set_index("path", drop=False)

    def lookup(self, paths: list[str], digests: list[str] | None = None) -> pd.DataFrame:
        """Get the index of files that were extracted before, without accessing them.

        Args:
            paths: Files.
            digests: Their digests; None for their newest content.

        Returns:
            The same as `update`, in the given order, without files that are unknown or damaged.
        """
        index = Index(self.folder, self.spec)
        rows = map(index.row, paths) if digests is None else map(index.row, paths, digests)
        found = [row for row in rows if row is not None]
        bad = index.check(found)
        self._report(index.damage)
        table = index.table.iloc[[row for row in found if row not in bad]]
        return table.drop(columns=CHECKSUM).set_index("path", drop=False)

    def verify(self) -> list[DamageError]:
        """Check every file without repairing anything, and return what is damaged. The next use repairs it."""
        index = Index(self.folder, self.spec, read_all=True)
        index.check(range(len(index.table)))
        return index.damage

    def read_windows(
        self, shards: Iterable[int], rows: Iterable[int], starts: Iterable[int], frames: int
    ) -> np.ndarray:
        """Read windows of clips; no file stays open or memory-mapped.

        Args:
            shards: Shard of each clip.
            rows: Row of each clip in its shard.
            starts: First frame of each window.
            frames: Length of the windows.

        Returns:
            float16, shape (clips, frames, mels).

        Raises:
            GenreError: A shard was deleted or truncated since it was checked.
        """
        places = list(zip(shards, rows, starts, strict=True))
        windows = np.empty((len(places), frames, self.spec.features.n_features), np.float16)
        for window, (shard, row, start) in zip(windows, places, strict=True):
            self._read_window(int(shard), int(row) * self.spec.n_frames + int(start), window)
        return windows

    def _read_window(self, number: int, frame: int, window: np.ndarray) -> None:
        path = shard_path(self.folder, number, ".npy")
        try:
            with path.open("rb", buffering=0) as file:
                if number not in self._offsets:
                    self._offsets[number] = array_layout(path, file.read(256))[0]
                file.seek(self._offsets[number] + 2 * frame * window.shape[1])
                if file.readinto(window.data) != window.nbytes:
                    raise DamageError(path, "it ends too early")
        except (OSError, DamageError) as error:
            text = error.problem if isinstance(error, DamageError) else error.strerror
            raise GenreError(f"{path} changed while it was in use ({text}): repeat the command") from error

    def _scan(self, states: FileStates, paths: list[str]) -> _Scan:
        """Find out which files are cached; hash files only if their status changed and their size did not."""
        index = Index(self.folder, self.spec)
        sizes, stats = index.file_sizes(), {}
        for path in paths:
            try:
                stats[path] = (states.root / path).stat()
            except FileNotFoundError:  # deleted since it was listed: its row will say so
                continue
            except OSError as error:
                raise read_error(states.root / path, error) from error
        unsure = {
            path: status
            for path, status in stats.items()
            if status.st_size in sizes.get(path, ()) and states.digest(path, status) is None
        }
        if unsure:
            states.hash_files(unsure, lambda: self._save_states(states))
        cached = {
            path: (row, digest)
            for path, status in stats.items()
            if (digest := states.digest(path, status)) is not None and (row := index.row(path, digest)) is not None
        }
        bad = index.check(row for row, _ in cached.values())
        self._report([*index.damage, *([states.damage] if states.damage else [])])
        digests = {path: digest for path, (row, digest) in cached.items() if row not in bad}
        return _Scan(index, stats, digests, [path for path in paths if path not in digests])

    def _repair_and_fill(self, scan: _Scan, states: FileStates, make_executor: Callable[[], Executor]) -> None:
        """Delete what is damaged, extract what is missing and write the index; under the lock only."""
        scan.index.tidy()
        if self._spec_is_damaged():
            files.write_json(self.folder / "recipe.json", self.spec.cache_key)
        if scan.missing:
            extract_shards(plan_shards(self.folder, states.root, scan.missing, self.spec), make_executor)
        scan.index = Index(self.folder, self.spec)
        extracted = scan.index.table.iloc[[scan.index.row(path) for path in scan.missing]]
        columns = ["path", "size", "mtime_ns", "file_digest"]
        for path, size, mtime, digest in extracted[columns].itertuples(index=False, name=None):
            # A file that changed during the extraction is hashed the next time
            if (status := scan.stats.get(path)) and (size, mtime) == (status.st_size, status.st_mtime_ns):
                states.set_digest(path, status, digest)
        if scan.index.stale:
            scan.index.save()
        if states.changed:
            states.save()

    def _spec_is_damaged(self) -> bool:
        """Whether `recipe.json`, a description for people, is missing or damaged."""
        path = self.folder / "recipe.json"
        try:
            return bool(json.loads(path.read_bytes()) != json.loads(json.dumps(self.spec.cache_key)))
        except FileNotFoundError:
            return True
        except ValueError as error:
            self._report([DamageError(path, str(error))])
            return True

    def _report(self, damage: list[DamageError]) -> None:
        """Log each damaged file once."""
        warn_of_damage([error for error in damage if str(error) not in self._reported])
        self._reported.update(map(str, damage))

    def _save_states(self, states: FileStates) -> None:
        """Save the file states if the cache exists and is neither locked nor read-only."""
        if self.folder.is_dir():
            with locked(self.folder, 0) as held:
                if held:
                    states.save()
