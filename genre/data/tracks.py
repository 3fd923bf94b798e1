from typing import Protocol

import pandas as pd

COLUMNS = ["track_id", "path", "genre", "artist", "album", "title", "split"]
"""The track table: text everywhere; `path` is POSIX and relative to the source's root; `split` is an official one."""

PARTS = ("train", "val", "test")


class Source(Protocol):
    """Where a collection of music lies: it turns a folder into a track table.

    Attributes:
        name: One word; names the folder of the collection's cache.
        root: The folder that `path` is relative to.
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
