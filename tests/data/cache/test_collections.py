"""Copies and namesakes of a collection: whose features a file gets, and what is read again."""

import logging
import os
import shutil
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock

from genre.data.cache import file_states
from genre.data.cache.feature_cache import FeatureCache
from genre.errors import GenreError
from tests.conftest import sound, write_sound
from tests.data.cache.conftest import NAMES, RATE, SPEC, assert_holds, contents

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


def test_a_namesake_gets_its_own_features(versions, make, executors):
    for root in [*versions, *versions]:
        cache = make()
        assert_holds(cache, root, cache.update(root, NAMES, executors))
    assert executors.calls == 2


def test_files_put_in_the_place_of_others_get_their_own_features(versions, make, executors):
    first, second = versions
    make().update(first, NAMES, executors)
    shutil.rmtree(first)
    second.rename(first)  # same paths, sizes and mtimes
    cache = make()
    assert_holds(cache, first, cache.update(first, NAMES, executors))


def test_two_copies_are_not_read_in_turns(root, filled, make, tmp_path, executors, request):
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


def test_looking_for_changes_is_saved_as_it_goes(root, filled, make, tmp_path, executors, monkeypatch):
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


def test_a_look_at_many_files_is_shown(root, filled, make, tmp_path, executors, monkeypatch, caplog, capsys):
    monkeypatch.setattr(file_states, "PROGRESS_FILES", 39)
    moved = root.rename(tmp_path / "elsewhere")
    with caplog.at_level(logging.INFO, "genre"):
        make().update(moved, NAMES, executors)
        make().update(moved, NAMES, executors)
    assert [line[:33] for line in caplog.messages] == ["looked for changes in 40 files in"]
    assert "40/40" in capsys.readouterr().out


def test_few_folders_of_music_are_remembered(root, filled, make, tmp_path, executors):
    for number in range(12):
        root = root.rename(tmp_path / f"moved {number}")
        make().update(root, NAMES, executors)
    assert len(list(filled.folder.glob("files-*"))) == file_states.MAX_FOLDERS


def test_who_waits_says_so(root, filled, make, executors, caplog):
    write_sound(root / "new.wav", sound(77, 1.0, RATE), RATE)
    held = threading.Event()

    def hold() -> None:
        with FileLock(filled.folder / "lock"):
            held.set()
            time.sleep(1.5)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(10)
    with caplog.at_level(logging.INFO, "genre"):
        make().update(root, [*NAMES, "new.wav"], executors)
    other.join()
    assert caplog.messages[0] == f"waiting for another process that is filling {filled.folder}"
    assert executors.paths == ["new.wav"]


def test_who_needs_nothing_does_not_wait(root, filled, make, executors, caplog):
    before = contents(filled.folder)
    os.utime(root / NAMES[0], ns=(0, 10**18))
    with FileLock(filled.folder / "lock"), caplog.at_level(logging.INFO, "genre"):
        make().update(root, NAMES, executors)
    assert not caplog.messages
    assert contents(filled.folder) == before


def test_collections_of_the_same_name_elsewhere_share_a_cache(root, filled, tmp_path):
    assert FeatureCache(tmp_path / "caches", "music", SPEC).folder == filled.folder
