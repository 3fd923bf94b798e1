"""Read artist, album and title from the tags of audio files, and cache them."""

import errno
import hashlib
import logging
import os
from pathlib import Path

import mutagen
import pandas as pd
from mutagen.wave import WAVE

from genre.data.cache.lock import READ_ONLY
from genre.files import atomic_write

TAG_NAMES = {
    "albumartist": ("albumartist", "TPE2"),
    "artist": ("artist", "TPE1"),
    "album": ("album", "TALB"),
    "title": ("title", "TIT2"),
}
"""Names of each tag: mutagen's easy name, and the ID3 frame in WAV files."""
VARIOUS_ARTISTS = frozenset(
    ["various artists", "various artist", "various", "va", "v.a.", "v/a", "diverse", "verschiedene interpreten"]
)
"""Album artists that stand for several artists, casefolded."""
MIN_CACHED_FILES = 200
"""Tags of fewer files are read in a fraction of a second and are not cached."""
FILE_ERRORS = (None, errno.EINVAL, errno.ENOENT)
"""System errors caused by the file itself: a seek to a negative position, a broken link."""

log = logging.getLogger(__name__)


def resolve_artists(tags: pd.DataFrame) -> pd.DataFrame:
    """Select one artist per track: the album artist if it stands for one artist, else the artist.

    Args:
        tags: Text or missing, with the columns `TAG_NAMES`.

    Returns:
        `artist`, `album` and `title`. The album of several artists becomes `album [Various Artists]`, so that it is
        recognized as one album.
    """
    tags = tags.astype("str")
    is_compilation = _is_various(tags["albumartist"])
    artist = tags["albumartist"].where(~is_compilation).fillna(tags["artist"])
    album = tags["album"].where(~is_compilation, tags["album"] + " [Various Artists]")
    return pd.DataFrame({"artist": artist.mask(_is_various(artist)), "album": album, "title": tags["title"]})


def read_tags(root: Path, paths: list[str], index_folder: Path | None = None) -> pd.DataFrame:
    """Read the tags of files; reuse cached tags of files with unchanged size and modification time.

    Args:
        root: Folder that the paths are relative to.
        paths: Paths of the files.
        index_folder: Folder of the cached tags; None to cache nothing.

    Returns:
        Text or missing, indexed by path, with the columns `TAG_NAMES`.
    """
    status = [_status(root / path) for path in paths]
    table = pd.DataFrame(status, index=pd.Index(paths, name="path"), columns=["size", "mtime_ns"])
    digest = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=5).hexdigest()
    index = index_folder / f"tags-{digest}.parquet" if index_folder and len(paths) >= MIN_CACHED_FILES else None
    known = _load(index).reindex(paths)
    unchanged = (known["size"] == table["size"]) & (known["mtime_ns"] == table["mtime_ns"])
    changed = table.index[~unchanged]
    rows, unreadable = _read_all(root, list(changed))
    read = pd.DataFrame(rows, index=changed, columns=list(TAG_NAMES))
    for column in TAG_NAMES:
        table[column] = known[column].where(unchanged, read[column].reindex(paths)).astype("str")
    table.loc[unreadable, "mtime_ns"] = -1  # matches no file, so that the next call reads it again
    if index and len(changed):
        _save(index, table)
    return table[list(TAG_NAMES)]


def _read_all(root: Path, paths: list[str]) -> tuple[list[dict[str, str]], list[str]]:
    """Return the tags of each file, and the files that the system could not read."""
    rows, failures, unreadable = [], [], []
    for path in paths:
        tags: dict[str, str] = {}
        try:
            tags = _tags(root / path)
        except mutagen.MutagenError as error:  # the extraction will reject a damaged file
            cause = error.args[0] if error.args else None
            if isinstance(cause, OSError) and cause.errno not in FILE_ERRORS:
                failures.append(f"{path}: {cause.strerror}")
                unreadable.append(path)
        except Exception as error:  # mutagen raises IndexError and others on damaged headers
            failures.append(f"{path}: {type(error).__name__}: {error}")
        rows.append(tags)
    if failures:
        log.warning("the tags of %d files cannot be read (first: %s)", len(failures), failures[0])
    return rows, unreadable


def _tags(path: Path) -> dict[str, str]:
    tags = WAVE(path).tags if path.suffix.lower() == ".wav" else mutagen.File(path, easy=True)
    found = {}
    for column, keys in TAG_NAMES.items():
        values = next((tags[key] for key in keys if tags and key in tags), None)
        text = str(values[0]) if values else ""  # an ID3 frame is also a list of texts
        if text:
            found[column] = text
    return found


def _is_various(names: pd.Series) -> pd.Series:
    return names.str.strip().str.casefold().isin(VARIOUS_ARTISTS)


def _status(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _load(index: Path | None) -> pd.DataFrame:
    empty = pd.DataFrame(columns=["size", "mtime_ns", *TAG_NAMES], index=pd.Index([], dtype="str"))
    if index is None or not index.is_file():
        return empty
    try:
        return pd.read_parquet(index)[list(empty.columns)]
    except (ValueError, KeyError, OSError):  # a damaged file is replaced
        return empty


def _save(index: Path, table: pd.DataFrame) -> None:
    try:
        index.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(index) as temporary:
            table.to_parquet(temporary)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
