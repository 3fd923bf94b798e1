"""The index of a cache: the tables of all its shards, read and checked."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from genre.data.cache.executors import cores
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.shards import (
    CHECKSUM,
    EMPTY_ROW,
    UNKNOWN,
    DamageError,
    check_array,
    read_shard_table,
    read_table,
    shard_number,
    shard_path,
    write_table,
)
from genre.progress import progress_bar

MUCH = 2 * 10**9
"""Bytes from which the check shows a progress bar; they take a second or two."""
_checked: dict[Path, tuple[int, int, int, int]] = {}
"""Arrays that this process has checked: size, mtime, ctime and checksum of each."""


class Index:
    """The rows of all shards.

    The shards' tables are what counts. `index.parquet` spares reading them one by one: it says which tables it was
    made from, by their sizes, and what does not agree is read from the tables.

    Args:
        folder: The cache's folder; it need not exist.
        spec: What the shards hold.
        every: Read all tables, also those that `index.parquet` knows.

    Attributes:
        table: One row per file, the newest last.
        damage: What is damaged.
        stale: Whether `index.parquet` has to be written again.
        unsealed: Checksums of arrays whose tables have none.
    """

    def __init__(self, folder: Path, spec: FeatureSpec, every: bool = False) -> None:
        self.folder = folder
        self.spec = spec
        self.damage: list[DamageError] = []
        self.unsealed: dict[int, int] = {}
        tables = {shard_number(path): path for path in folder.glob("shard-*.parquet")}
        self._sizes = {number: path.stat().st_size for number, path in tables.items()}
        stored, sizes = self._read()
        agreed = {number for number, size in sizes.items() if self._sizes.get(number) == size and not every}
        parts = [stored[stored["shard"].isin(agreed)]]
        for number in sorted(tables.keys() - agreed):
            try:
                parts.append(read_shard_table(tables[number]))
            except DamageError as error:
                self.damage.append(error)
        self.stale = bool(self.damage) or sizes != self._sizes
        table = pd.concat([part for part in parts if len(part)] or parts[:1])
        self.table = table.sort_values("shard", kind="stable", ignore_index=True)

    def _read(self) -> tuple[pd.DataFrame, dict[int, int]]:
        """The stored index, and the sizes of the tables that it was made from."""
        path = self.folder / "index.parquet"
        nothing = pd.DataFrame({name: pd.Series([], dtype=type(value)) for name, value in EMPTY_ROW.items()})
        nothing[CHECKSUM] = np.zeros(0, np.int64)
        if not path.exists():
            return nothing, {}
        try:
            table, notes = read_table(path, list(EMPTY_ROW))
            if not notes:  # of an earlier version, or not of a cache
                return nothing, {}
            if notes["cache"] != self.folder.name:
                raise DamageError(path, f"it is that of {notes['cache']}")
            return table, {int(number): size for number, size in notes["tables"].items()}
        except DamageError as error:
            self.damage.append(error)
            return nothing, {}

    @property
    def orphans(self) -> list[Path]:
        """Arrays without a table: of a shard that was not finished, or whose table is lost."""
        return [path for path in self.folder.glob("shard-*.npy") if shard_number(path) not in self._sizes]

    @property
    def leftovers(self) -> list[Path]:
        """Half-written files."""
        return list(self.folder.glob("*.tmp"))

    @property
    def untidy(self) -> bool:
        """Whether there is something to write, although nothing need be extracted."""
        return bool(self.stale or self.unsealed or self.damage or self.orphans or self.leftovers)

    def rows(self) -> dict[tuple[str, str], int]:
        """Row of each path and content; the newest where there are several."""
        keys = zip(self.table["path"], self.table["file_digest"], strict=True)
        return {key: row for row, key in enumerate(keys)}

    def newest(self) -> dict[str, int]:
        """The newest row of each path."""
        return {path: row for row, path in enumerate(self.table["path"])}

    def sizes(self) -> dict[str, set[int]]:
        """Sizes that each path's file has had."""
        sizes: dict[str, set[int]] = {}
        for path, size in zip(self.table["path"], self.table["size"], strict=True):
            sizes.setdefault(path, set()).add(size)
        return sizes

    def check(self, rows: Iterable[int]) -> set[int]:
        """Check the arrays that some rows lie in, each once per process, and add to `damage`.

        Args:
            rows: Row numbers.

        Returns:
            Those rows whose arrays are damaged.
        """
        used = self.table.iloc[list(rows)]
        numbers = set(used.loc[used["row"] >= 0, "shard"])
        concerned = self.table[self.table["shard"].isin(numbers)]
        clips = concerned.groupby("shard")["row"].max() + 1
        sums = concerned.groupby("shard")[CHECKSUM].first()
        size = 2 * int(clips.sum()) * self.spec.n_frames * self.spec.features.n_features
        bad: set[int] = set()
        with ThreadPoolExecutor(cores()) as pool, progress_bar("checking the cache", "shards", size > MUCH) as progress:
            results = pool.map(self._check, clips.index, clips, sums)
            for number, error in zip(clips.index, progress.track(results, total=len(clips)), strict=True):
                if error:
                    bad.add(number)
                    self.damage.append(error)
        return {row for row, shard in zip(used.index, used["shard"], strict=True) if shard in bad}

    def _check(self, number: int, clips: int, checksum: int) -> DamageError | None:
        path = shard_path(self.folder, number, ".npy")
        shape = (self.spec.n_frames, self.spec.features.n_features)
        try:
            status = path.stat()
            state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, int(checksum))
            if _checked.get(path.absolute()) == state:
                return None
            actual = check_array(path, shape, int(clips), int(checksum))
        except FileNotFoundError:
            return DamageError(path, "it is missing")
        except DamageError as error:
            return error
        if checksum == UNKNOWN:
            self.unsealed[number] = actual
        else:
            _checked[path.absolute()] = state
        return None

    def save(self) -> None:
        """Write the index; under the lock only."""
        notes = {"cache": self.folder.name, "tables": self._sizes}
        write_table(self.folder / "index.parquet", self.table, notes)
        self.stale = False

    def tidy(self) -> None:
        """Remove what is damaged or was left behind, and add missing checksums; under the lock only."""
        for path in [*self.leftovers, *self.orphans, *(error.path for error in self.damage)]:
            path.unlink(missing_ok=True)
            if path.stem.startswith("shard-"):
                for suffix in (".parquet", ".npy"):
                    path.with_suffix(suffix).unlink(missing_ok=True)
        for number, checksum in self.unsealed.items():
            table = self.table[self.table["shard"] == number].assign(**{CHECKSUM: checksum})
            write_table(shard_path(self.folder, number, ".parquet"), table)
