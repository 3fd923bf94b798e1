"""The files of a shard, an array and a table: written whole, and checked when they are read."""

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
"""The columns of a shard's table and of the index. `row` is -1 for a file that gave no sound."""
CHECKSUM = "checksum"
"""Column with the CRC-32 of the shard's array file, the same in each row."""
UNKNOWN = -1
"""Checksum of a shard that was made before there were checksums."""
HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<f2', 'fortran_order': False, 'shape': \((\d+), (\d+), (\d+)\), \} *\n", re.DOTALL
)
CHUNK = 1 << 20
NOTES = {"version": 2}
"""Of every table since there are checksums."""


class DamageError(Exception):
    """A file of the cache that is not what was written.

    Args:
        path: The file.
        what: What is wrong with it.
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(path, what)
        self.path = path
        self.what = what


def shard_path(folder: Path, number: int, suffix: str) -> Path:
    """Name of one file of a shard."""
    return folder / f"shard-{number:05d}{suffix}"


def shard_number(path: Path) -> int:
    """Number of the shard that a file belongs to."""
    return int(path.stem.removeprefix("shard-"))


def write_array(path: Path, array: np.ndarray) -> int:
    """Write an array whole, and read it back.

    Args:
        path: The file.
        array: float16 features, shape (clips, time, bins).

    Returns:
        CRC-32 of the file.

    Raises:
        GenreError: The disk is full, or gives back other bytes than it was given.
    """
    content = io.BytesIO()
    np.save(content, array)
    checksum = zlib.crc32(content.getbuffer())
    with files.atomic_write(path, content.getbuffer().nbytes) as temporary:
        temporary.write_bytes(content.getbuffer())
        if _checksum(temporary) != checksum:
            raise GenreError(f"{path} was written and reads otherwise: check the disk, or set paths.cache to another")
    return checksum


def check_array(path: Path, shape: tuple[int, int], clips: int, checksum: int) -> int:
    """Check an array file as a whole.

    Args:
        path: The file.
        shape: Expected shape of a clip, (time, bins).
        clips: It holds at least so many.
        checksum: Its CRC-32, `UNKNOWN` to take any.

    Returns:
        Its CRC-32.

    Raises:
        DamageError: It is missing or damaged.
        GenreError: The system cannot read it.
    """
    try:
        with path.open("rb") as file:
            offset, found = layout(path, file.read(256))
        size = path.stat().st_size
        if found[1:] != shape or found[0] < clips:
            raise DamageError(path, f"its shape is {found} and not {(clips, *shape)}")
        if size != offset + 2 * found[0] * found[1] * found[2]:
            raise DamageError(path, f"it has {size} bytes of {offset + 2 * found[0] * found[1] * found[2]}")
        actual = _checksum(path)
    except FileNotFoundError as error:
        raise DamageError(path, "it is missing") from error
    except OSError as error:
        raise GenreError(f"{path} cannot be read ({error.strerror}): delete it to have its clips made again") from error
    if checksum not in (actual, UNKNOWN):
        raise DamageError(path, "its checksum differs")
    return actual


def layout(path: Path, start: bytes) -> tuple[int, tuple[int, int, int]]:
    """Where the numbers of an array begin, and its shape.

    Args:
        path: The file, for the message.
        start: Its first bytes.

    Returns:
        Offset in bytes; shape (clips, time, bins).

    Raises:
        DamageError: Its header is not that of such an array.
    """
    header = HEADER.match(start)
    if not header:
        raise DamageError(path, "its header is not that of an array" if start else "it is empty")
    clips, frames, bins = (int(number) for number in header.groups())
    return header.end(), (clips, frames, bins)


def write_table(path: Path, table: pd.DataFrame, notes: dict[str, Any] = NOTES) -> None:
    """Write a table whole, with a checksum for each page.

    Args:
        path: The file.
        table: Its index is not written.
        notes: Plain values to keep beside it.
    """
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata({"genre": json.dumps(notes)})
    content = pa.BufferOutputStream()
    pq.write_table(arrow, content, write_page_checksum=True)
    with files.atomic_write(path, content.tell()) as temporary:
        temporary.write_bytes(content.getvalue())


def read_table(path: Path, columns: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a table and check that it is one of the cache's.

    Args:
        path: The file.
        columns: What it has to have.

    Returns:
        The table; the notes beside it, empty where there are none.

    Raises:
        DamageError: It is missing, damaged or something else.
        GenreError: The system cannot read it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DamageError(path, "it is missing") from error
    except OSError as error:
        raise GenreError(f"{path} cannot be read ({error.strerror}): delete it to have it made again") from error
    try:
        arrow = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read()
        notes = json.loads((arrow.schema.metadata or {}).get(b"genre", b"null")) or {}
        table = arrow.to_pandas(ignore_metadata=True)
    except Exception as error:  # Arrow fails in a dozen ways, all of which mean the same here
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DamageError(path, text[:100] if content else "it is empty") from error
    for name in columns:
        if name not in table:
            raise DamageError(path, f"it has no column {name}")
        if table[name].isna().any() or (name in EMPTY_ROW and not _is_of_type(table[name], EMPTY_ROW[name])):
            raise DamageError(path, f"its column {name} holds something else")
    return table, notes


def read_shard_table(path: Path) -> pd.DataFrame:
    """Read the table of a shard; its columns are those of `EMPTY_ROW` and `CHECKSUM`.

    Raises:
        DamageError: It is missing, damaged or another's.
    """
    table, notes = read_table(path, list(EMPTY_ROW))
    if not notes and CHECKSUM not in table:  # of an earlier version
        table[CHECKSUM] = UNKNOWN
    elif not notes or CHECKSUM not in table or table[CHECKSUM].nunique() != 1:
        raise DamageError(path, "its names were changed")
    rows = sorted(table.loc[table["row"] >= 0, "row"])
    if set(table["shard"]) != {shard_number(path)} or rows != list(range(len(rows))):
        raise DamageError(path, "it is another shard's")
    return table[[*EMPTY_ROW, CHECKSUM]]


def _is_of_type(column: pd.Series, example: Any) -> bool:
    if isinstance(example, str):
        return pd.api.types.is_string_dtype(column)
    return column.dtype == np.dtype(type(example))


def _checksum(path: Path) -> int:
    """CRC-32 of a file; threads may do it at the same time."""
    checksum, buffer = 0, bytearray(CHUNK)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            checksum = zlib.crc32(view[:count], checksum)
    return checksum
