"""Copies of a data set, and other data sets of the same name: each file gets its own features, and is read once."""

import hashlib
import logging
import os
import shutil
from pathlib import Path

import pytest

from genre.data.cache import file_states
from genre.errors import GenreError
from tests.conftest import sound, write_sound
from tests.data.cache.conftest import NAMES, RATE, assert_holds

LONG_AGO = 315532800 * 10**9
"""1980, which some archives set for all files."""


@pytest.fixture
def versions(tmp_path) -> list[Path]:
    """Two folders `music` with other sound in files of the same names, sizes and mtimes."""
    roots = [tmp_path / version / "music" for version in ("v1", "v2")]
    for turn, root in enumerate(roots):
        for number, name in enumerate(NAMES):
            path = write_sound(root / name, sound(1000 * turn + number, 1.0, RATE), RATE)
            os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return roots


@pytest.fixture
def no_reading(monkeypatch) -> None:
    monkeypatch.setattr(file_states, "file_digest", lambda path: pytest.fail(f"{path} was read"))


def test_another_data_set_of_the_same_name_gets_its_own_features(versions, make, executors):
    for root in [*versions, *versions]:
        cache = make()
        assert_holds(cache, root, cache.update(root, NAMES, executors))
    assert executors.calls == 2


def test_replaced_files_get_their_own_features(versions, make, executors):
    first, second = versions
    make().update(first, NAMES, executors)
    shutil.rmtree(first)
    second.rename(first)  # same paths, sizes and mtimes
    cache = make()
    assert_holds(cache, first, cache.update(first, NAMES, executors))


def test_two_copies_are_each_read_once(root, filled, make, tmp_path, executors, request):
    copy = Path(shutil.copytree(root, tmp_path / "copy" / "music", copy_function=shutil.copy))
    index = make().update(copy, NAMES, executors)
    assert index["mtime_ns"].tolist() == [(copy / name).stat().st_mtime_ns for name in NAMES]
    request.getfixturevalue("no_reading")
    for turn in (root, copy, root, copy):
        make().update(turn, NAMES, executors)
    assert executors.calls == 0


def test_moved_music_is_not_decoded_again(root, filled, make, tmp_path, executors):
    moved = root.rename(tmp_path / "elsewhere")
    cache = make()
    assert_holds(cache, moved, cache.update(moved, NAMES, executors))
    assert executors.calls == 0


def test_digests_are_saved_while_files_are_hashed(root, filled, make, tmp_path, executors, monkeypatch):
    moved = root.rename(tmp_path / "elsewhere")
    digest, read = file_states.file_digest, []

    def failing(path: Path) -> str:
        if path.name >= "29.wav":
            raise OSError(5, "Input/output error")
        return digest(path)

    with monkeypatch.context() as patch:
        patch.setattr(file_states, "file_digest", failing)
        patch.setattr(file_states, "SAVE_SECONDS", 0.0)
        with pytest.raises(GenreError, match=r"29\.wav cannot be read at the moment \(Input/output error\)"):
            make().update(moved, NAMES, executors)
    monkeypatch.setattr(file_states, "file_digest", lambda path: read.append(path) or digest(path))
    make().update(moved, NAMES, executors)
    assert sorted(path.name for path in read) == [f"{number}.wav" for number in range(29, 40)]
    assert executors.calls == 0


def test_hashing_many_files_shows_progress(root, filled, make, tmp_path, executors, monkeypatch, caplog, capsys):
    monkeypatch.setattr(file_states, "PROGRESS_FILES", 39)
    moved = root.rename(tmp_path / "elsewhere")
    with caplog.at_level(logging.INFO, "genre"):
        make().update(moved, NAMES, executors)
        make().update(moved, NAMES, executors)
    assert [line[:33] for line in caplog.messages] == ["looked for changes in 40 files in"]
    assert "40/40" in capsys.readouterr().out


def test_a_limited_number_of_music_folders_is_remembered(root, filled, make, tmp_path, executors):
    for number in range(12):
        root = root.rename(tmp_path / f"moved {number}")
        make().update(root, NAMES, executors)
    assert len(list(filled.folder.glob("files-*"))) == file_states.MAX_FOLDERS


def test_digest_of_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"music" * 100_000)
    assert file_states.file_digest(path) == hashlib.blake2b(b"music" * 100_000, digest_size=16).hexdigest()
