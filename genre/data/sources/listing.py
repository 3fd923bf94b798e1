"""List the audio files below a folder, and name what cannot be listed."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from genre.audio.decoding import SUFFIXES
from genre.errors import GenreError

log = logging.getLogger(__name__)


def audio_files(root: Path) -> list[Path]:
    """List audio files at any depth, through links too, without hidden files and folders.

    Args:
        root: A folder.

    Returns:
        Paths relative to `root`, sorted. Names that are not UTF-8 and files that are not regular ones, such as pipes
        and devices, are left out with a warning; links that lead nowhere are listed.

    Raises:
        GenreError: A folder cannot be read.
    """
    files: list[Path] = []
    odd: dict[str, list[Path]] = {}
    for path, problem in _walk(root, Path(), ()):
        if problem:
            odd.setdefault(problem, []).append(path)
        else:
            files.append(path)
    for problem, paths in odd.items():
        log.warning("%d files are left out: %s (%r ...)", len(paths), problem, paths[0].as_posix())
    return sorted(files)


def _walk(root: Path, inside: Path, above: tuple[tuple[int, int], ...]) -> Iterator[tuple[Path, str]]:
    """Each file with what is wrong with it; `above` are device and inode of the folders around it."""
    folder = root / inside
    try:
        status = folder.stat()
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError as error:
        raise GenreError(f"{folder} cannot be read ({error.strerror}): make it readable, or move it away") from error
    here = (status.st_dev, status.st_ino)
    if here in above:  # a link to a folder that it lies in
        log.warning("%s is left out: it links to a folder that contains it", folder)
        return
    for entry in entries:
        path = inside / entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(root, path, (*above, here))
        elif path.suffix.lower() in SUFFIXES:
            if not _is_text(entry.name):
                yield path, "their names are not UTF-8"
            elif entry.is_file() or not os.path.exists(entry.path):  # noqa: PTH110
                yield path, ""
            else:
                yield path, "they are not regular files"


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
