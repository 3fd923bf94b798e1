"""The cache of features: planned first, filled shard by shard by any executor, afterwards only read."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from genre.data.extract import Recipe, Shard, extract_shard, file_digest, shard_path
from genre.errors import GenreError

SHARD_CLIPS = 64
"""At most so many clips a shard: 20 MB of memory and seconds of lost work for the study's clips."""

log = logging.getLogger(__name__)


class Cache:
    """Features of one collection by one recipe, in a folder of its own that can be moved.

    A file is known by its relative path and size; where only its mtime differs, its content decides.

    Args:
        parent: The folder of all caches.
        name: The collection's name.
        recipe: What the numbers depend on; its hash is part of the folder's name.
    """

    def __init__(self, parent: Path, name: str, recipe: Recipe) -> None:
        text = json.dumps(recipe.identity, sort_keys=True)
        digest = hashlib.blake2b(text.encode(), digest_size=5).hexdigest()
        self.recipe = recipe
        self.folder = parent / f"{name}-{digest}"
        self._arrays: dict[int, np.ndarray] = {}

    def update(self, root: Path, paths: list[str], make_executor: Callable[[], Executor]) -> pd.DataFrame:
        """Extract what is new or changed, and nothing else.

        Args:
            root: What the paths are relative to.
            paths: Files that exist.
            make_executor: Called only when there is work.

        Returns:
            The index: one row a path, in the order given, indexed by path; see `extract._extract` for its columns.

        Raises:
            GenreError: A worker died.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "lock"):
            for leftover in self.folder.glob("*.tmp"):  # of a run that was killed
                leftover.unlink()
            (self.folder / "recipe.json").write_text(json.dumps(self.recipe.identity, indent=1))
            table = self._table(keep=True)
            known = self._known(root, paths, table)
            todo = [path for path in paths if path not in known]
            if todo:
                self._extract(self._plan(root, todo), make_executor)
                table = self._table(keep=True)
                newest = dict(zip(table["path"], range(len(table)), strict=True))
                known = {path: newest[path] for path in todo} | self._known(root, paths, table)
        return table.iloc[[known[path] for path in paths]].set_index("path", drop=False)

    def lookup(self, paths: list[str], digests: list[str] | None = None) -> pd.DataFrame:
        """The index of files that were extracted at some time, without a look at them.

        Args:
            paths: Which files.
            digests: Their contents; None for the newest.

        Returns:
            As `update`, in the order given, without those that are unknown.
        """
        table = self._table() if self.folder.is_dir() else pd.DataFrame()
        if table.empty:
            return table
        contents = table["file_digest"] if digests is not None else [""] * len(table)
        rows = {key: row for row, key in enumerate(zip(table["path"], contents, strict=True))}
        wanted = [rows[key] for key in zip(paths, digests or [""] * len(paths), strict=True) if key in rows]
        return table.iloc[wanted].set_index("path", drop=False)

    def read(self, shards: Iterable[int], rows: Iterable[int], starts: Iterable[int], frames: int) -> np.ndarray:
        """Copy windows of clips out of the memory maps.

        Args:
            shards: Shard of each clip.
            rows: Row of each clip in its shard.
            starts: First frame of each window.
            frames: Length of the windows.

        Returns:
            float16, shape (clips, frames, bins).
        """
        windows = [
            self._array(shard)[row, start : start + frames]
            for shard, row, start in zip(shards, rows, starts, strict=True)
        ]
        return np.stack(windows)

    def _array(self, number: int) -> np.ndarray:
        if number not in self._arrays:
            self._arrays[number] = np.load(shard_path(self.folder, number, ".npy"), mmap_mode="r")
        return self._arrays[number]

    def _table(self, keep: bool = False) -> pd.DataFrame:
        """The newest row of each file by path and content; takes in shards finished since it was last written.

        Two collections whose folders have the same name may hold different files of one path: both stay known.
        """
        path = self.folder / "index.parquet"
        known = pd.read_parquet(path) if path.exists() else pd.DataFrame()
        numbers = set(known["shard"]) if len(known) else set()
        fresh = [
            pd.read_parquet(file)
            for file in sorted(self.folder.glob("shard-*.parquet"))
            if int(file.stem.removeprefix("shard-")) not in numbers
        ]
        if not fresh:
            return known
        table = pd.concat([known, *fresh]).sort_values("shard", kind="stable")
        table = table.drop_duplicates(["path", "file_digest"], keep="last", ignore_index=True)
        if keep:
            self._write(table)
        return table

    def _write(self, table: pd.DataFrame) -> None:
        """Under the lock only."""
        temporary = self.folder / "index.tmp"
        table.to_parquet(temporary, index=False)
        temporary.replace(self.folder / "index.parquet")

    def _known(self, root: Path, paths: list[str], table: pd.DataFrame) -> dict[str, int]:
        """Row of each path that the table knows as it is now; learns new mtimes of unchanged files."""
        if table.empty:
            return {}
        sizes, times, digests = (table[name].to_numpy() for name in ("size", "mtime_ns", "file_digest"))
        rows: dict[str, list[int]] = {}
        for row, path in enumerate(table["path"]):
            rows.setdefault(path, []).append(row)
        known: dict[str, int] = {}
        touched: dict[int, int] = {}
        for path in paths:
            try:
                status = (root / path).stat()
            except FileNotFoundError:  # it vanished meanwhile, which its row will say
                continue
            same_size = [row for row in rows.get(path, []) if sizes[row] == status.st_size]
            same = [row for row in same_size if times[row] == status.st_mtime_ns]
            if same_size and not same:
                digest = file_digest(root / path)
                same = [row for row in same_size if digests[row] == digest]
                touched |= dict.fromkeys(same, status.st_mtime_ns)
            if same:
                known[path] = same[-1]
        if touched:
            table.loc[list(touched), "mtime_ns"] = list(touched.values())
            self._write(table)
        return known

    def _plan(self, root: Path, todo: list[str]) -> list[Shard]:
        """Cut the work into shards; small collections into small ones, so that every worker gets some."""
        size = min(SHARD_CLIPS, max(1, len(todo) // 16))
        plan = self.folder / "plan.json"
        planned = [int(number) for number in json.loads(plan.read_text())] if plan.exists() else []
        used = [int(file.stem.removeprefix("shard-")) for file in self.folder.glob("shard-*.parquet")]
        # A number is never given twice, not even that of a shard which a killed run's worker may yet finish
        first = max(used + planned, default=-1) + 1
        shards = [
            Shard(first + i, todo[start : start + size], root, self.folder, self.recipe)
            for i, start in enumerate(range(0, len(todo), size))
        ]
        temporary = self.folder / "plan.tmp"
        temporary.write_text(json.dumps({shard.number: shard.paths for shard in shards}, indent=1))
        temporary.replace(plan)
        return shards

    def _extract(self, shards: list[Shard], make_executor: Callable[[], Executor]) -> None:
        columns = (
            TextColumn("extracting"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:.1f} clips/s"),
            TimeRemainingColumn(),
        )
        total = sum(len(shard.paths) for shard in shards)
        with make_executor() as executor, Progress(*columns) as progress:
            task = progress.add_task("", total=total, rate=0.0)
            futures = [executor.submit(extract_shard, shard) for shard in shards]
            try:
                for future in as_completed(futures):
                    progress.advance(task, future.result())
                    state = progress.tasks[0]
                    progress.update(task, rate=state.completed / (state.elapsed or 1))
            except BrokenProcessPool as error:
                text = "an extraction process died, likely for want of memory: try executor.workers=1"
                raise GenreError(text) from error
            finally:
                executor.shutdown(cancel_futures=True)
            seconds = progress.tasks[0].elapsed or 1
        log.info("extracted %d clips in %.1f s (%.1f clips/s)", total, seconds, total / seconds)
