"""A run folder is locked as long as a process trains in it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from genre import run_folder
from genre.errors import GenreError
from genre.files import explain_full_disk, missing_folders, remove_empty

LOCK = ".lock"
FOLDERS = tuple(str(Path(name).parent) for name in (run_folder.CONFIG, run_folder.BEST))
WRITTEN = (run_folder.LOG, *FOLDERS)
"""Must not be links: a run folder may be somebody else's, and its train.log could be your ~/.bashrc."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run folder. The operating system releases the lock when the process ends, however it ends.

    Args:
        folder: The run folder; it is created, and removed again if it stays empty.

    Yields:
        Nothing.

    Raises:
        GenreError: Another process has locked it, or a link in it leads elsewhere.
    """
    path = folder / LOCK
    for part in (path, *(folder / name for name in WRITTEN)):
        if part.is_symlink():
            raise GenreError(
                f"{part} is a link, and the run would write where it leads: replace it by what it leads to, or choose "
                "another run_dir"
            )
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
            with explain_full_disk(folder):
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
    for parent in (folder, *(folder / name for name in FOLDERS)):
        for path in parent.glob(".*.tmp"):
            path.unlink(missing_ok=True)
