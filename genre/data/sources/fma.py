"""Free Music Archive, `github.com/mdeff/fma`: clips of 30 s as mp3 and one big tracks.csv."""

import csv
from pathlib import Path

import pandas as pd
import pyarrow
from pyarrow import csv as arrow_csv

from genre.data.tracks import COLUMNS
from genre.errors import GenreError

SUBSETS = {
    "small": ["small"],
    "medium": ["small", "medium"],
    "large": ["small", "medium", "large"],
    "full": None,
}
GENRES = (
    "Blues",
    "Classical",
    "Country",
    "Easy Listening",
    "Electronic",
    "Experimental",
    "Folk",
    "Hip-Hop",
    "Instrumental",
    "International",
    "Jazz",
    "Old-Time / Historic",
    "Pop",
    "Rock",
    "Soul-RnB",
    "Spoken",
)
"""The genres of the full data set."""
SPLIT_NAMES = {"training": "train", "validation": "val", "test": "test"}
USED_COLUMNS = [
    ("set", "split"),
    ("set", "subset"),
    ("track", "genre_top"),
    ("track", "title"),
    ("artist", "id"),
    ("artist", "name"),
    ("album", "id"),
    ("album", "title"),
]


class Fma:
    """FMA as it unpacks: `fma_metadata/tracks.csv` and `fma_<subset>/000/000002.mp3` below one root.

    Args:
        root: The folder that holds `fma_metadata`.
        subset: small, medium, large or full; a subset contains the smaller ones.
    """

    name = "fma"
    known_genres = GENRES

    def __init__(self, root: str, subset: str = "large") -> None:
        if subset not in SUBSETS:
            raise GenreError(f"data.subset={subset} is unknown: use one of {', '.join(SUBSETS)}")
        self.root = root
        self.subset = subset

    def tracks(self) -> pd.DataFrame:
        """List the subset's tracks; see `Source.tracks`."""
        path = Path(self.root) / "fma_metadata" / "tracks.csv"
        if not path.is_file():
            raise GenreError(f"{path} does not exist: set data.root to the folder that holds fma_metadata/")
        table = _read(path)
        subsets = SUBSETS[self.subset]
        if subsets is not None:
            table = table[table["set.subset"].isin(subsets)]
        if table.empty:
            raise GenreError(f"{path} names no track of data.subset={self.subset}: use a larger subset")
        whole_number = table["track_id"].str.fullmatch(r"[0-9]{1,9}").fillna(False).astype(bool)
        if not whole_number.all():
            odd = table.loc[~whole_number, "track_id"].iloc[0]
            raise GenreError(f"{path} has a track id that is not a whole number ({odd}): fetch it again")
        number = table["track_id"].astype(int)
        if number.duplicated().any():
            raise GenreError(f"{path} has the track id {number[number.duplicated()].iloc[0]} twice: fetch it again")
        number = number.sort_values()
        table = table.loc[number.index]
        larger = list(SUBSETS)[list(SUBSETS).index(self.subset) :]  # holds the smaller ones too
        unpacked = [name for name in SUBSETS if (Path(self.root) / f"fma_{name}").is_dir()]
        there = [name for name in larger if name in unpacked]
        if unpacked and not there:
            raise GenreError(
                f"{self.root} holds fma_{unpacked[-1]}/ and not fma_{self.subset}/: use data.subset={unpacked[-1]}, or "
                f"unpack fma_{self.subset}.zip there"
            )
        folder = f"fma_{(there or larger)[0]}/"
        stem = number.map("{:06d}".format)
        return pd.DataFrame(
            {
                "track_id": number.astype(str),
                "path": folder + stem.str[:3] + "/" + stem + ".mp3",
                "genre": table["track.genre_top"],
                "artist": _named(table, "artist", "name"),
                "album": _named(table, "album", "title"),
                "title": table["track.title"],
                "split": table["set.split"].map(SPLIT_NAMES),
            },
            columns=COLUMNS,
        ).reset_index(drop=True)


def _named(table: pd.DataFrame, level: str, label: str) -> pd.Series:
    """Names repeat and change, ids do not: `name [id]` is readable and unique; missing where the id is."""
    return table[f"{level}.{label}"].fillna("?") + " [" + table[f"{level}.id"] + "]"


def _read(path: Path) -> pd.DataFrame:
    """Read the columns of use as text; Arrow parses in parallel and builds no others: the real file is 260 MB."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.reader(line.replace("\0", "") for line in file)
        try:
            levels = [next(rows, []) for _ in range(3)]
        except csv.Error as error:
            raise GenreError(f"{path} cannot be read ({error}): fetch it again") from error
    names = [f"{upper}.{lower}" for upper, lower in zip(*levels[:2], strict=False)]
    wanted = [f"{upper}.{lower}" for upper, lower in USED_COLUMNS]
    missing = [name for name in wanted if name not in names]
    if missing or levels[2][:1] != ["track_id"]:
        what = f"lacks the columns {', '.join(missing)}" if missing else "lacks the third header line `track_id`"
        raise GenreError(f"{path} {what}: use FMA's own fma_metadata/tracks.csv, unchanged")
    names[0] = "track_id"
    columns = ["track_id", *wanted]
    try:
        table = arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=3, block_size=1 << 24),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, pyarrow.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise GenreError(f"{path} cannot be read ({str(error).splitlines()[0]}): fetch it again") from error
    return table.to_pandas()
