"""The lock of a cache."""

import logging
import os
import threading
import time
from contextlib import contextmanager

from filelock import FileLock

from genre.data.cache import feature_cache, file_states
from genre.data.cache.file_states import file_digest
from genre.data.cache.lock import locked
from tests.conftest import sound, write_sound
from tests.data.cache.conftest import NAMES, RATE, contents


def test_waiting_for_the_lock_is_logged(root, filled, make, executors, caplog):
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


def test_files_that_another_process_read_are_not_read_again(root, make, executors, monkeypatch):
    """Two processes find an empty cache, and one fills it while the other waits for the lock."""

    @contextmanager
    def after_the_other(folder, n_missing):
        monkeypatch.setattr(feature_cache, "locked", locked)
        make().update(root, NAMES, executors)
        with locked(folder, n_missing) as held:
            yield held

    hashed = []
    monkeypatch.setattr(file_states, "file_digest", lambda path: hashed.append(path) or file_digest(path))
    monkeypatch.setattr(feature_cache, "locked", after_the_other)
    table = make().update(root, NAMES, executors)
    assert sorted(executors.paths) == sorted(NAMES)  # extracted once
    assert (table["reason"] == "").all()
    assert hashed == []


def test_a_complete_cache_does_not_wait_for_the_lock(root, filled, make, executors, caplog):
    before = contents(filled.folder)
    os.utime(root / NAMES[0], ns=(0, 10**18))
    with FileLock(filled.folder / "lock"), caplog.at_level(logging.INFO, "genre"):
        make().update(root, NAMES, executors)
    assert not caplog.messages
    assert contents(filled.folder) == before
