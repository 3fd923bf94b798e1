"""A table of tracks: one row per file, with its genre and, if known, artist, album, title and split."""

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from genre.data.tracks import COLUMNS, SPLITS
from genre.errors import GenreError

AS_TEXT: Any = {"dtype": str, "keep_default_na": False, "na_values": [""], "index_col": False, "on_bad_lines": "error"}
READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, **AS_TEXT, sep=_separator(path)),
    ".tsv": lambda path: pd.read_csv(path, **AS_TEXT, sep="\t"),
    ".parquet": pd.read_parquet,
    ".jsonl": lambda path: pd.DataFrame([json.loads(line) for line in path.read_text().splitlines() if line.strip()]),
}
OTHER_NAMES = {"path": ("file_name", "file", "filename"), "genre": ("label",)}
"""Names of columns that are understood without `data.columns`, in upper or lower case; file_name is that of Hugging
Face's AudioFolder."""
SPLIT_NAMES = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}
"""Other names of the splits."""

log = logging.getLogger(__name__)


class Table:
    """Tracks listed in a file: csv, tsv, parquet or jsonl.

    Args:
        root: Folder that the paths in the table are relative to.
        table: The file.
        columns: Names of its columns, where they differ from those of a track table: `{genre: label}`.

    Attributes:
        has_own_split: Whether the table has a column `split`, which is then used unless another split is chosen.
    """

    name = "table"

    def __init__(self, root: str, table: str | None, columns: Mapping[str, str] | None = None) -> None:
        if table is None:
            raise GenreError("data.table must be given: add data.table=tracks.csv")
        self.root, self.table, self.columns = root, Path(table), dict(columns or {})
        self.has_own_split = False
        if unknown := sorted(self.columns.keys() - set(COLUMNS)):
            name, other = unknown[0], self.columns[unknown[0]]
            if other in COLUMNS:
                raise GenreError(f"data.columns={{{name}: {other}}} is the wrong way round: write {{{other}: {name}}}")
            raise ValueError(f"columns.{name} is unknown: use {', '.join(COLUMNS)}")

    def tracks(self) -> pd.DataFrame:
        """List the files; see `Source.tracks`."""
        read = self._read()
        found = pd.DataFrame(index=read.index)
        for name in COLUMNS:
            column = self._column(name, read)
            try:
                found[name] = None if column is None else read[column].map(_text)
            except TypeError as error:
                raise GenreError(f"{self.table}: the column {column} {error}") from error
        self._warn_of_unknown_artists(read)
        found = found.dropna(subset="path")
        if found.empty:
            raise GenreError(f"{self.table} lists no file: check its column {self._column('path', read)}")
        found["path"] = found["path"].map(self._relative)
        self.has_own_split = bool(found["split"].notna().any())
        found["split"] = found["split"].str.lower().replace(SPLIT_NAMES)
        found["track_id"] = found["track_id"].fillna(found["path"])
        return self._without_duplicates(found).sort_values("track_id", ignore_index=True).astype("str")

    def _read(self) -> pd.DataFrame:
        reader = READERS.get(self.table.suffix.lower())
        if reader is None:
            raise GenreError(f"{self.table} has an unknown format: use one of {', '.join(READERS)}")
        try:
            return _with_plain_headers(reader(self.table))
        except OSError as error:
            raise GenreError(f"{self.table} cannot be read ({error.strerror}): set data.table to a file") from error
        except ValueError as error:  # includes errors of pandas' parser, of Arrow and UnicodeDecodeError
            message = " ".join(str(error).split())
            if isinstance(error, UnicodeDecodeError):
                message += "; save it as UTF-8"
            kind = f"{self.table} cannot be read as {self.table.suffix[1:]} ({message})"
            raise GenreError(f"{kind}: save it with a line of column names and one row per track") from error

    def _column(self, name: str, table: pd.DataFrame) -> str | None:
        """Name of a column in the file; None if an optional one is missing."""
        if given := self.columns.get(name):
            if given not in table:
                raise GenreError(f"{self.table} has no column {given}: it has {', '.join(table.columns)}")
            return given
        names = {column.lower(): column for column in table.columns} | {column: column for column in table.columns}
        found = next((names[other] for other in (name, *OTHER_NAMES.get(name, ())) if other in names), None)
        if found is None and name in OTHER_NAMES:
            raise GenreError(
                f"{self.table} has no column {name}: name it as in 'data.columns={{{name}: ...}}'; it has "
                f"{', '.join(table.columns)}"
            )
        return found

    def _warn_of_unknown_artists(self, table: pd.DataFrame) -> None:
        """Name the columns that nothing uses, one of which may be the artist."""
        used = {self._column(name, table) for name in COLUMNS}
        unused = [name for name in table.columns if name not in used]
        if self._column("artist", table) is None and unused:
            log.warning(
                "%s has no column artist: if an unused one (%s) names it, add it as in 'data.columns={artist: %s}'",
                self.table,
                ", ".join(unused),
                unused[0],
            )

    def _relative(self, text: str) -> str:
        path = PurePosixPath(text.replace("\\", "/"))
        if path.is_absolute():
            roots = [PurePosixPath(Path(self.root).absolute()), PurePosixPath(Path(self.root).resolve())]
            root = next((root for root in roots if root in path.parents), None)
            if root is None:
                raise GenreError(
                    f"{self.table}: {text} is not in {self.root}: set data.root, or root in on={{...}}, to a folder "
                    "that holds all files"
                )
            path = path.relative_to(root)
        return path.as_posix()

    def _without_duplicates(self, tracks: pd.DataFrame) -> pd.DataFrame:
        """Drop repeated rows; refuse a file with two genres or splits, and an id of two files."""
        unique = tracks.drop_duplicates()
        if count := len(tracks) - len(unique):
            log.warning("%s: ignored %d repeated row%s", self.table, count, "s" * (count > 1))
        for name in ("path", "track_id"):
            if (repeated := unique[name].duplicated()).any():
                first = unique[name][repeated].iloc[0]
                rows = unique[unique[name] == first]
                column = next(each for each in rows if rows[each].nunique(dropna=False) > 1)
                values = ", ".join(map(str, rows[column].unique()[:2]))
                advice = "keep one" if name == "path" else "give each file an id of its own"
                raise GenreError(
                    f"{self.table} has two rows with the {name} {first} whose {column} differs ({values}): {advice}"
                )
        return unique


def read_splits(path: Path, track_ids: pd.Series) -> pd.Series:
    """Read the split of each track from a file written by `genre split`.

    Args:
        path: CSV file with the columns `track_id` and `split`.
        track_ids: Tracks to look up.

    Returns:
        One of `SPLITS` per track.

    Raises:
        GenreError: The file cannot be read, lacks a track or has another split.
    """
    try:
        table = _with_plain_headers(READERS[".csv"](path)).rename(columns=str.lower)[["track_id", "split"]]
        table = table.map(_text).fillna("")
        table["split"] = table["split"].str.lower().replace(SPLIT_NAMES)
        splits = table.drop_duplicates().set_index("track_id")["split"]
    except OSError as error:
        raise GenreError(f"{path} cannot be read ({error.strerror}): genre split writes such a file") from error
    except (ValueError, KeyError) as error:
        raise GenreError(f"{path} is not a split: it needs the columns track_id and split") from error
    if splits.index.has_duplicates:
        raise GenreError(f"{path} puts {splits.index[splits.index.duplicated()][0]} into two splits")
    if unknown := sorted(set(splits) - set(SPLITS)):
        raise GenreError(f"{path} has the unknown split {unknown[0]}: use {', '.join(SPLITS)}")
    missing = track_ids[~track_ids.isin(splits.index)]
    if len(missing):
        raise GenreError(
            f"{path} has no split for {len(missing)} of {len(track_ids)} tracks (first: {missing.iloc[0]}): add them, "
            "or exclude their genres"
        )
    return track_ids.map(splits)


def _with_plain_headers(table: pd.DataFrame) -> pd.DataFrame:
    """Strip the blanks around the names of columns.

    Raises:
        ValueError: Two columns then have one name.
    """
    table = table.rename(columns=lambda name: str(name).strip())
    if table.columns.has_duplicates:
        raise ValueError(f"two columns are named {table.columns[table.columns.duplicated()][0]}")
    return table


def _separator(path: Path) -> str:
    """Separator of a csv file: a semicolon, as some spreadsheets write it, if its first line has no comma."""
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline()
    return ";" if ";" in first and "," not in first else ","


def _text(value: object) -> str | None:
    """A cell as text, None if it is empty; a whole number without a decimal point, which pandas adds beside gaps."""
    if isinstance(value, list | tuple | dict | np.ndarray):
        raise TypeError("has several values in one cell: keep one")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if pd.isna(value) else str(value).strip() or None
