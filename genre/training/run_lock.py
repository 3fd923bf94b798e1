"""Lock a run folder while a process trains in it."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from genre import run_folder
from genre.errors import GenreError
from genre.files import explain_full_disk, missing_folders, remove_empty

LOCK = ".lock"
FOLDERS = tuple(str(Path(name).parent) for name in (run_folder.CONFIG, run_folder.BEST))
WRITTEN = (LOCK, run_folder.LOG, *FOLDERS)
"""Must not be links: a run folder may come from someone else, and its train.log could point to your ~/.bashrc."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run folder. The operating system releases the lock when the process ends, however it ends.

    Args:
        folder: Run folder; it is created, and removed again if it stays empty.

    Raises:
        GenreError: Another process holds the lock, or the folder contains a link.
    """
    for path in (folder / name for name in WRITTEN):
        if path.is_symlink():
            raise GenreError(
                f"{path} is a link, and the run would write to its target: replace it by the target, or choose another "
                "run_dir"
            )
    path = folder / LOCK
    created = missing_folders(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            holder = ""
            with suppress(OSError):
                holder = f" ({path.read_text()})"
            raise GenreError(
                f"{folder} is being trained by another process{holder}: wait for it, or choose another run_dir"
            ) from error
        try:
            with explain_full_disk(folder):
                path.write_text(f"pid {os.getpid()} on {socket.gethostname()}")
            for parent in (folder, *(folder / name for name in FOLDERS)):
                for leftover in parent.glob(".*.tmp"):  # of a process that was killed while it wrote
                    leftover.unlink(missing_ok=True)
            yield
        finally:
            path.unlink(missing_ok=True)  # before the release: a process that has opened it notices that it is gone
            lock.release()
    finally:
        remove_empty(created)
