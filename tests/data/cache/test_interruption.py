"""A cache stays intact if it is killed at any moment, or filled by two processes at once."""

import itertools
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from genre.data.cache import extraction
from genre.data.cache.extraction import extract_shard
from genre.data.cache.feature_cache import FeatureCache
from genre.errors import GenreError
from tests.conftest import Executors, Inline
from tests.data.cache.conftest import NAMES, SPEC, assert_holds, contents, two_files_each

HANGING = ["decoding", "array", "between", "table"]
FORKSERVER = get_context("forkserver")
FORKSERVER.set_forkserver_preload(["genre.data.cache.extraction"])


def _update_until_it_hangs(root: Path, parent: Path, place: str, hangs) -> None:
    """In the fifth shard, with one file of its two decoded."""
    two_files_each()
    calls = itertools.count(1)

    def hang_at(call: int, function: Callable, before: Callable = lambda *_: None) -> Callable:
        def wrapped(*args, **kwargs):
            if next(calls) == call:
                before(*args)
                hangs.set()
                time.sleep(600)
            return function(*args, **kwargs)

        return wrapped

    def half(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(bytes(content)[:100])

    if place == "decoding":
        extraction.load_clip = hang_at(10, extraction.load_clip)
    elif place == "array":
        Path.write_bytes = hang_at(9, Path.write_bytes, half)
    elif place == "between":
        pq.write_table = hang_at(5, pq.write_table)
    elif place == "table":
        Path.write_bytes = hang_at(10, Path.write_bytes, half)
    FeatureCache(parent, "music", SPEC).update(root, NAMES, lambda: ThreadPoolExecutor(1))


@pytest.mark.parametrize("place", HANGING)
def test_a_killed_extraction_resumes(root, filled, tmp_path, place, executors):
    hangs = FORKSERVER.Event()
    child = FORKSERVER.Process(target=_update_until_it_hangs, args=(root, tmp_path / "killed", place, hangs))
    child.start()
    try:
        assert hangs.wait(60)
    finally:
        child.kill()
        child.join()
    assert child.exitcode == -signal.SIGKILL
    cache = FeatureCache(tmp_path / "killed", "music", SPEC)
    finished = [path.stem for path in cache.folder.glob("*.parquet")]
    assert sorted(finished) == [f"shard-{number:05d}" for number in range(4)]
    done = {name: seen for stem in finished for name, seen in contents(cache.folder, f"{stem}.*").items()}
    assert len(done) == 8
    assert len(list(cache.folder.glob("*.tmp"))) == (place in ("array", "table"))
    index = cache.update(root, NAMES, executors)
    assert executors.paths == NAMES[8:]
    assert contents(cache.folder).items() >= done.items()
    assert_holds(cache, root, index)
    values = ["audio_digest", "file_digest", "low", "high", "size", "mtime_ns", "decoded", "sounding", "reason"]
    pd.testing.assert_frame_equal(index[values], filled.lookup(NAMES)[values])
    cache.update(root, NAMES, executors)
    assert executors.calls == 1


def test_a_killed_worker_is_an_error_with_advice(root, make, executors):
    class Dying(Inline):
        def submit(self, task, /, *args, **kwargs) -> Future:
            if len(self.paths) < 12:
                return super().submit(task, *args, **kwargs)
            future: Future = Future()
            future.set_exception(BrokenProcessPool("a process was terminated abruptly"))
            return future

    with pytest.raises(GenreError, match=r"^an extraction worker was killed, .*: try executor\.workers=1$"):
        make().update(root, NAMES, lambda: Dying([]))
    cache = make()
    assert_holds(cache, root, cache.update(root, NAMES, executors))
    assert executors.paths == NAMES[12:]


def test_a_worker_that_outlives_a_killed_run_does_no_harm(root, make, executors):
    unfinished = {}

    class Killed(Inline):  # two workers: 0, 1 and 3 are done, 2 and 4 are being made
        def submit(self, task, /, *args, **kwargs) -> Future:
            if args[0].number in (0, 1, 3):
                return super().submit(task, *args, **kwargs)
            unfinished[args[0].number] = args[0]
            future: Future = Future()
            future.set_exception(InterruptedError())
            return future

    with pytest.raises(InterruptedError):
        make().update(root, NAMES, lambda: Killed([]))
    cache = make()
    index = cache.update(root, NAMES, executors)
    extract_shard(unfinished[4])
    assert_holds(make(), root, index)
    assert_holds(make(), root, make().update(root, NAMES, executors))


def _update_at_once(root: Path, parent: Path, start, results) -> None:
    two_files_each()
    executors = Executors()
    start.wait()
    index = FeatureCache(parent, "music", SPEC).update(root, NAMES, executors)
    results.put((executors.paths, index))


def test_two_processes_at_once_share_the_work(root, tmp_path):
    start, results = FORKSERVER.Barrier(2), FORKSERVER.Queue()
    children = [
        FORKSERVER.Process(target=_update_at_once, args=(root, tmp_path / "both", start, results)) for _ in range(2)
    ]
    for child in children:
        child.start()
    (paths, index), (other_paths, other_index) = (results.get(timeout=60) for _ in children)
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0]
    assert sorted(paths + other_paths) == sorted(NAMES)  # no file twice
    pd.testing.assert_frame_equal(index, other_index)
    assert_holds(FeatureCache(tmp_path / "both", "music", SPEC), root, index)
