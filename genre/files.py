"""Write files atomically, explain full disks, clean up empty folders, and guess mistyped paths."""

import errno
import itertools
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from genre.errors import GenreError

RUNS = Path("runs")
"""The default of `paths.runs`."""
MIN_FREE_BYTES = 1 << 20
"""With less free space than this, a failed write is attributed to a full disk."""


@contextmanager
def atomic_write(path: Path, size: int = 0) -> Iterator[Path]:
    """Write a file under a temporary name beside it, and rename it when it is complete.

    Args:
        path: The file, in an existing folder. An older version stays until the new one is complete.
        size: Number of bytes that will be written, if known, for the message about a full disk.

    Yields:
        The path to write to, on the same file system as `path`.

    Raises:
        GenreError: The disk is full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with explain_full_disk(path.parent, size):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())  # some disks report only here that they are full
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def explain_full_disk(folder: Path, size: int = 0) -> Iterator[None]:
    """Turn a write error caused by a full disk into a message that names the disk.

    Libraries report it in many ways: torch raises RuntimeError, numpy an OSError without a number.

    Args:
        folder: Folder of the file.
        size: Number of bytes that the write needs, if known.

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
        if number is None and free >= max(MIN_FREE_BYTES, size):
            raise
        needed = f"{_bytes(size)} are needed, " if size else ""
        mount = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.is_mount())
        raise GenreError(
            f"the disk of {folder} is full ({needed}{_bytes(free)} are free): free some space on {mount}, or choose "
            "another folder"
        ) from error


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file atomically.

    Args:
        path: The file.
        values: Plain values; numbers must be finite.
    """
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2, allow_nan=False) + "\n")


def missing_folders(path: Path) -> list[Path]:
    """List the folders that have to be created for a path: itself and its missing parents, deepest first."""
    return list(itertools.takewhile(lambda folder: not folder.exists(), [path.absolute(), *path.absolute().parents]))


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove empty folders, up to the first that is not empty.

    Args:
        folders: Folders created by this process, deepest first, as `missing_folders` lists them.
    """
    for folder in folders:
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            return


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def similar_path(path: Path) -> Path | None:
    """Guess what is meant by a path that does not exist: the same in the folder `runs`, or a similar name beside it."""
    if (RUNS / path).exists():
        return RUNS / path
    names = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    return next((path.with_name(name) for name in get_close_matches(path.name, names, n=1)), None)
