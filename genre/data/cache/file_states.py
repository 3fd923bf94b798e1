"""Remember the content of each file of a collection, so that an unchanged file is not read again."""

import hashlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from genre.data.cache.executors import cores
from genre.data.cache.shards import DamageError, read_table, write_table
from genre.errors import GenreError
from genre.progress import progress_bar

COLUMNS = ["path", "size", "mtime_ns", "ctime_ns", "file_digest"]
KEPT = 8
"""Number of music folders remembered per cache."""
SAVE_SECONDS = 10.0
FEW = 100
"""Up to this many files are hashed without a progress bar."""

log = logging.getLogger(__name__)


def file_digest(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


class FileStates:
    """The files of one folder of music, kept in a cache's folder.

    The name holds a hash of the resolved folder: another copy of the music has its own states. A file whose size,
    mtime and ctime are as before has the content that it had before. Archives restore an mtime, never a ctime.

    Args:
        folder: The cache's folder.
        root: The folder of music.

    Attributes:
        damage: What is wrong with the stored states, if they are damaged.
        changed: Whether there is something to save.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        digest = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=5).hexdigest()
        self.root = root
        self.path = folder / f"files-{digest}.parquet"
        self.changed = False
        self.damage: DamageError | None = None
        self._digests: dict[str, tuple[int, int, int, str]] = {}
        if self.path.exists():
            try:
                columns = (read_table(self.path, COLUMNS)[0][name].tolist() for name in COLUMNS)
                self._digests = {path: tuple(state) for path, *state in zip(*columns, strict=True)}
            except DamageError as error:
                self.damage, self.changed = error, True

    def digest(self, path: str, status: os.stat_result) -> str | None:
        """Hash of a file's content as it was last read; None where the file is new or may have changed."""
        state = self._digests.get(path)
        return state[3] if state and state[:3] == _key(status) else None

    def learn(self, path: str, status: os.stat_result, digest: str) -> None:
        """Remember what a file holds."""
        self._digests[path] = (*_key(status), digest)
        self.changed = True

    def read(self, stats: dict[str, os.stat_result], save: Callable[[], None]) -> None:
        """Hash files and remember what they hold.

        Args:
            stats: The files, with their status from before.
            save: Called now and then, so that an interruption loses little.

        Raises:
            GenreError: The system cannot read one of them.
        """
        started = saved = time.monotonic()
        shown = progress_bar("looking for changes", "files", len(stats) > FEW)
        with ThreadPoolExecutor(cores()) as pool, shown as progress:
            digests = pool.map(self._read, stats)
            for path, digest in zip(stats, progress.track(digests, total=len(stats)), strict=True):
                if digest:
                    self.learn(path, stats[path], digest)
                if time.monotonic() - saved > SAVE_SECONDS:
                    save()
                    saved = time.monotonic()
        if len(stats) > FEW:
            log.info("looked for changes in %d files in %.1f s", len(stats), time.monotonic() - started)

    def _read(self, path: str) -> str | None:
        try:
            return file_digest(self.root / path)
        except FileNotFoundError:  # it vanished meanwhile
            return None
        except OSError as error:
            raise unreadable(self.root / path, error) from error

    def save(self) -> None:
        """Write the states, and drop those of folders that were not used for longest; under the lock only."""
        rows = [(path, *state) for path, state in self._digests.items()]
        write_table(self.path, pd.DataFrame(rows, columns=COLUMNS))
        self.changed = False
        newest_first = sorted(self.path.parent.glob("files-*.parquet"), key=lambda path: -path.stat().st_mtime_ns)
        for path in newest_first[KEPT:]:
            path.unlink()


def unreadable(path: Path, error: BaseException) -> GenreError:
    """An error of the system while a file was read, which says nothing about the file."""
    what = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return GenreError(f"{path} could not be read now ({what}): solve that and repeat the command, which will resume")


def _key(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
