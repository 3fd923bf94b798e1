"""List the audio files in a folder and warn about entries that cannot be used."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from genre.audio.decoding import SUFFIXES
from genre.errors import GenreError

log = logging.getLogger(__name__)


def find_audio_files(root: Path) -> list[Path]:
    """Find audio files at any depth, following links and ignoring hidden files and folders.

    Args:
        root: A folder.

    Returns:
        Paths relative to `root`, sorted. Files whose names are not UTF-8, pipes and devices are skipped with a warning;
        broken links are listed.

    Raises:
        GenreError: A folder cannot be read.
    """
    files: list[Path] = []
    skipped: dict[str, list[Path]] = {}
    for path, problem in _walk(root, Path(), ()):
        if problem:
            skipped.setdefault(problem, []).append(path)
        else:
            files.append(path)
    for problem, paths in skipped.items():
        log.warning("skipped %d files: %s (first: %r)", len(paths), problem, paths[0].as_posix())
    return sorted(files)


def _walk(root: Path, relative: Path, ancestors: tuple[tuple[int, int], ...]) -> Iterator[tuple[Path, str]]:
    """Yield each file and its problem; `ancestors` are device and inode of the folders that contain this one."""
    folder = root / relative
    try:
        status = folder.stat()
        with os.scandir(folder) as scan:
            entries = list(scan)
    except OSError as error:
        raise GenreError(f"{folder} cannot be read ({error.strerror}): make it readable or move it") from error
    identity = (status.st_dev, status.st_ino)
    if identity in ancestors:
        log.warning("skipped %s: it links to a folder that contains it", folder)
        return
    for entry in entries:
        path = relative / entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(root, path, (*ancestors, identity))
        elif path.suffix.lower() in SUFFIXES:
            if not _is_utf8(entry.name):
                yield path, "their names are not UTF-8"
            elif entry.is_file() or not os.path.exists(entry.path):  # noqa: PTH110
                yield path, ""
            else:
                yield path, "they are not regular files"


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
