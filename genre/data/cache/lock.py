"""Lock a cache, so that only one process at a time writes there."""

import errno
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from genre import files
from genre.errors import GenreError

READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
CACHE_FILE = re.compile(r"lock|recipe\.json|shard-\d+\..*")
"""A non-empty folder without any of these is not a cache, and nothing may be deleted there."""

log = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path, n_missing: int) -> Iterator[bool]:
    """Hold the lock of a cache.

    Args:
        folder: The cache's folder; created if it does not exist.
        n_missing: Number of files to extract. With 0, the block runs without the lock where it is unavailable.

    Yields:
        Whether the lock is held.

    Raises:
        GenreError: Files are missing and the cache is read-only, or the folder is not a cache.
    """
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if names and not any(map(CACHE_FILE.fullmatch, names)):
        raise GenreError(f"{folder} exists and is not a cache: move it away, or use another paths.cache")
    lock = FileLock(folder / "lock")
    try:
        with files.explain_full_disk(next(parent for parent in folder.absolute().parents if parent.is_dir())):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=1 if n_missing else 0)
            except Timeout:
                if n_missing:
                    log.info("waiting for another process that is filling %s", folder)
                    lock.acquire()
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        if n_missing:
            raise GenreError(
                f"{folder} lacks {n_missing} files and is read-only ({error.strerror}): set paths.cache to a writable "
                "folder"
            ) from error
    try:
        yield lock.is_locked
    finally:
        lock.release()
