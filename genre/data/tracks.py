"""TODO."""

import json
import re
import shlex
from collections.abc import Collection
from difflib import get_close_matches
from typing import Protocol

import pandas as pd

from genre.errors import GenreError

COLUMNS = ["track_id", "path", "genre", "artist", "album", "title", "split"]
"""The track table: text everywhere; `path` is POSIX and relative to the source's root; `split` is an official one."""

SPLITS = ("train", "val", "test")


def excluding(genres: list[str]) -> str:
    """Write the override that excludes genres, quoted for Hydra and for a shell."""
    names = [name if re.fullmatch(r"[\w./-]+( [\w./-]+)*", name) else json.dumps(name) for name in genres]
    return shlex.quote(f"data.exclude_genres=[{','.join(names)}]")


class Source(Protocol):
    """Where a collection of music lies: it turns a folder into a track table.

    Attributes:
        name: One word for the kind of collection.
        root: The folder that `path` is relative to.

    A source may have `known_genres` too: genres that may be excluded even if the collection has no track of them.
    """

    name: str
    root: str

    def tracks(self) -> pd.DataFrame:
        """List the collection.

        Returns:
            A track table, one row a track (`COLUMNS`), sorted by `track_id`; whatever is unknown is missing.

        Raises:
            GenreError: The folder is not what this source expects.
        """
        ...


def with_clear_names(tracks: pd.DataFrame) -> pd.DataFrame:
    """Make equal names mean the same artist or album, and other names another.

    Artists whose names differ only in case, outer blanks or Unicode form get the spelling of the first. An album title
    that several artists have becomes `title [artist]`, as "Greatest Hits" are many albums, unless the title ends in a
    bracket already: sources name albums `title [id]`, and those of many artists `title [Various Artists]`.

    Args:
        tracks: A track table.

    Returns:
        The table with `artist` and `album` changed; a blank artist is a missing one.
    """
    name = tracks["artist"].str.strip().str.normalize("NFC")
    name = name.mask(name == "")
    artist = name.groupby(name.str.casefold()).transform("first")
    album = tracks["album"]
    shared = artist.groupby(album).transform("nunique") > 1
    ambiguous = shared & artist.notna() & ~album.str.endswith("]").fillna(False).astype(bool)
    return tracks.assign(artist=artist, album=album.mask(ambiguous, album + " [" + artist + "]"))


class Selection:
    """A track table and, in a second one, what was dropped from it and why.

    Args:
        tracks: The track table.

    Attributes:
        kept: The tracks that are left.
        rejected: The tracks that were dropped, with `reason` (a code) and `detail` (for a person).
    """

    def __init__(self, tracks: pd.DataFrame) -> None:
        self.kept = tracks
        self.rejected = tracks.iloc[:0].assign(reason="", detail="")

    def reject(self, unwanted: pd.Series, reason: str, detail: str | pd.Series = "") -> None:
        """Drop tracks.

        Args:
            unwanted: Boolean, aligned with `kept`.
            reason: Their reason code.
            detail: What happened, one text for all or aligned with `kept`.
        """
        if isinstance(detail, pd.Series):
            detail = detail[unwanted]  # to a frame without rows pandas would add the series' own
        dropped = self.kept[unwanted].assign(reason=reason, detail=detail)
        self.rejected = pd.concat([self.rejected, dropped], ignore_index=True)
        self.kept = self.kept[~unwanted]

    def reject_genres(self, exclude: list[str], known_genres: Collection[str] = ()) -> None:
        """Drop tracks without a genre and excluded genres.

        Args:
            exclude: The genres to exclude.
            known_genres: Genres that may be excluded even if the collection has no track of them.

        Raises:
            GenreError: An excluded genre is none of the collection's.
        """
        genres = sorted(self.kept["genre"].dropna().unique())
        if unknown := [genre for genre in exclude if genre not in genres and genre not in known_genres]:
            folded = {genre.casefold(): genre for genre in genres}
            meant = [folded[name] for genre in unknown for name in get_close_matches(genre.casefold(), folded, n=1)]
            hint = f", did you mean {', '.join(dict.fromkeys(meant))}" if meant else ""
            raise GenreError(
                f"data.exclude_genres: {', '.join(unknown)} is not here{hint}: use some of {', '.join(genres)}"
            )
        self.reject(self.kept["genre"].isna(), "missing_genre")
        self.reject(self.kept["genre"].isin(exclude), "excluded_genre")

    def reject_rare_genres(self, min_tracks: int) -> None:
        """Drop genres of fewer than `min_tracks` tracks."""
        count = self.kept.groupby("genre")["track_id"].transform("size")
        self.reject(count < min_tracks, "rare_genre", f"its genre has fewer than {min_tracks} tracks")

    @property
    def reason_counts(self) -> dict[str, int]:
        """How many tracks were dropped for each reason, most first."""
        return {str(reason): int(count) for reason, count in self.rejected["reason"].value_counts().items()}
