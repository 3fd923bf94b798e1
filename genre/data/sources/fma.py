"""Free Music Archive (github.com/mdeff/fma, Defferrard et al., 2017): 30 s MP3 clips and a tracks.csv."""

import csv
from pathlib import Path

import pandas as pd
import pyarrow
from pyarrow import csv as arrow_csv

from genre.data.tracks import COLUMNS
from genre.errors import GenreError

SUBSETS = ("small", "medium", "large", "full")
"""From small to large; each contains the ones before it."""
GENRES = [
    "Blues", "Classical", "Country", "Easy Listening", "Electronic", "Experimental", "Folk", "Hip-Hop", "Instrumental",
    "International", "Jazz", "Old-Time / Historic", "Pop", "Rock", "Soul-RnB", "Spoken",
]  # fmt: skip
"""Genres of the full data set."""
SPLIT_NAMES = {"training": "train", "validation": "val", "test": "test"}
USED_COLUMNS = [
    "set.split", "set.subset", "track.genre_top", "track.title", "artist.id", "artist.name", "album.id", "album.title",
]  # fmt: skip

OPTIONAL_COLUMNS = ["track.license"]


class Fma:
    """FMA as unpacked: `fma_metadata/tracks.csv` and `fma_<subset>/000/000002.mp3` in one folder.

    Args:
        root: Folder that contains `fma_metadata`.
        subset: small, medium, large or full.
    """

    name = "fma"
    known_genres = GENRES

    def __init__(self, root: str, subset: str = "large") -> None:
        if subset not in SUBSETS:
            raise GenreError(f"data.subset={subset} is unknown: use one of {', '.join(SUBSETS)}")
        self.root = root
        self.subset = subset

    def tracks(self) -> pd.DataFrame:
        """List the tracks of the subset; see `Source.tracks`."""
        path = Path(self.root) / "fma_metadata" / "tracks.csv"
        if not path.is_file():
            raise GenreError(f"{path} does not exist: set data.root to the folder that contains fma_metadata/")
        table = _read(path)
        if self.subset != "full":
            table = table[table["set.subset"].isin(SUBSETS[: SUBSETS.index(self.subset) + 1])]
        if table.empty:
            raise GenreError(f"{path} has no track of data.subset={self.subset}: use a larger subset")
        is_number = table["track_id"].str.fullmatch(r"[0-9]{1,9}").fillna(False).astype(bool)
        if not is_number.all():
            invalid = table.loc[~is_number, "track_id"].iloc[0]
            raise GenreError(f"{path} has a non-numeric track id ({invalid}): download it again")
        number = table["track_id"].astype(int).sort_values()
        if number.duplicated().any():
            repeated = number[number.duplicated()].iloc[0]
            raise GenreError(f"{path} has the track id {repeated} more than once: download it again")
        table = table.loc[number.index]
        stem = number.map("{:06d}".format)
        return pd.DataFrame(
            {
                "track_id": number.astype(str),
                "path": self._audio_folder() + "/" + stem.str[:3] + "/" + stem + ".mp3",
                "genre": table["track.genre_top"],
                "artist": _unique_names(table, "artist", "name"),
                "album": _unique_names(table, "album", "title"),
                "title": table["track.title"],
                "split": table["set.split"].map(SPLIT_NAMES),
                "license": table.get("track.license"),
            },
            columns=COLUMNS,
        ).reset_index(drop=True)

    def _audio_folder(self) -> str:
        """Return the name of the folder of the audio files: that of the smallest unpacked subset with all of them."""
        unpacked = [name for name in SUBSETS if (Path(self.root) / f"fma_{name}").is_dir()]
        complete = [name for name in SUBSETS[SUBSETS.index(self.subset) :] if name in unpacked]
        if unpacked and not complete:
            raise GenreError(
                f"{self.root} contains fma_{unpacked[-1]}/ but not fma_{self.subset}/: use data.subset={unpacked[-1]}, "
                f"or unpack fma_{self.subset}.zip there"
            )
        return f"fma_{complete[0] if complete else self.subset}"


def _unique_names(table: pd.DataFrame, level: str, label: str) -> pd.Series:
    """Return `name [id]`, since several artists or albums may share a name; missing where the id is missing."""
    return table[f"{level}.{label}"].fillna("?") + " [" + table[f"{level}.id"] + "]"


def _read(path: Path) -> pd.DataFrame:
    """Read the used columns as text. Arrow parses the 260 MB of the real file in parallel."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.reader(line.replace("\0", "") for line in file)
        try:
            levels = [next(rows, []) for _ in range(3)]
        except csv.Error as error:
            raise GenreError(f"{path} cannot be read ({error}): download it again") from error
    names = [f"{upper}.{lower}" for upper, lower in zip(*levels[:2], strict=False)]
    missing = [name for name in USED_COLUMNS if name not in names]
    if missing or levels[2][:1] != ["track_id"]:
        what = f"lacks the columns {', '.join(missing)}" if missing else "lacks the third header line `track_id`"
        raise GenreError(f"{path} {what}: use the original fma_metadata/tracks.csv")
    columns = ["track_id", *USED_COLUMNS, *(name for name in OPTIONAL_COLUMNS if name in names)]
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(column_names=["track_id", *names[1:]], skip_rows=3, block_size=1 << 24),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, pyarrow.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise GenreError(f"{path} cannot be read ({str(error).splitlines()[0]}): download it again") from error
    return table.to_pandas()
