"""A folder for each genre, with audio files at any depth below it."""

import unicodedata
from pathlib import Path, PurePosixPath

import pandas as pd

from genre.audio.decoding import SUFFIXES
from genre.data.sources.listing import audio_files
from genre.data.sources.tags import KEYS, named, read_tags
from genre.data.tracks import COLUMNS
from genre.errors import GenreError


class Folder:
    """`<root>/<genre>/**/*` in mp3, flac, ogg, wav or au.

    Artist, album and title come from a `tracks.csv` in the root that has `path` (relative to the root), `artist` and
    `album`, else from the files' tags.

    Args:
        root: The folder that holds a folder for each genre.

    Attributes:
        index_folder: Where tags are kept for the next start; None for nowhere.
    """

    name = "folder"

    def __init__(self, root: str) -> None:
        self.root = root
        self.index_folder: Path | None = None

    def tracks(self) -> pd.DataFrame:
        """List the audio files; see `Source.tracks`."""
        root = Path(self.root)
        if not root.is_dir():
            raise GenreError(f"{root} is not a folder: set data.root to one that holds a folder for each genre")
        found = audio_files(root)
        files = [path for path in found if len(path.parts) > 1]
        if not files:
            kinds = f"<genre>/*.mp3 (or {', '.join(SUFFIXES[1:])})"
            flat = f"; its {len(found)} audio files, such as {found[0]}, lie in no folder of a genre" if found else ""
            advice = "move them to folders named after their genres" if found else "check data.root"
            raise GenreError(f"{root} holds no {kinds}{flat}: {advice}")
        paths = [path.as_posix() for path in files]
        table = pd.DataFrame({"track_id": paths, "path": paths, "genre": [path.parts[0] for path in files]})
        about = root / "tracks.csv"
        known = _from_csv(about, paths) if about.is_file() else read_tags(root, paths, self.index_folder)
        return table.join(named(known), on="path").assign(split=None).reindex(columns=COLUMNS).astype("str")


def _from_csv(about: Path, paths: list[str]) -> pd.DataFrame:
    """Read the table, indexed by the paths of the files."""
    try:
        table = pd.read_csv(about, dtype=str, keep_default_na=False, na_values=[""])
    except ValueError as error:  # of pandas' parser and of Unicode alike
        raise GenreError(f"{about} cannot be read ({' '.join(str(error).split())}): save it as CSV in UTF-8") from error
    missing = [name for name in ("path", "artist", "album") if name not in table]
    if missing:
        raise GenreError(
            f"{about} lacks the columns {', '.join(missing)}: add them, or remove the file to use the tags"
        )
    files = {unicodedata.normalize("NFC", path): path for path in paths}
    written = table["path"].dropna()
    table["path"] = written.map(lambda text: _file_of(text, files))
    matched = table["path"].notna().sum()
    if len(written) and matched < len(written) / 2 and table["path"].nunique() < len(paths) / 2:
        lost = written[table["path"].reindex(written.index).isna()].iloc[0]
        raise GenreError(
            f"{about} names {matched} of the {len(paths)} audio files, and {lost} is none of them: "
            f"write paths relative to its folder, such as {paths[0]}"
        )
    return table.dropna(subset="path").drop_duplicates("path").set_index("path").reindex(paths, columns=list(KEYS))


def _file_of(text: str, files: dict[str, str]) -> str | None:
    """The file that a path means, whatever its slashes, its Unicode form and the folders in front of the genre."""
    parts = PurePosixPath(unicodedata.normalize("NFC", text.strip()).replace("\\", "/")).parts
    candidates = ("/".join(parts[first:]) for first in range(max(0, len(parts) - 1)))
    return next((files[name] for name in candidates if name in files), None)
