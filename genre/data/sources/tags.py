"""Artist, album and title from the tags of audio files, kept between starts."""

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

KEYS = {
    "albumartist": ("albumartist", "TPE2"),
    "artist": ("artist", "TPE1"),
    "album": ("album", "TALB"),
    "title": ("title", "TIT2"),
}
"""Names of the tags: mutagen's easy ones, and those of the ID3 frames that WAV files have."""
COLLECTIVE = frozenset(
    ["various artists", "various artist", "various", "va", "v.a.", "v/a", "diverse", "verschiedene interpreten"]
)
"""Album artists that mean several artists, casefolded."""
MANY = 200
"""Files from which on their tags are kept; those of fewer are read in a fraction of a second."""
CONTENT = (None, errno.EINVAL, errno.ENOENT)
"""Numbers of system errors that a file itself causes: a seek to before its beginning, a link that leads nowhere."""

log = logging.getLogger(__name__)


def named(found: pd.DataFrame) -> pd.DataFrame:
    """Decide who the artist is.

    Args:
        found: Text or missing, with `KEYS` as columns.

    Returns:
        `artist`, `album` and `title`: the artist is the album's, unless that means several. An album of many artists
        reads `title [Various Artists]`, as only such an album is one album for all of them.
    """
    found = found.astype("str")
    many = _is_collective(found["albumartist"])
    artist = found["albumartist"].where(~many).fillna(found["artist"])
    artist = artist.mask(_is_collective(artist))
    return pd.DataFrame(
        {
            "artist": artist,
            "album": found["album"].where(~many, found["album"] + " [Various Artists]"),
            "title": found["title"],
        }
    )


def read_tags(root: Path, paths: list[str], index_folder: Path | None = None) -> pd.DataFrame:
    """Read the tags of files, or take them from the last time where a file's size and time of change are the same.

    Args:
        root: What the paths are relative to.
        paths: The files.
        index_folder: Where to keep what was read; None for nowhere.

    Returns:
        Text or missing, indexed by path, with `KEYS` as columns.
    """
    status = [_status(root / path) for path in paths]
    table = pd.DataFrame(status, index=pd.Index(paths, name="path"), columns=["size", "mtime_ns"])
    digest = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=5).hexdigest()
    index = index_folder / f"tags-{digest}.parquet" if index_folder and len(paths) >= MANY else None
    known = _load(index).reindex(paths)
    same = (known["size"] == table["size"]) & (known["mtime_ns"] == table["mtime_ns"])
    fresh = table.index[~same]
    rows, unread = _read_all(root, list(fresh))
    read = pd.DataFrame(rows, index=fresh, columns=list(KEYS))
    for column in KEYS:
        table[column] = known[column].where(same, read[column].reindex(paths)).astype("str")
    table.loc[unread, "mtime_ns"] = -1  # no file's: the next start reads it again
    if index and len(fresh):
        _keep(index, table)
    return table[list(KEYS)]


def _read_all(root: Path, paths: list[str]) -> tuple[list[dict[str, str]], list[str]]:
    """The tags of each file, and the files that the system could not read."""
    rows, odd, unread = [], [], []
    for path in paths:
        try:
            rows.append(_tags(root / path))
        except mutagen.MutagenError as error:  # a broken file is for the extraction to reject
            cause = error.args[0] if error.args else None
            if isinstance(cause, OSError) and cause.errno not in CONTENT:
                odd.append(f"{path}: {cause.strerror}")
                unread.append(path)
            rows.append({})
        except Exception as error:  # mutagen raises IndexError and others on damaged headers
            odd.append(f"{path}: {type(error).__name__}: {error}")
            rows.append({})
    if odd:
        log.warning("the tags of %d files cannot be read (%s%s)", len(odd), odd[0], ", ..." if len(odd) > 1 else "")
    return rows, unread


def _tags(path: Path) -> dict[str, str]:
    tags = WAVE(path).tags if path.suffix.lower() == ".wav" else mutagen.File(path, easy=True)
    found = {}
    for column, keys in KEYS.items():
        values = next((tags[key] for key in keys if tags and key in tags), None)
        text = str(values[0]) if values else ""  # an ID3 frame is a list of texts, too
        if text:
            found[column] = text
    return found


def _is_collective(names: pd.Series) -> pd.Series:
    return names.str.strip().str.casefold().isin(COLLECTIVE)


def _status(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _load(index: Path | None) -> pd.DataFrame:
    empty = pd.DataFrame(columns=["size", "mtime_ns", *KEYS], index=pd.Index([], dtype="str"))
    if index is None or not index.is_file():
        return empty
    try:
        return pd.read_parquet(index)[list(empty.columns)]
    except (ValueError, KeyError, OSError):  # damaged: it is written again
        return empty


def _keep(index: Path, table: pd.DataFrame) -> None:
    try:
        index.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(index) as temporary:
            table.to_parquet(temporary)
    except OSError as error:
        if error.errno not in READ_ONLY:
            raise
