"""A folder per genre, with audio files at any depth."""

import unicodedata
from pathlib import Path, PurePosixPath

import pandas as pd

from genre.audio.decoding import SUFFIXES
from genre.data.sources.listing import find_audio_files
from genre.data.sources.tags import TAG_NAMES, read_tags, resolve_artists
from genre.data.tracks import COLUMNS
from genre.errors import GenreError


class Folder:
    """Audio files in `<root>/<genre>/**/*`.

    Artist, album and title are read from `<root>/tracks.csv` if it exists (columns `path`, relative to the root,
    `artist` and `album`), else from the tags of the files.

    Args:
        root: Folder that contains a folder per genre.

    Attributes:
        index_folder: Folder in which tags are cached; None to read them each time.
    """

    name = "folder"

    def __init__(self, root: str) -> None:
        self.root = root
        self.index_folder: Path | None = None

    def tracks(self) -> pd.DataFrame:
        """List the audio files; see `Source.tracks`."""
        root = Path(self.root)
        if not root.is_dir():
            raise GenreError(f"{root} is not a folder: set data.root to a folder that contains a folder per genre")
        found = find_audio_files(root)
        files = [path for path in found if len(path.parts) > 1]
        if not files and found:
            raise GenreError(
                f"{root} has {len(found)} audio files outside genre folders, such as {found[0]}: move them to folders "
                "named after their genres"
            )
        if not files:
            suffixes = ", ".join(SUFFIXES[1:])
            raise GenreError(f"{root} contains no <genre>/*.mp3 (or {suffixes}): every genre needs a folder in it")
        paths = [path.as_posix() for path in files]
        table = pd.DataFrame({"track_id": paths, "path": paths, "genre": [path.parts[0] for path in files]})
        metadata = root / "tracks.csv"
        tags = _read_csv(metadata, paths) if metadata.is_file() else read_tags(root, paths, self.index_folder)
        return table.join(resolve_artists(tags), on="path").assign(split=None).reindex(columns=COLUMNS).astype("str")


def _read_csv(metadata: Path, paths: list[str]) -> pd.DataFrame:
    """Read the columns of `TAG_NAMES`, indexed by the paths of the audio files."""
    try:
        table = pd.read_csv(metadata, dtype=str, keep_default_na=False, na_values=[""])
    except ValueError as error:  # includes errors of pandas' parser and UnicodeDecodeError
        message = " ".join(str(error).split())
        raise GenreError(f"{metadata} cannot be read ({message}): save it as CSV in UTF-8") from error
    missing = [name for name in ("path", "artist", "album") if name not in table]
    if missing:
        raise GenreError(f"{metadata} lacks the columns {', '.join(missing)}: add them, or delete the file to use tags")
    files = {unicodedata.normalize("NFC", path): path for path in paths}
    listed = table["path"].dropna()
    table["path"] = listed.map(lambda text: _match(text, files))
    matched = table["path"].notna().sum()
    if len(listed) and matched < len(listed) / 2 and table["path"].nunique() < len(paths) / 2:
        unmatched = listed[table["path"].reindex(listed.index).isna()].iloc[0]
        raise GenreError(
            f"{metadata} lists {matched} of the {len(paths)} audio files, and {unmatched} does not exist: write paths "
            f"relative to its folder, such as {paths[0]}"
        )
    return table.dropna(subset="path").drop_duplicates("path").set_index("path").reindex(paths, columns=list(TAG_NAMES))


def _match(text: str, files: dict[str, str]) -> str | None:
    """Find the file of a path with any slashes, Unicode normalization form and leading folders."""
    parts = PurePosixPath(unicodedata.normalize("NFC", text.strip()).replace("\\", "/")).parts
    candidates = ("/".join(parts[first:]) for first in range(max(0, len(parts) - 1)))
    return next((files[name] for name in candidates if name in files), None)
