"""The track table, the sources that list it, and the selection of usable tracks."""

import json
import re
import shlex
from collections.abc import Collection
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

import pandas as pd

from genre.config.schema import DataConfig
from genre.errors import GenreError

COLUMNS = ["track_id", "path", "genre", "artist", "album", "title", "split", "license"]
"""Columns of the track table, all text. `path` is POSIX and relative to the source's root; `split` is an official one.
"""
SPLITS = ("train", "val", "test")
MAX_NAMED_LICENSES = 5


class Source(Protocol):
    """A data set in a folder, from which it makes a track table.

    Attributes:
        name: One word for the kind of data set.
        root: The folder that `path` is relative to.

    A source may also have `known_genres`: genres that may be excluded even if no track has them.
    """

    name: str
    root: str

    def tracks(self) -> pd.DataFrame:
        """List the tracks.

        Returns:
            One row per track with the columns `COLUMNS`, sorted by `track_id`; unknown values are missing.

        Raises:
            GenreError: The folder does not have the structure that this source expects.
        """
        ...


def collection_name(data: DataConfig) -> str:
    """Name of a collection: that of its folder and table where `data.name` only says how its tracks are listed."""
    root = Path(data.root).resolve().name
    names = {"folder": root, "table": f"{root}-{Path(data.table).stem}" if data.table else root}
    name = names.get(data.name, data.name)
    return f"{name}_{data.subset}" if data.subset else name


def exclude_override(genres: list[str]) -> str:
    """Write the override that excludes genres, quoted for Hydra and for a shell."""
    names = [name if re.fullmatch(r"[\w./-]+( [\w./-]+)*", name) else json.dumps(name) for name in genres]
    return shlex.quote(f"data.exclude_genres=[{','.join(names)}]")


def unify_names(tracks: pd.DataFrame) -> pd.DataFrame:
    """Give each artist and album one name, and no two of them the same.

    Artists whose names differ only in case, surrounding blanks or Unicode form get the first one's spelling. An album
    title that several artists have becomes `title [artist]`, since there are many albums called "Greatest Hits". Titles
    that end in a bracket stay: sources name albums `title [id]`, and compilations `title [Various Artists]`.

    Args:
        tracks: A track table.

    Returns:
        The table with changed `artist` and `album`; blank artists are missing.
    """
    name = tracks["artist"].str.strip().str.normalize("NFC")
    name = name.mask(name == "")
    artist = name.groupby(name.str.casefold()).transform("first")
    album = tracks["album"]
    shared = artist.groupby(album).transform("nunique") > 1
    ambiguous = shared & artist.notna() & ~album.str.endswith("]").fillna(False).astype(bool)
    return tracks.assign(artist=artist, album=album.mask(ambiguous, album + " [" + artist + "]"))


class Selection:
    """A track table, and a second one of the tracks rejected from it.

    Args:
        tracks: The track table.

    Attributes:
        kept: The remaining tracks.
        rejected: The rejected tracks, with `reason` (a code) and `detail` (for people).
    """

    def __init__(self, tracks: pd.DataFrame) -> None:
        self.kept = tracks
        self.rejected = tracks.iloc[:0].assign(reason="", detail="")

    @property
    def reason_counts(self) -> dict[str, int]:
        """Number of rejected tracks per reason, the most frequent first."""
        return {str(reason): int(count) for reason, count in self.rejected["reason"].value_counts().items()}

    def reject(self, mask: pd.Series, reason: str, detail: str | pd.Series = "") -> None:
        """Reject tracks.

        Args:
            mask: Which tracks, aligned with `kept`.
            reason: Their reason code.
            detail: What is wrong: one text for all, or aligned with `kept`.
        """
        if isinstance(detail, pd.Series):
            detail = detail[mask]  # pandas would add the other rows to an empty table
        rejected = self.kept[mask].assign(reason=reason, detail=detail)
        self.rejected = pd.concat([self.rejected, rejected], ignore_index=True)
        self.kept = self.kept[~mask]

    def reject_genres(self, exclude: list[str], known_genres: Collection[str] = ()) -> None:
        """Reject tracks without a genre and excluded genres.

        Args:
            exclude: Genres to exclude.
            known_genres: Genres that may be excluded even if no track has them.

        Raises:
            GenreError: An excluded genre does not exist.
        """
        genres = sorted(self.kept["genre"].dropna().unique())
        if unknown := [genre for genre in exclude if genre not in genres and genre not in known_genres]:
            folded = {genre.casefold(): genre for genre in genres}
            meant = [folded[name] for genre in unknown for name in get_close_matches(genre.casefold(), folded, n=1)]
            hint = f" (did you mean {', '.join(dict.fromkeys(meant))}?)" if meant else ""
            raise GenreError(
                f"data.exclude_genres: unknown genre {', '.join(unknown)}{hint}: use some of {', '.join(genres)}"
            )
        self.reject(self.kept["genre"].isna(), "missing_genre")
        self.reject(self.kept["genre"].isin(exclude), "excluded_genre")

    def reject_licenses(self, allowed: list[str]) -> None:
        """Reject tracks whose license is unknown or is none of those allowed.

        Args:
            allowed: Names of licenses in any case, in which `*` stands for any text; empty to allow all.

        Raises:
            GenreError: No track has one of these licenses.
        """
        if not allowed:
            return
        names = self.kept.reindex(columns=["license"])["license"].fillna("").str.casefold()
        known = self.kept.reindex(columns=["license"])["license"].value_counts().index
        matches = {name: names.map(lambda text, name=name: fnmatchcase(text, name.casefold())) for name in allowed}
        for name, mask in matches.items():
            if not mask.any():
                found = f"they are {'; '.join(known[:MAX_NAMED_LICENSES])}" if len(known) else "they are unknown here"
                raise GenreError(f"data.licenses: no track has the license {name}: {found}")
        self.reject(~pd.DataFrame(matches).any(axis=1), "excluded_license")

    def reject_rare_genres(self, min_tracks: int) -> None:
        """Reject genres with fewer than `min_tracks` tracks."""
        count = self.kept.groupby("genre")["track_id"].transform("size")
        self.reject(count < min_tracks, "rare_genre", f"its genre has fewer than {min_tracks} tracks")
