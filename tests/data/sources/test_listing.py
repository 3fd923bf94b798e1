"""Links, pipes, unreadable folders and unusual file names."""

import os
import time
import unicodedata
from pathlib import Path

import pytest

from genre.data.sources.folder import Folder
from tests.conftest import write_sound
from tests.data.sources.conftest import SHORT, known, listed, message


def test_linked_folders_are_followed_at_any_depth(tmp_path):
    write_sound(tmp_path / "elsewhere" / "album" / "1.wav", SHORT)
    write_sound(tmp_path / "music" / "rock" / "a.wav", SHORT)
    (tmp_path / "music" / "rock" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "music" / "jazz").symlink_to(tmp_path / "elsewhere")
    expected = ["jazz/album/1.wav", "rock/a.wav", "rock/linked/album/1.wav"]
    assert list(listed(tmp_path / "music").index) == expected


def test_a_link_to_an_ancestor_is_skipped_with_a_warning(tmp_path, caplog):
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    (tmp_path / "rock" / "loop").symlink_to(tmp_path)
    assert list(listed(tmp_path).index) == ["rock/a.wav"]
    assert caplog.messages == [f"skipped {tmp_path / 'rock' / 'loop'}: it links to a folder that contains it"]


def test_pipes_and_devices_are_skipped_with_a_warning(tmp_path, caplog):
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    os.mkfifo(tmp_path / "rock" / "b.mp3")
    (tmp_path / "rock" / "zero.flac").symlink_to("/dev/zero")
    assert list(listed(tmp_path).index) == ["rock/a.wav"]
    (logged,) = caplog.messages
    assert logged.startswith("skipped 2 files: they are not regular files (first: 'rock/")


@pytest.mark.parametrize("closed", [".", "rock", "rock/album"])
def test_an_unreadable_folder_is_an_error(tmp_path, monkeypatch, closed):
    write_sound(tmp_path / "rock" / "album" / "a.wav", SHORT)
    write_sound(tmp_path / "jazz" / "a.wav", SHORT)
    scan = os.scandir

    def refuse(path):
        if Path(path) == tmp_path / closed:
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert message(tmp_path) == (f"{tmp_path / closed} cannot be read (Permission denied): make it readable or move it")


def test_many_names_that_are_not_utf_8_take_no_longer(tmp_path):
    (tmp_path / "rock").mkdir()
    folder = os.fsencode(tmp_path / "rock") + b"/"
    for number in range(5000):
        os.close(os.open(folder + b"\xfc%d.mp3" % number, os.O_CREAT | os.O_WRONLY))
    write_sound(tmp_path / "rock" / "a.wav", SHORT)
    start = time.process_time()
    assert len(Folder(str(tmp_path)).tracks()) == 1
    assert time.process_time() - start < 1  # comparing each name with all others took 10 s


NAME = "Ü/b ü.wav"


@pytest.mark.parametrize("files", ["NFC", "NFD"])
@pytest.mark.parametrize("table", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["{}", "./{}", "music/{}", "./music/{}", "/home/me/music/{}", " {} ", "windows"])
def test_paths_in_tracks_csv_are_matched_in_any_form(tmp_path, files, table, written):
    root = tmp_path / "music"
    names = [f"rock/{NAME}", "rock/a.wav"]
    for name in names:
        write_sound(root / unicodedata.normalize(files, name), SHORT)
    paths = [unicodedata.normalize(table, name) for name in names]
    paths = [path.replace("/", "\\") if written == "windows" else written.format(path) for path in paths]
    rows = "".join(f'"{path}",Band {number},First\n' for number, path in enumerate(paths))
    (root / "tracks.csv").write_text("path,artist,album\n" + rows, encoding="utf-8")
    found = listed(root)
    assert known(found.loc[unicodedata.normalize(files, names[0])]) == ["Band 0", "First", None]
    assert known(found.loc["rock/a.wav"]) == ["Band 1", "First", None]


def test_tracks_csv_with_other_paths_is_an_error_with_an_example(tmp_path):
    for number in range(5):
        write_sound(tmp_path / "rock" / f"{number}.wav", SHORT)
    rows = "".join(f"songs/{number}.mp3,Band,First\n" for number in range(4))
    (tmp_path / "tracks.csv").write_text("path,artist,album\nrock/0.wav,Band,First\n" + rows)
    assert message(tmp_path) == (
        f"{tmp_path / 'tracks.csv'} lists 1 of the 5 audio files, and songs/0.mp3 does not exist: "
        "write paths relative to its folder, such as rock/0.wav"
    )


def test_tracks_csv_may_list_more_or_fewer_files_than_exist(tmp_path):
    for number in range(5):
        write_sound(tmp_path / "rock" / f"{number}.wav", SHORT)
    more = "".join(f"pop/{number}.wav,Band,First\n" for number in range(20))
    few = "".join(f"rock/{number}.wav,Band,First\n" for number in range(4))
    (tmp_path / "tracks.csv").write_text("path,artist,album\n" + few + more)
    assert listed(tmp_path)["artist"].notna().sum() == 4
    (tmp_path / "tracks.csv").write_text("path,artist,album\nrock/1.wav,Band,First\n")
    assert listed(tmp_path)["artist"].notna().sum() == 1
