"""Write files whole or not at all, and explain a full disk."""

import errno
import itertools
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genre.errors import GenreError

LITTLE = 1 << 20
"""Bytes: with less free space than this, a failed write is taken for a full disk."""


@contextmanager
def whole(path: Path, size: int = 0) -> Iterator[Path]:
    """Write a file under a temporary name beside it, and rename it when it is complete.

    Args:
        path: The file; its folder exists. An older version stays until the new one is complete.
        size: Bytes that will be written, if known; part of the message when the disk is full.

    Yields:
        The path to write to, on the same file system as `path`.

    Raises:
        GenreError: The disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with explained(path.parent, size):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())  # a disk may report only here that it is full
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def explained(folder: Path, size: int = 0) -> Iterator[None]:
    """Turn a write that fails because the disk is full into a message that names the disk.

    Libraries report it in many ways: torch raises RuntimeError, numpy an OSError without a number.

    Args:
        folder: Where the file is written.
        size: Bytes that the write needs, if known.

    Raises:
        GenreError: The disk is full.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = getattr(error, "errno", None)
        if number not in (None, errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(folder).free
        if number is None and free >= max(LITTLE, size):
            raise
        wanted = f"{_amount(size)} are needed, " if size else ""
        raise GenreError(
            f"the disk of {folder} is full ({wanted}{_amount(free)} are free): free some space on "
            f"{_mount(folder)}, or choose another folder"
        ) from error


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all.

    Args:
        path: The file.
        values: Plain values; numbers have to be finite, since JSON knows no others.
    """
    with whole(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n")


def missing_folders(path: Path) -> list[Path]:
    """List the folders that do not exist yet on the way to a path, deepest first.

    Args:
        path: A folder.

    Returns:
        The folder itself and its parents, as far as they are missing; absolute paths.
    """
    return list(itertools.takewhile(lambda folder: not folder.exists(), [path.absolute(), *path.absolute().parents]))


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders that are empty, deepest first; stop at the first one that is not.

    Args:
        folders: Folders that this process created, as `missing_folders` lists them.
    """
    for folder in folders:
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return


def _mount(folder: Path) -> Path:
    """Mount point of a folder's file system."""
    path = folder.resolve()
    while not path.is_mount():
        path = path.parent
    return path
