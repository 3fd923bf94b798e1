"""Remember the content of each file of a music folder, so that unchanged files are not read again."""

import hashlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
from joblib import cpu_count

from genre.data.cache.shards import DamageError, read_table, write_table
from genre.errors import GenreError
from genre.progress import progress_bar

COLUMNS = ["path", "size", "mtime_ns", "ctime_ns", "file_digest"]
MAX_FOLDERS = 8
"""Number of music folders remembered per cache."""
SAVE_SECONDS = 10.0
PROGRESS_FILES = 100
"""Number of files to hash above which a progress bar is shown."""

log = logging.getLogger(__name__)


def file_digest(path: Path) -> str:
    """Hash the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def read_error(path: Path, error: BaseException) -> GenreError:
    """Describe a system error while reading a file, which says nothing about the file."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return GenreError(f"{path} cannot be read at the moment ({text}): fix that and repeat the command to resume")


class FileStates:
    """Digests of the files of one music folder, stored in a cache's folder.

    A file whose size, mtime and ctime are unchanged has unchanged content; archives restore an mtime, never a ctime.
    The file name contains a hash of the resolved music folder, so each copy of the music has its own states.

    Args:
        folder: The cache's folder.
        root: The music folder.

    Attributes:
        damage: Damage of the stored states, if any.
        changed: Whether there is something to save.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        name = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=5).hexdigest()
        self.root = root
        self.path = folder / f"files-{name}.parquet"
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
        """Get the digest of a file; None if the file is new or may have changed."""
        state = self._digests.get(path)
        return state[3] if state and state[:3] == _key(status) else None

    def set_digest(self, path: str, status: os.stat_result, digest: str) -> None:
        """Remember the digest of a file."""
        self._digests[path] = (*_key(status), digest)
        self.changed = True

    def hash_files(self, stats: dict[str, os.stat_result], save: Callable[[], None]) -> None:
        """Hash files and remember their digests.

        Args:
            stats: Status of each file, taken before.
            save: Called every few seconds, so that an interruption loses little.

        Raises:
            GenreError: The system cannot read one of the files.
        """
        started = saved = time.monotonic()
        shown = len(stats) > PROGRESS_FILES
        with ThreadPoolExecutor(cpu_count()) as pool, progress_bar("looking for changes", "files", shown) as progress:
            digests = pool.map(self._hash, stats)
            for path, digest in zip(stats, progress.track(digests, total=len(stats)), strict=True):
                if digest:
                    self.set_digest(path, stats[path], digest)
                if time.monotonic() - saved > SAVE_SECONDS:
                    save()
                    saved = time.monotonic()
        if shown:
            log.info("looked for changes in %d files in %.1f s", len(stats), time.monotonic() - started)

    def save(self) -> None:
        """Write the states and delete those of the least recently used folders. Only call this under the lock."""
        rows = [(path, *state) for path, state in self._digests.items()]
        write_table(self.path, pd.DataFrame(rows, columns=COLUMNS))
        self.changed = False
        newest_first = sorted(self.path.parent.glob("files-*.parquet"), key=lambda path: -path.stat().st_mtime_ns)
        for path in newest_first[MAX_FOLDERS:]:
            path.unlink()

    def _hash(self, path: str) -> str | None:
        try:
            return file_digest(self.root / path)
        except FileNotFoundError:  # deleted since it was listed
            return None
        except OSError as error:
            raise read_error(self.root / path, error) from error


def _key(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
