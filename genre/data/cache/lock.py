"""The lock of a cache: one process at a time writes there."""

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
OWN = re.compile(r"lock|recipe\.json|shard-\d+\..*")
"""A folder that holds files, and none of these, is no cache: what is tidied away there would be somebody's."""

log = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path, todo: int) -> Iterator[bool]:
    """Hold the lock of a cache.

    Args:
        folder: The cache's folder; it is made if it does not exist.
        todo: Files that have to be extracted. If there are none, a lock that is not to be had is done without.

    Yields:
        Whether it is held.

    Raises:
        GenreError: There is work, and the cache cannot be written; or the folder is not a cache's.
    """
    there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    if there and not any(map(OWN.fullmatch, there)):
        raise GenreError(f"{folder} holds something else than a cache: move that away, or use another paths.cache")
    lock = FileLock(folder / "lock")
    try:
        with files.explain_full_disk(next(parent for parent in folder.absolute().parents if parent.is_dir())):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=1 if todo else 0)
            except Timeout:
                if todo:
                    log.info("waiting for another process that fills %s", folder)
                    lock.acquire()
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
        if todo:
            raise GenreError(
                f"{folder} lacks {todo} files and cannot be written ({error.strerror}): set paths.cache to a folder "
                "that can be"
            ) from error
    try:
        yield lock.is_locked
    finally:
        lock.release()
