import os
from pathlib import Path

import pytest

from genre.data.sources.folder import Folder
from genre.data.tracks import COLUMNS
from tests.conftest import write_sound
from tests.data.sources.conftest import SHORT, known, listed, message, tagged


def test_the_first_folder_is_the_genre(tmp_path):
    for name in ["rock/b.wav", "rock/band/album/1.wav", "rock/a.wav", "Hip-Hop/x y/ü.wav"]:
        write_sound(tmp_path / name, SHORT)
    table = Folder(str(tmp_path)).tracks()
    assert list(table.columns) == COLUMNS
    assert list(table.index) == [0, 1, 2, 3]
    paths = ["Hip-Hop/x y/ü.wav", "rock/a.wav", "rock/b.wav", "rock/band/album/1.wav"]
    assert table["path"].tolist() == paths
    assert table["track_id"].tolist() == paths
    assert table["genre"].tolist() == ["Hip-Hop", "rock", "rock", "rock"]
    assert table["split"].isna().all()


def test_all_suffixes_in_any_case_and_no_others(tmp_path):
    names = ["1.mp3", "2.MP3", "3.flac", "4.FLAC", "5.Ogg", "6.ogg", "7.wAv", "8.wav", "9.AU", "a.au"]
    for name in names:
        write_sound(tmp_path / "rock" / name, SHORT)
    for name in ["cover.jpg", "list.m3u", "song.mp3.part", "mp3", "b.aiff", "wav"]:
        (tmp_path / "rock" / name).write_bytes(b"x")
    assert Folder(str(tmp_path)).tracks()["path"].tolist() == [f"rock/{name}" for name in names]


def test_files_outside_genre_folders_are_not_tracks(tmp_path):
    write_sound(tmp_path / "stray.wav", SHORT)
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    assert list(listed(tmp_path).index) == ["rock/a.wav"]


def test_hidden_files_and_folders_are_ignored(tmp_path):
    root = tmp_path / ".music"  # the name of the root does not matter
    for name in ["rock/a.wav", "rock/._a.wav", "rock/.trash/b.wav", ".rock/c.wav", "rock/.d.mp3"]:
        write_sound(root / name, SHORT)
    assert list(listed(root).index) == ["rock/a.wav"]


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "MP3"])
def test_tags(tmp_path, suffix):
    tagged(tmp_path / "rock" / f"a.{suffix}", artist="Ann", album="First", title="One, two")
    tagged(tmp_path / "rock" / f"b.{suffix}", artist="Guest", albumartist="Band")
    tagged(tmp_path / "rock" / f"c.{suffix}", title="Ünï")
    write_sound(tmp_path / "rock" / f"d.{suffix}", SHORT)
    table = listed(tmp_path)
    assert known(table.loc[f"rock/a.{suffix}"]) == ["Ann", "First", "One, two"]
    assert known(table.loc[f"rock/b.{suffix}"]) == ["Band", None, None]
    assert known(table.loc[f"rock/c.{suffix}"]) == [None, None, "Ünï"]
    assert known(table.loc[f"rock/d.{suffix}"]) == [None, None, None]


def test_without_tags_artist_album_and_title_are_missing(music_folder):
    table = Folder(str(music_folder)).tracks()
    assert len(table) == 30
    assert table["genre"].value_counts().to_dict() == {"blues": 10, "jazz": 10, "rock": 10}
    assert table[["artist", "album", "title", "split"]].isna().all().all()


def test_broken_files_are_listed(tmp_path):
    whole = tagged(tmp_path / "rock" / "whole.mp3", artist="Ann")
    for suffix in ("mp3", "flac", "ogg", "wav", "au"):
        (tmp_path / "rock" / f"empty.{suffix}").touch()
        (tmp_path / "rock" / f"text.{suffix}").write_text("<html>not found</html>" * 50)
        cut = write_sound(tmp_path / "rock" / f"cut.{suffix}", SHORT)
        cut.write_bytes(cut.read_bytes()[:30])
    (tmp_path / "rock" / "gone.flac").symlink_to(tmp_path / "nowhere.flac")
    table = listed(tmp_path)
    assert len(table) == 17
    assert known(table.loc[f"rock/{whole.name}"]) == ["Ann", None, None]
    assert table.drop(f"rock/{whole.name}")["artist"].isna().all()


def test_tracks_csv_replaces_the_tags(tmp_path):
    for name in "abcd":
        tagged(tmp_path / "rock" / f"{name}.mp3", artist="Tag", album="Tag", title="Tag")
    (tmp_path / "tracks.csv").write_text(
        "year,album,path,artist,genre,title\n"
        'x,"First, second",rock/b.mp3,"The ""Bees""",pop,Buzz\n'
        "x,,rock/a.mp3,Ann,pop,\n"
        "x,Ghost,rock/none.mp3,Ghost,pop,Ghost\n"
        "x,Second,rock/b.mp3,Second,pop,Second\n"
        "x,1,rock/d.mp3,007,pop,1\n",
        encoding="utf-8",
    )
    table = listed(tmp_path)
    assert list(table.index) == [f"rock/{name}.mp3" for name in "abcd"]
    assert known(table.loc["rock/a.mp3"]) == ["Ann", None, None]
    assert known(table.loc["rock/b.mp3"]) == ['The "Bees"', "First, second", "Buzz"]
    assert known(table.loc["rock/c.mp3"]) == [None, None, None]
    assert known(table.loc["rock/d.mp3"]) == ["007", "1", "1"]
    assert set(table["genre"]) == {"rock"}


def test_tracks_csv_without_titles(tmp_path):
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    (tmp_path / "tracks.csv").write_text("path,artist,album\nrock/a.wav,007,1984.0\n")
    assert known(listed(tmp_path).loc["rock/a.wav"]) == ["007", "1984.0", None]  # text, although it looks like numbers


@pytest.mark.parametrize("lacking", [["path"], ["artist"], ["album"], ["path", "album"]])
def test_tracks_csv_without_a_required_column(tmp_path, lacking):
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    header = ",".join(name for name in ["path", "artist", "album", "title"] if name not in lacking)
    (tmp_path / "tracks.csv").write_text(header + "\n")
    assert message(tmp_path) == (
        f"{tmp_path / 'tracks.csv'} lacks the columns {', '.join(lacking)}: add them, or delete the file to use tags"
    )


@pytest.mark.parametrize("names", [[], ["readme.txt"], ["rock/cover.jpg"], ["rock/.hidden.wav"]])
def test_a_folder_without_audio_files(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    expected = f"{tmp_path} contains no <genre>/*.mp3 (or .flac, .ogg, .wav, .au): every genre needs a folder in it"
    assert message(tmp_path) == expected


def test_a_folder_without_genre_folders(tmp_path):
    for name in ("b.wav", "a.mp3"):
        (tmp_path / name).touch()
    assert message(tmp_path) == (
        f"{tmp_path} has 2 audio files outside genre folders, such as a.mp3: move them to folders named after their "
        "genres"
    )


def test_a_root_that_is_not_a_folder(tmp_path):
    expected = "{} is not a folder: set data.root to a folder that contains a folder per genre"
    assert message(tmp_path / "nowhere") == expected.format(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    assert message(tmp_path / "file") == expected.format(tmp_path / "file")


def test_a_folder_with_an_audio_suffix_is_not_a_track(tmp_path):
    write_sound(tmp_path / "rock" / "best.mp3" / "a.wav", SHORT)
    assert list(listed(tmp_path).index) == ["rock/best.mp3/a.wav"]


def test_names_that_are_not_utf_8_are_skipped_with_a_warning(tmp_path, caplog):
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    for name in (b"J\xfcrgen.wav", b"\xff.mp3"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/rock/" + name)).touch()
    assert list(listed(tmp_path).index) == ["rock/a.wav"]
    (logged,) = caplog.messages
    assert logged.startswith("skipped 2 files: their names are not UTF-8 (first: 'rock/")


@pytest.mark.parametrize("name", ["None", "NA", "nan", "null"])
def test_an_artist_whose_name_looks_like_a_missing_value(tmp_path, name):
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    (tmp_path / "tracks.csv").write_text(f"path,artist,album\nrock/a.wav,{name},First\n")
    assert known(listed(tmp_path).loc["rock/a.wav"]) == [name, "First", None]


@pytest.mark.parametrize("content", [b"", "path,artist,album\na,Jürgen,b\n".encode("latin-1"), bytes(range(256)) * 4])
def test_tracks_csv_that_cannot_be_read(tmp_path, content):
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    (tmp_path / "tracks.csv").write_bytes(content)
    assert message(tmp_path).startswith(str(tmp_path / "tracks.csv"))


@pytest.mark.slow
def test_real_tags_agree_with_tracks_csv(tmp_path):
    root = Path(__file__).parents[3].parent / "shared" / "data" / "emotify"
    if not root.is_dir():
        pytest.skip(f"{root} does not exist: it contains 280 real tracks")
    table = listed(root)
    assert table["genre"].value_counts().to_dict() == dict.fromkeys(["classical", "electronic", "pop", "rock"], 70)
    assert table[["artist", "album"]].notna().all().all()
    for folder in root.iterdir():
        if folder.is_dir():
            (tmp_path / folder.name).symlink_to(folder)
    tags = listed(tmp_path)
    assert tags.index.equals(table.index)
    assert (tags["artist"] == table["artist"]).all()
