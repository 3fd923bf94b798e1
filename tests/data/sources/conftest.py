"""Folders of short audio files with tags, and the track tables of the source `folder`."""

from pathlib import Path

import mutagen.flac
import mutagen.oggvorbis
import pandas as pd
import pytest
from mutagen.easyid3 import EasyID3

from genre.data.sources.folder import Folder
from genre.errors import GenreError
from tests.conftest import sound, write_sound

SHORT = sound(0, seconds=0.2)


def listed(root: Path) -> pd.DataFrame:
    """Track table of a folder, indexed by path."""
    return Folder(str(root)).tracks().set_index("path", drop=False)


def known(row: pd.Series) -> list[str | None]:
    """Artist, album and title of a track, None if missing."""
    return [None if pd.isna(value) else value for value in row[["artist", "album", "title"]]]


def message(root: Path) -> str:
    """Error message of a folder that cannot be listed."""
    with pytest.raises(GenreError) as caught:
        Folder(str(root)).tracks()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def tagged(path: Path, **tags: str) -> Path:
    """Write a short file with tags."""
    write_sound(path, SHORT)
    kinds = {".mp3": EasyID3, ".flac": mutagen.flac.FLAC, ".ogg": mutagen.oggvorbis.OggVorbis}
    kind = kinds[path.suffix.lower()]
    file = kind() if kind is EasyID3 else kind(path)
    file.update(tags)
    file.save(path)
    return path
