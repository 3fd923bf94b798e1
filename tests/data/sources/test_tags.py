"""Selection of the artist, the cache of tags, and unreadable files."""

import errno
import os
from pathlib import Path

import mutagen
import pandas as pd
import pytest
from mutagen.id3 import TALB, TIT2, TPE1, TPE2
from mutagen.wave import WAVE

from genre.data.sources import tags
from genre.data.sources.folder import Folder
from tests.conftest import write_sound
from tests.data.sources.conftest import SHORT, known, listed, tagged


@pytest.mark.parametrize("collective", ["Various Artists", "various", "VA", " V.A. "])
@pytest.mark.parametrize("suffix", ["mp3", "flac"])
def test_various_artists_is_not_an_artist(tmp_path, suffix, collective):
    for artist in ("Ann", "Bob"):
        tagged(tmp_path / f"rock/{artist}.{suffix}", artist=artist, albumartist=collective, album="Hits")
    tagged(tmp_path / f"rock/nobody.{suffix}", artist=collective, title="One")
    table = listed(tmp_path)
    for artist in ("Ann", "Bob"):
        assert known(table.loc[f"rock/{artist}.{suffix}"]) == [artist, "Hits [Various Artists]", None]
    assert known(table.loc[f"rock/nobody.{suffix}"]) == [None, None, "One"]


def test_tags_of_wav_files(tmp_path):
    file = WAVE(write_sound(tmp_path / "rock" / "a.WAV", SHORT))
    file.add_tags()
    for frame in (TPE1(text="Ann"), TALB(text="First"), TIT2(text="Ünï")):
        file.tags.add(frame)
    file.save()
    file = WAVE(write_sound(tmp_path / "rock" / "b.wav", SHORT))
    file.add_tags()
    file.tags.add(TPE1(text="Guest"))
    file.tags.add(TPE2(text="Band"))
    file.save()
    write_sound(tmp_path / "rock" / "c.wav", SHORT)
    table = listed(tmp_path)
    assert known(table.loc["rock/a.WAV"]) == ["Ann", "First", "Ünï"]
    assert known(table.loc["rock/b.wav"]) == ["Band", None, None]
    assert known(table.loc["rock/c.wav"]) == [None, None, None]


def test_a_file_on_which_mutagen_fails_is_reported_in_a_warning(tmp_path, monkeypatch, caplog):
    tagged(tmp_path / "rock" / "a.mp3", artist="Ann")
    write_sound(tmp_path / "rock" / "odd.ogg", SHORT)
    read = mutagen.File

    def fail(path, **options):
        if Path(path).suffix == ".ogg":
            raise IndexError("list index out of range")
        return read(path, **options)

    monkeypatch.setattr(mutagen, "File", fail)
    table = listed(tmp_path)
    assert table["artist"].fillna("").tolist() == ["Ann", ""]
    assert caplog.messages == [
        "the tags of 1 files cannot be read (first: rock/odd.ogg: IndexError: list index out of range)"
    ]


@pytest.fixture
def parsed(monkeypatch) -> list[str]:
    """Names of the files whose tags are parsed."""
    monkeypatch.setattr("genre.data.sources.tags.MIN_CACHED_FILES", 1)
    names: list[str] = []
    read = mutagen.File
    monkeypatch.setattr(mutagen, "File", lambda path, **options: names.append(path.name) or read(path, **options))
    return names


def tracks_with_cache(root: Path, folder: Path) -> pd.DataFrame:
    source = Folder(str(root))
    source.index_folder = folder
    return source.tracks()


def test_only_new_and_changed_files_are_parsed_again(tmp_path, parsed):
    root, folder = tmp_path / "music", tmp_path / "caches"
    for name in "abc":
        tagged(root / "rock" / f"{name}.mp3", artist=name.upper(), title=f"Title {name}")
    write_sound(root / "rock" / "d.mp3", SHORT)
    first = tracks_with_cache(root, folder)
    assert parsed == ["a.mp3", "b.mp3", "c.mp3", "d.mp3"]
    parsed.clear()
    pd.testing.assert_frame_equal(tracks_with_cache(root, folder), first)
    assert parsed == []
    for name, text in {"a": "Longer", "b": "Z"}.items():
        before = (root / "rock" / f"{name}.mp3").stat()
        tagged(root / "rock" / f"{name}.mp3", artist=text, title=f"Title {name}")
        os.utime(root / "rock" / f"{name}.mp3", ns=(0, before.st_mtime_ns if name == "a" else 1))
        assert ((root / "rock" / f"{name}.mp3").stat().st_size == before.st_size) == (name == "b")
    (root / "rock" / "c.mp3").unlink()
    tagged(root / "rock" / "e.mp3", artist="E")
    assert tracks_with_cache(root, folder)["artist"].fillna("").tolist() == ["Longer", "Z", "", "E"]
    assert parsed == ["a.mp3", "b.mp3", "e.mp3"]


def test_a_damaged_tag_cache_is_replaced(tmp_path, parsed):
    root, folder = tmp_path / "music", tmp_path / "caches"
    tagged(root / "rock" / "a.mp3", artist="Ann")
    first = tracks_with_cache(root, folder)
    (index,) = folder.glob("tags-*.parquet")
    index.write_bytes(index.read_bytes()[:100])
    pd.testing.assert_frame_equal(tracks_with_cache(root, folder), first)
    pd.testing.assert_frame_equal(tracks_with_cache(root, folder), first)
    assert parsed == ["a.mp3", "a.mp3"]


def test_a_read_only_cache_folder_is_ignored(tmp_path, monkeypatch):
    root = tmp_path / "music"
    tagged(root / "rock" / "a.mp3", artist="Ann")

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("genre.data.sources.tags.MIN_CACHED_FILES", 1)
    monkeypatch.setattr(pd.DataFrame, "to_parquet", refuse)
    assert tracks_with_cache(root, tmp_path / "caches")["artist"].tolist() == ["Ann"]


def test_files_that_the_system_could_not_read_are_read_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tags, "MIN_CACHED_FILES", 1)
    tagged(tmp_path / "music/rock/a.mp3", artist="Ann")

    def fail(path, **options):
        raise mutagen.MutagenError(OSError(errno.EIO, "Input/output error"))

    with monkeypatch.context() as patch:
        patch.setattr(mutagen, "File", fail)
        assert tags.read_tags(tmp_path / "music", ["rock/a.mp3"], tmp_path)["artist"].isna().all()
    assert caplog.messages == ["the tags of 1 files cannot be read (first: rock/a.mp3: Input/output error)"]
    assert tags.read_tags(tmp_path / "music", ["rock/a.mp3"], tmp_path)["artist"].tolist() == ["Ann"]
