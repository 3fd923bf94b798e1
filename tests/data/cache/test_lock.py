"""The lock of a cache."""

import logging
import os
import threading
import time

from filelock import FileLock

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


def test_a_complete_cache_does_not_wait_for_the_lock(root, filled, make, executors, caplog):
    before = contents(filled.folder)
    os.utime(root / NAMES[0], ns=(0, 10**18))
    with FileLock(filled.folder / "lock"), caplog.at_level(logging.INFO, "genre"):
        make().update(root, NAMES, executors)
    assert not caplog.messages
    assert contents(filled.folder) == before
