"""A run folder is locked as long as a process trains in it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from genre.errors import GenreError
from genre.files import explained, missing_folders, remove_empty

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run folder. The operating system releases the lock when the process ends, however it ends.

    Args:
        folder: The run folder; it is created, and removed again if it stays empty.

    Yields:
        Nothing.

    Raises:
        GenreError: Another process has locked it.
    """
    path = folder / LOCK
    created = missing_folders(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise GenreError(
                f"{folder} is being trained by another process{_holder(path)}: wait for it, or choose another run_dir"
            ) from error
        try:
            with explained(folder):
                path.write_text(f"pid {os.getpid()} on {socket.gethostname()}")
            _remove_leftovers(folder)
            yield
        finally:
            path.unlink(missing_ok=True)  # before the release: a process that opened it meanwhile sees that it is gone
            lock.release()
    finally:
        remove_empty(created)


def _holder(path: Path) -> str:
    try:
        text = path.read_text()
    except OSError:
        return ""
    return f" ({text})" if text else ""


def _remove_leftovers(folder: Path) -> None:
    """Remove unfinished files of a process that was killed while it wrote them."""
    for pattern in (".*.tmp", "*/.*.tmp"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
