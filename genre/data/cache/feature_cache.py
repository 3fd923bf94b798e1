"""The cache of features: planned first, filled shard by shard by any executor, afterwards only read."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genre import files
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.file_states import FileStates, unreadable
from genre.data.cache.filling import extract, plan, warn
from genre.data.cache.index import Index
from genre.data.cache.lock import locked
from genre.data.cache.shards import CHECKSUM, DamageError, layout, shard_path
from genre.errors import GenreError


@dataclass
class _Look:
    """What the cache knows of some files.

    Attributes:
        index: The index as it was read.
        stats: Status of each file that is there.
        known: Row of the index for each path whose content is cached.
        todo: The other paths.
    """

    index: Index
    stats: dict[str, os.stat_result]
    known: dict[str, int]
    todo: list[str]


class FeatureCache:
    """Features of one collection by one spec, in a folder of its own that can be moved.

    A clip is known by its file's relative path and content. `FileStates` remembers contents, so that files are not
    read again to see that nothing changed. Shards are checked when they are first used in a process: what is damaged
    is named, removed and extracted again.

    Args:
        parent: The folder of all caches.
        name: The collection's name.
        spec: What the numbers depend on; its hash is part of the folder's name.
    """

    def __init__(self, parent: Path, name: str, spec: FeatureSpec) -> None:
        self.spec = spec
        folders = [parent / f"{name}-{_hash(identity)}" for identity in (spec.cache_key, spec.cache_key_as_typed)]
        # Equal settings used to be told apart by their spelling, such as 80 and 80.0
        self.folder = folders[1] if folders[1].is_dir() and not folders[0].is_dir() else folders[0]
        self._offsets: dict[int, int] = {}
        self._reported: set[tuple[Path, str]] = set()

    def update(self, root: Path, paths: list[str], make_executor: Callable[[], Executor]) -> pd.DataFrame:
        """Extract what is new, changed or damaged, and nothing else.

        A cache that has everything is used without its lock, and may be on a disk that cannot be written.

        Args:
            root: What the paths are relative to.
            paths: Files that exist.
            make_executor: Called only when there is work.

        Returns:
            The index: one row per path, in the order given, indexed by path; see `shards.EMPTY_ROW` for its columns.

        Raises:
            GenreError: A worker died, a disk is full, or a file cannot be read or written.
        """
        states = FileStates(self.folder, root)
        look = self._look(states, paths)
        if look.todo or look.index.untidy or states.changed or self._spec_damage():
            with locked(self.folder, len(look.todo)) as held:
                if held:
                    look = self._look(states, paths)  # another process may have done it meanwhile
                    look.index.tidy()
                    if self._spec_damage():
                        files.write_json(self.folder / "recipe.json", self.spec.cache_key)
                    if look.todo:
                        extract(plan(self.folder, root, look.todo, self.spec), make_executor)
                    self._take_in(look, states)
        table = look.index.table.iloc[[look.known[path] for path in paths]].drop(columns=CHECKSUM)
        times = [look.stats[path].st_mtime_ns if path in look.stats else 0 for path in paths]
        return table.assign(mtime_ns=np.array(times, np.int64)).set_index("path", drop=False)

    def lookup(self, paths: list[str], digests: list[str] | None = None) -> pd.DataFrame:
        """The index of files that were extracted at some time, without a look at them.

        Args:
            paths: Which files.
            digests: Their contents; None for the newest.

        Returns:
            As `update`, in the order given, without those that are unknown or damaged.
        """
        index = Index(self.folder, self.spec)
        if digests is None:
            newest = index.newest()
            wanted = [newest[path] for path in paths if path in newest]
        else:
            rows = index.rows()
            wanted = [rows[key] for key in zip(paths, digests, strict=True) if key in rows]
        bad = index.check(wanted)
        self._report(index.damage)
        table = index.table.iloc[[row for row in wanted if row not in bad]]
        return table.drop(columns=CHECKSUM).set_index("path", drop=False)

    def verify(self) -> list[DamageError]:
        """Check every file, without repairing anything; the next use does that.

        Returns:
            What is damaged, in no order.
        """
        index = Index(self.folder, self.spec, every=True)
        index.check(range(len(index.table)))
        return index.damage

    def read_windows(
        self, shards: Iterable[int], rows: Iterable[int], starts: Iterable[int], frames: int
    ) -> np.ndarray:
        """Read windows of clips; nothing stays open or mapped.

        Args:
            shards: Shard of each clip.
            rows: Row of each clip in its shard.
            starts: First frame of each window.
            frames: Length of the windows.

        Returns:
            float16, shape (clips, frames, bins).

        Raises:
            GenreError: A shard is gone or cut since it was checked.
        """
        places = list(zip(shards, rows, starts, strict=True))
        windows = np.empty((len(places), frames, self.spec.features.n_features), np.float16)
        for window, (shard, row, start) in zip(windows, places, strict=True):
            self._read(int(shard), int(row) * self.spec.n_frames + int(start), window)
        return windows

    def _read(self, number: int, frame: int, window: np.ndarray) -> None:
        path = shard_path(self.folder, number, ".npy")
        try:
            with path.open("rb", buffering=0) as file:
                if number not in self._offsets:
                    self._offsets[number] = layout(path, file.read(256))[0]
                file.seek(self._offsets[number] + 2 * frame * window.shape[1])
                if file.readinto(window.data) != window.nbytes:
                    raise DamageError(path, "it ends too early")
        except (OSError, DamageError) as error:
            what = error.what if isinstance(error, DamageError) else error.strerror
            raise GenreError(f"{path} changed while it was used ({what}): repeat the command") from error

    def _look(self, states: FileStates, paths: list[str]) -> _Look:
        index = Index(self.folder, self.spec)
        rows, sizes, stats = index.rows(), index.sizes(), {}
        for path in paths:
            try:
                stats[path] = (states.root / path).stat()
            except FileNotFoundError:  # it vanished meanwhile, which its row will say
                continue
            except OSError as error:
                raise unreadable(states.root / path, error) from error
        unsure = {
            path: status
            for path, status in stats.items()
            if status.st_size in sizes.get(path, ()) and states.digest(path, status) is None
        }
        if unsure:
            states.read(unsure, lambda: self._save(states))
        digests = {path: states.digest(path, status) for path, status in stats.items()}
        known = {
            path: rows[path, digest]
            for path, digest in digests.items()
            if digest is not None and (path, digest) in rows
        }
        bad = index.check(known.values())
        self._report([*index.damage, *([states.damage] if states.damage else [])])
        known = {path: row for path, row in known.items() if row not in bad}
        return _Look(index, stats, known, [path for path in paths if path not in known])

    def _spec_damage(self) -> bool:
        """Whether the description of the spec, which is for people, is missing or says something else."""
        path = self.folder / "recipe.json"
        try:
            return bool(json.loads(path.read_bytes()) != json.loads(json.dumps(self.spec.cache_key)))
        except FileNotFoundError:
            return True
        except ValueError as error:
            self._report([DamageError(path, str(error))])
            return True

    def _report(self, damage: list[DamageError]) -> None:
        """Name what is damaged, once."""
        new = [error for error in damage if (error.path, error.what) not in self._reported]
        self._reported.update((error.path, error.what) for error in new)
        warn(new)

    def _take_in(self, look: _Look, states: FileStates) -> None:
        """Read the index again and remember what the extracted files hold; under the lock only."""
        look.index = Index(self.folder, self.spec)
        rows, newest = look.index.rows(), look.index.newest()
        columns = look.index.table[["size", "mtime_ns", "file_digest"]].itertuples(index=False, name=None)
        contents = dict(enumerate(columns)) if look.todo else {}
        for path in look.todo:
            size, mtime, digest = contents[newest[path]]
            if (status := look.stats.get(path)) and (size, mtime) == (status.st_size, status.st_mtime_ns):
                states.learn(path, status, digest)
        for path in look.known:
            look.known[path] = rows[path, states.digest(path, look.stats[path]) or ""]
        look.known |= {path: newest[path] for path in look.todo}
        if look.index.stale:
            look.index.save()
        if states.changed:
            states.save()

    def _save(self, states: FileStates) -> None:
        """Save what is known of the files, if nobody else is at work and the disk can be written."""
        if self.folder.is_dir():
            with locked(self.folder, 0) as held:
                if held:
                    states.save()


def _hash(cache_key: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(cache_key, sort_keys=True).encode(), digest_size=5).hexdigest()
