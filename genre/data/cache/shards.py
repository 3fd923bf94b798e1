"""Read and write a shard's files, an array and a table, atomically and with checksums."""

import io
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from genre import files
from genre.errors import GenreError

EMPTY_ROW: dict[str, Any] = {
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
    "path": "",
    "shard": 0,
    "row": -1,
}
"""Columns of a shard's table and of the index, with their types. `row` is -1 for a file without usable audio."""
CHECKSUM = "checksum"
"""Column with the CRC-32 of the shard's array file, the same in each row."""
UNKNOWN_CHECKSUM = -1
"""Checksum of a shard written by version 0.1, which stored none."""
HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f2', 'fortran_order': False, 'shape': \((\d+), (\d+), (\d+)\), \} *\n", re.DOTALL
)
METADATA = {"version": 2}
"""Metadata of every table since version 0.2."""


class DamageError(Exception):
    """A damaged file of a cache.

    Args:
        path: The file.
        problem: What is wrong with it.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path} is damaged ({self.problem})"


def shard_path(folder: Path, number: int, suffix: str) -> Path:
    """Path of a shard's array (`.npy`) or table (`.parquet`)."""
    return folder / f"shard-{number:05d}{suffix}"


def shard_number(path: Path) -> int:
    """Number of the shard that a file belongs to."""
    return int(path.stem.removeprefix("shard-"))


def write_array(path: Path, array: np.ndarray) -> int:
    """Write an array atomically and read it back.

    Args:
        path: The file.
        array: float16 features, shape (clips, time, mels).

    Returns:
        CRC-32 of the file.

    Raises:
        GenreError: The disk is full, or returns other bytes than were written.
    """
    content = io.BytesIO()
    np.save(content, array)
    checksum = zlib.crc32(content.getbuffer())
    with files.atomic_write(path, content.getbuffer().nbytes) as temporary:
        temporary.write_bytes(content.getbuffer())
        if _crc32(temporary) != checksum:
            raise GenreError(f"{path} does not read back as written: check the disk, or use another paths.cache")
    return checksum


def check_array(path: Path, shape: tuple[int, int], clips: int) -> int:
    """Check the layout of an array file: at least `clips` clips of a shape (time, mels).

    Returns:
        CRC-32 of the file.

    Raises:
        DamageError: The file is missing or has another layout.
        GenreError: The system cannot read it.
    """
    try:
        with path.open("rb") as file:
            offset, found = array_layout(path, file.read(256))
        expected_size = offset + 2 * found[0] * found[1] * found[2]
        if found[1:] != shape or found[0] < clips:
            raise DamageError(path, f"its shape is {found} instead of {(clips, *shape)}")
        if (size := path.stat().st_size) != expected_size:
            raise DamageError(path, f"it has {size} of {expected_size} bytes")
        return _crc32(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def array_layout(path: Path, start: bytes) -> tuple[int, tuple[int, int, int]]:
    """Parse the first bytes of an array file.

    Returns:
        Offset of the values in bytes, and the shape (clips, time, mels).

    Raises:
        DamageError: The header is not that of an array of the cache.
    """
    header = HEADER.match(start)
    if not header:
        raise DamageError(path, "its header is invalid" if start else "it is empty")
    clips, frames, mels = (int(number) for number in header.groups())
    return header.end(), (clips, frames, mels)


def write_table(path: Path, table: pd.DataFrame, metadata: dict[str, Any] = METADATA) -> None:
    """Write a table without its index, atomically and with a checksum per page, and plain values as its metadata."""
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata({"genre": json.dumps(metadata)})
    content = pa.BufferOutputStream()
    pq.write_table(arrow, content, write_page_checksum=True)
    with files.atomic_write(path, content.tell()) as temporary:
        temporary.write_bytes(content.getvalue())


def read_table(path: Path, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a table and check that it has some columns.

    Returns:
        The table and its metadata, which is empty in version 0.1.

    Raises:
        DamageError: The file is missing or damaged, or a column is missing or of another type.
        GenreError: The system cannot read it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        arrow = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read()
        metadata = json.loads((arrow.schema.metadata or {}).get(b"genre", b"null")) or {}
        table = arrow.to_pandas(ignore_metadata=True)
    except Exception as error:  # Arrow reports damage with a dozen exceptions
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamageError(path, text[:100] if content else "it is empty") from error
    for name in columns:
        if name not in table:
            raise DamageError(path, f"it has no column {name}")
        if table[name].isna().any() or (name in EMPTY_ROW and not _has_type(table[name], type(EMPTY_ROW[name]))):
            raise DamageError(path, f"its column {name} has another type")
    return table, metadata


def read_shard_table(path: Path) -> pd.DataFrame:
    """Read a shard's table, with the columns of `EMPTY_ROW` and `CHECKSUM`.

    Raises:
        DamageError: The file is missing, damaged or another shard's.
    """
    table, metadata = read_table(path, list(EMPTY_ROW))
    if not metadata and CHECKSUM not in table:  # version 0.1
        table[CHECKSUM] = UNKNOWN_CHECKSUM
    elif not metadata or CHECKSUM not in table or table[CHECKSUM].nunique() != 1:
        raise DamageError(path, "its column names were changed")
    rows = sorted(table.loc[table["row"] >= 0, "row"])
    if set(table["shard"]) != {shard_number(path)} or rows != list(range(len(rows))):
        raise DamageError(path, "it belongs to another shard")
    return table[[*EMPTY_ROW, CHECKSUM]]


def _has_type(column: pd.Series, kind: type) -> bool:
    return pd.api.types.is_string_dtype(column) if kind is str else column.dtype == np.dtype(kind)


def _unreadable(path: Path, error: OSError) -> Exception:
    if isinstance(error, FileNotFoundError):
        return DamageError(path, "it is missing")
    return GenreError(f"{path} cannot be read ({error.strerror}): delete it to have it rebuilt")


def _crc32(path: Path) -> int:
    """CRC-32 of a file, computed without holding the interpreter's lock."""
    checksum, buffer = 0, memoryview(bytearray(1 << 20))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            checksum = zlib.crc32(buffer[:count], checksum)
    return checksum
