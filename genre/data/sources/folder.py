"""A folder for each genre, with audio files at any depth below it."""

import logging
from pathlib import Path

import mutagen
import pandas as pd

from genre.audio import SUFFIXES
from genre.data.tracks import COLUMNS
from genre.errors import GenreError

log = logging.getLogger(__name__)

TAGS = {"artist": ("albumartist", "artist"), "album": ("album",), "title": ("title",)}


class Folder:
    """`<root>/<genre>/**/*` in mp3, flac, ogg, wav or au.

    Artist, album and title come from a `tracks.csv` in the root that has `path` (relative to the root), `artist` and
    `album`, else from the files' tags.

    Args:
        root: The folder that holds a folder for each genre.
    """

    name = "folder"

    def __init__(self, root: str) -> None:
        self.root = root

    def tracks(self) -> pd.DataFrame:
        """List the audio files; see `Source.tracks`."""
        root = Path(self.root)
        if not root.is_dir():
            raise GenreError(f"{root} is not a folder: set data.root to one that holds a folder for each genre")
        found = [path for path in root.glob("*/**/*") if path.suffix.lower() in SUFFIXES and not path.is_dir()]
        inside = [path.relative_to(root) for path in found]
        files = sorted(path for path in inside if not any(part.startswith(".") for part in path.parts))
        if odd := [path for path in files if not _is_text(path)]:
            log.warning("%d files are left out: their names are not UTF-8 (%r ...)", len(odd), odd[0].as_posix())
            files = [path for path in files if path not in odd]
        if not files:
            raise GenreError(f"{root} holds no <genre>/*.mp3 (or {', '.join(SUFFIXES[1:])}): check data.root")
        paths = [path.as_posix() for path in files]
        table = pd.DataFrame({"track_id": paths, "path": paths, "genre": [path.parts[0] for path in files]})
        about = root / "tracks.csv"
        known = _from_csv(about, paths) if about.is_file() else _from_tags(root, paths)
        return table.join(known, on="path").assign(split=None).reindex(columns=COLUMNS).astype("str")


def _from_csv(about: Path, paths: list[str]) -> pd.DataFrame:
    try:
        table = pd.read_csv(about, dtype=str, keep_default_na=False, na_values=[""])
    except ValueError as error:  # of pandas' parser and of Unicode alike
        raise GenreError(f"{about} cannot be read ({' '.join(str(error).split())}): save it as CSV in UTF-8") from error
    missing = [name for name in ("path", "artist", "album") if name not in table]
    if missing:
        raise GenreError(
            f"{about} lacks the columns {', '.join(missing)}: add them, or remove the file to use the tags"
        )
    return table.drop_duplicates("path").set_index("path").reindex(paths, columns=list(TAGS))


def _is_text(path: Path) -> bool:
    try:
        path.as_posix().encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_tags(root: Path, paths: list[str]) -> pd.DataFrame:
    rows = [_tags(root / path) for path in paths]
    return pd.DataFrame(rows, index=pd.Index(paths), columns=list(TAGS))


def _tags(path: Path) -> dict[str, str]:
    """Empty for a file without tags; a broken file is for the extraction to reject, not for this."""
    try:
        tags = mutagen.File(path, easy=True)
    except mutagen.MutagenError:
        return {}
    if not tags:
        return {}
    found = {column: next((tags[key][0] for key in keys if tags.get(key)), None) for column, keys in TAGS.items()}
    return {column: value for column, value in found.items() if value}
