"""Read and check the index of a cache: one row per file, gathered from the tables of all shards."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from joblib import cpu_count

from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.shards import (
    CHECKSUM,
    EMPTY_ROW,
    UNKNOWN_CHECKSUM,
    DamageError,
    check_array,
    read_shard_table,
    read_table,
    shard_number,
    shard_path,
    write_table,
)
from genre.progress import progress_bar

PROGRESS_BYTES = 2 * 10**9
"""Minimum number of bytes to check for which a progress bar is shown; they take a second or two."""
_checked: dict[Path, tuple[int, int, int, int]] = {}
"""Size, mtime, ctime and checksum of each array that this process has checked."""


class Index:
    """The rows of all shards.

    The shards' tables are authoritative. `index.parquet` saves reading them one by one: its metadata lists the tables
    it was made from with their sizes, and a table of another size is read again.

    Args:
        folder: The cache's folder; it need not exist.
        spec: What the shards hold.
        read_all: Read every table, even those that `index.parquet` covers.

    Attributes:
        table: One row per file, the newest last.
        damage: Damaged files.
        leftovers: Incomplete files, and arrays without a table, of runs that were killed.
        stale: Whether `index.parquet` must be written again.
        unsealed: Checksums of arrays whose tables have none.
    """

    def __init__(self, folder: Path, spec: FeatureSpec, read_all: bool = False) -> None:
        self.folder = folder
        self.spec = spec
        self.damage: list[DamageError] = []
        self.unsealed: dict[int, int] = {}
        arrays = list(folder.glob("shard-*.npy"))
        tables = {shard_number(path): path for path in folder.glob("shard-*.parquet")}
        self.leftovers = [*folder.glob("*.tmp"), *(path for path in arrays if shard_number(path) not in tables)]
        self._sizes = {number: path.stat().st_size for number, path in tables.items()}
        stored, sizes = self._read_stored()
        covered = {number for number, size in sizes.items() if self._sizes.get(number) == size and not read_all}
        parts = [stored[stored["shard"].isin(covered)]]
        for number in sorted(tables.keys() - covered):
            try:
                parts.append(read_shard_table(tables[number]))
            except DamageError as error:
                self.damage.append(error)
        self.stale = bool(self.damage) or sizes != self._sizes
        table = pd.concat([part for part in parts if len(part)] or parts[:1])
        self.table = table.sort_values("shard", kind="stable", ignore_index=True)
        self._rows: dict[tuple[str, str | None], int] = {}
        for row, (path, digest) in enumerate(zip(self.table["path"], self.table["file_digest"], strict=True)):
            self._rows[path, digest] = self._rows[path, None] = row

    @property
    def needs_tidying(self) -> bool:
        """Whether there is something to write although nothing has to be extracted."""
        return bool(self.stale or self.unsealed or self.damage or self.leftovers)

    def row(self, path: str, digest: str | None = None) -> int | None:
        """Find the newest row of a path with a file digest, or with any; None if there is none."""
        return self._rows.get((path, digest))

    def file_sizes(self) -> dict[str, set[int]]:
        """All sizes in bytes that each path's file has had."""
        sizes: dict[str, set[int]] = {}
        for path, size in zip(self.table["path"], self.table["size"], strict=True):
            sizes.setdefault(path, set()).add(size)
        return sizes

    def check(self, rows: Iterable[int]) -> set[int]:
        """Check the arrays of some rows, each array once per process, and return the rows whose arrays are damaged."""
        used = self.table.iloc[list(rows)]
        affected = self.table[self.table["shard"].isin(used.loc[used["row"] >= 0, "shard"])]
        by_shard = affected.groupby("shard")
        clips, checksums = by_shard["row"].max() + 1, by_shard[CHECKSUM].first()
        shown = 2 * clips.sum() * self.spec.n_frames * self.spec.features.n_features > PROGRESS_BYTES
        with ThreadPoolExecutor(cpu_count()) as pool, progress_bar("checking the cache", "shards", shown) as progress:
            results = pool.map(self._check_shard, clips.index, clips, checksums)
            errors = [error for error in progress.track(results, total=len(clips)) if error]
        self.damage += errors
        bad = {shard_number(error.path) for error in errors}
        return {row for row, shard in zip(used.index, used["shard"], strict=True) if shard in bad}

    def save(self) -> None:
        """Write `index.parquet`. Only call this under the lock."""
        write_table(self.folder / "index.parquet", self.table, {"cache": self.folder.name, "tables": self._sizes})

    def tidy(self) -> None:
        """Delete damaged and leftover files and add missing checksums. Only call this under the lock."""
        for path in [*self.leftovers, *(error.path for error in self.damage)]:
            path.unlink(missing_ok=True)
            if path.stem.startswith("shard-"):
                for suffix in (".parquet", ".npy"):
                    path.with_suffix(suffix).unlink(missing_ok=True)
        for number, checksum in self.unsealed.items():
            table = self.table[self.table["shard"] == number].assign(**{CHECKSUM: checksum})
            write_table(shard_path(self.folder, number, ".parquet"), table)

    def _read_stored(self) -> tuple[pd.DataFrame, dict[int, int]]:
        """Read `index.parquet`, and the sizes of the tables that it was made from."""
        path = self.folder / "index.parquet"
        if path.exists():
            try:
                table, metadata = read_table(path, list(EMPTY_ROW))
                if metadata and metadata.get("cache") != self.folder.name:
                    raise DamageError(path, "it belongs to another cache")
                if metadata:  # else of version 0.1
                    return table, {int(number): size for number, size in metadata["tables"].items()}
            except DamageError as error:
                self.damage.append(error)
        return pd.DataFrame([EMPTY_ROW | {CHECKSUM: 0}]).iloc[:0], {}

    def _check_shard(self, number: int, clips: int, checksum: int) -> DamageError | None:
        path = shard_path(self.folder, number, ".npy")
        try:
            status = path.stat()
            state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, int(checksum))
            if _checked.get(path.absolute()) == state:
                return None
            actual = check_array(path, (self.spec.n_frames, self.spec.features.n_features), int(clips))
        except FileNotFoundError:
            return DamageError(path, "it is missing")
        except DamageError as error:
            return error
        if checksum == UNKNOWN_CHECKSUM:
            self.unsealed[number] = actual
        elif actual != checksum:
            return DamageError(path, "its checksum differs")
        else:
            _checked[path.absolute()] = state
        return None
