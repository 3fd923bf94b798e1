import itertools
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from genre.audio import read_clip
from genre.data import cache as cache_module
from genre.data import extract
from genre.data.cache import SHARD_CLIPS, Cache
from genre.data.extract import Recipe, extract_shard, local_executor
from genre.errors import GenreError
from genre.features import LogMel, Mfcc
from tests.conftest import Executors, Inline, sound, write_sound

RATE = 8000
SMALL = {"sample_rate": RATE, "n_fft": 512, "hop_length": 128, "n_mels": 16}
RECIPE = Recipe(LogMel(**SMALL), 1.0, 0.0)
NAMES = [f"{number % 3}/{number:02d}.wav" for number in range(40)]  # two files a shard
HANGING = ["decoding", "array", "between", "table"]
FORKSERVER = get_context("forkserver")
FORKSERVER.set_forkserver_preload(["genre.data.extract"])


@pytest.fixture
def root(tmp_path) -> Path:
    for number, name in enumerate(NAMES):
        write_sound(tmp_path / "music" / name, sound(number, 1.0, RATE), RATE)
    return tmp_path / "music"


@pytest.fixture
def make(tmp_path) -> Callable[[], Cache]:
    """Opens the cache anew, as another process would."""
    return lambda: Cache(tmp_path / "caches", "music", RECIPE)


@pytest.fixture
def filled(root, make) -> Cache:
    cache = make()
    cache.update(root, NAMES, Executors())
    return make()


def features(path: Path) -> np.ndarray:
    samples = torch.from_numpy(read_clip(path, RATE, 1.0).samples)
    return RECIPE.features(samples[None])[0].numpy().astype(np.float16)


def read(cache: Cache, row: pd.Series) -> np.ndarray:
    return cache.read([row["shard"]], [row["row"]], [0], RECIPE.frames)[0]


def assert_holds(cache: Cache, root: Path, index: pd.DataFrame) -> None:
    """Each row of the index leads to the features of its file as it is now."""
    for path, row in index.iterrows():
        np.testing.assert_array_equal(read(cache, row), features(root / path), err_msg=path)


def contents(folder: Path, pattern: str = "*") -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.glob(pattern)}


def change(path: Path, seed: int = 1000, seconds: float = 1.0) -> None:
    """Other sound of the same size, unless another length is asked for, with another mtime."""
    before = path.stat()
    write_sound(path, sound(seed, seconds, RATE), RATE)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


# What is computed, and when


def test_the_index_has_a_row_for_each_file_in_the_order_asked_for(root, make, executors):
    shuffled = NAMES[::-1]
    index = make().update(root, shuffled, executors)
    assert list(index.index) == shuffled
    assert index["path"].tolist() == shuffled
    assert (index["reason"] == "").all()
    assert (index["size"] == 16044).all()
    assert index["duration"].tolist() == [1.0] * 40
    assert sorted(executors.paths) == sorted(NAMES)


def test_features_are_those_computed_directly(root, filled):
    index = filled.lookup(NAMES)
    assert_holds(filled, root, index)
    whole = filled.read(index["shard"], index["row"], [0] * 40, RECIPE.frames)
    assert whole.dtype == np.float16
    assert whole.shape == (40, 63, 16)
    assert whole.min() == 0
    assert whole.max() == 1


def test_real_processes_make_the_same_cache(root, filled, tmp_path):
    other = Cache(tmp_path / "elsewhere", "music", RECIPE)
    pd.testing.assert_frame_equal(other.update(root, NAMES, partial(local_executor, 2)), filled.lookup(NAMES))
    for path in filled.folder.glob("*.npy"):
        assert (other.folder / path.name).read_bytes() == path.read_bytes()


def test_the_second_update_decodes_nothing(root, make, executors):
    cache = make()
    first = cache.update(root, NAMES, executors)
    assert executors.calls == 1
    before = contents(cache.folder, "*.[!j]*")  # recipe.json is written each time
    for again in (cache, make()):
        pd.testing.assert_frame_equal(again.update(root, NAMES, executors), first)
    assert executors.calls == 1
    assert contents(cache.folder, "*.[!j]*") == before


def test_the_second_update_reads_no_file(root, filled, monkeypatch, executors):
    monkeypatch.setattr(cache_module, "file_digest", lambda _: pytest.fail("size and mtime are enough"))
    filled.update(root, NAMES, executors)
    assert executors.calls == 0


@pytest.mark.parametrize("seconds", [1.0, 1.5], ids=["same size", "other size"])
def test_a_changed_file_is_computed_again_and_only_that(root, filled, make, executors, seconds):
    before, shards = filled.lookup(NAMES), contents(filled.folder, "shard-*")
    change(root / NAMES[5], seconds=seconds)
    index = filled.update(root, NAMES, executors)
    assert executors.paths == [NAMES[5]]
    pd.testing.assert_frame_equal(index.drop(NAMES[5]), before.drop(NAMES[5]))
    assert contents(filled.folder, "shard-*").items() >= shards.items()
    for cache in (filled, make()):
        assert_holds(cache, root, cache.lookup(NAMES))
    make().update(root, NAMES, executors)
    assert executors.calls == 1


def test_another_size_is_a_change_whatever_the_mtime(root, filled, executors):
    path = root / NAMES[0]
    status = path.stat()
    write_sound(path, sound(999, 1.25, RATE), RATE)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert_holds(filled, root, filled.update(root, NAMES, executors))
    assert executors.paths == [NAMES[0]]


def test_every_file_changed_twice(root, filled, make, executors):
    for turn in (1, 2):
        for number, name in enumerate(NAMES):
            change(root / name, seed=100 * turn + number)
        cache = make()
        assert_holds(cache, root, cache.update(root, NAMES, executors))
    assert executors.calls == 2
    pd.testing.assert_frame_equal(make().update(root, NAMES, executors), cache.lookup(NAMES))
    assert executors.calls == 2
    assert_holds(make(), root, make().lookup(NAMES))


def test_a_changed_back_file_is_still_known(root, filled, make, executors):
    content = (root / NAMES[3]).read_bytes()
    change(root / NAMES[3], seconds=1.1)
    make().update(root, NAMES, executors)
    (root / NAMES[3]).write_bytes(content)
    index = make().update(root, NAMES, executors)
    assert executors.paths == [NAMES[3]]
    assert_holds(filled, root, index)


def test_a_file_that_vanishes_meanwhile(root, make, executors):
    def late():
        (root / NAMES[39]).unlink()
        return executors()

    assert make().update(root, NAMES, late).loc[NAMES[39], "reason"] == "missing_file"


def test_a_new_file_is_added(root, filled, make, executors):
    before = filled.lookup(NAMES)
    write_sound(root / "new" / "x.wav", sound(77, 1.0, RATE), RATE)
    names = ["new/x.wav", *NAMES]
    index = make().update(root, names, executors)
    assert executors.paths == ["new/x.wav"]
    assert list(index.index) == names
    assert_holds(filled, root, index)
    pd.testing.assert_frame_equal(index.drop("new/x.wav"), before)


def test_a_file_that_is_gone_is_no_work(root, filled, make, executors):
    (root / NAMES[4]).unlink()
    rest = NAMES[:4] + NAMES[5:]
    assert list(make().update(root, rest, executors).index) == rest
    assert executors.calls == 0


def test_a_touched_file_is_not_computed_again_and_its_mtime_is_learnt(root, filled, make, executors, monkeypatch):
    before = filled.lookup(NAMES)
    looked_at = []

    def digest(path: Path) -> str:
        looked_at.append(path.relative_to(root).as_posix())
        return extract.file_digest(path)

    monkeypatch.setattr(cache_module, "file_digest", digest)
    touched = [NAMES[7], NAMES[2]]
    for number, name in enumerate(touched):
        os.utime(root / name, ns=(0, 10**18 + number))
    index = make().update(root, NAMES, executors)
    assert executors.calls == 0
    assert sorted(looked_at) == sorted(touched)
    assert index.loc[touched, "mtime_ns"].tolist() == [10**18, 10**18 + 1]
    pd.testing.assert_frame_equal(index.drop(columns="mtime_ns"), before.drop(columns="mtime_ns"))
    untouched = index.index.difference(touched)
    assert index.loc[untouched, "mtime_ns"].equals(before.loc[untouched, "mtime_ns"])
    pd.testing.assert_frame_equal(make().update(root, NAMES, executors), index)
    assert len(looked_at) == 2


def test_a_touched_file_beside_a_changed_one(root, filled, make, executors):
    os.utime(root / NAMES[2], ns=(0, 10**18))
    change(root / NAMES[3])
    index = make().update(root, NAMES, executors)
    assert executors.paths == [NAMES[3]]
    assert index.loc[NAMES[2], "mtime_ns"] == 10**18
    assert_holds(filled, root, index)


def test_broken_files_are_remembered_too(root, make, executors):
    (root / "text.mp3").write_text("no music")
    names = [*NAMES, "text.mp3"]
    make().update(root, names, executors)
    index = make().update(root, names, executors)
    assert executors.calls == 1
    assert index.loc["text.mp3", ["reason", "row"]].tolist() == ["undecodable", -1]
    write_sound(root / "text.wav", sound(5, 1.0, RATE), RATE).replace(root / "text.mp3")  # mended
    index = make().update(root, names, executors)
    assert executors.paths[-1] == "text.mp3"
    assert_holds(make(), root, index)


def test_collections_share_nothing(root, filled, tmp_path, executors):
    other = Cache(tmp_path / "caches", "other", RECIPE)
    assert other.lookup(NAMES).empty
    other.update(root, NAMES[:3], executors)
    assert executors.paths == NAMES[:3]


# Shards


def test_a_small_collection_gives_work_to_many(root, filled):
    plan = json.loads((filled.folder / "plan.json").read_text())
    assert [len(paths) for paths in plan.values()] == [2] * 20
    assert list(itertools.chain(*plan.values())) == NAMES
    assert len(list(filled.folder.glob("shard-*.npy"))) == 20


def test_a_large_collection_has_shards_of_a_bounded_size(tmp_path, make):
    names = [f"{number}.wav" for number in range(1100)]
    for name in names:
        (tmp_path / name).touch()  # as quick as a file can be
    cache = make()
    index = cache.update(tmp_path, names, Executors())
    sizes = index.groupby("shard").size()
    assert sizes.max() == SHARD_CLIPS
    assert sizes.tolist() == [64] * 17 + [12]


def test_the_plan_is_there_before_the_work(root, make):
    cache = make()

    def look(shards: list[str]) -> Inline:
        plan = json.loads((cache.folder / "plan.json").read_text())
        assert list(itertools.chain(*plan.values())) == NAMES
        return Inline(shards)

    cache.update(root, NAMES, lambda: look([]))


# Interruption


def _update_until_it_hangs(root: Path, parent: Path, place: str, hangs) -> None:
    """In the fifth shard, with one file of its two decoded."""
    calls = itertools.count(1)

    def hang_at(call: int, function: Callable, before: Callable = lambda *_: None) -> Callable:
        def wrapped(*args, **kwargs):
            if next(calls) == call:
                before(*args)
                hangs.set()
                time.sleep(600)
            return function(*args, **kwargs)

        return wrapped

    if place == "decoding":
        extract.read_clip = hang_at(10, extract.read_clip)
    elif place == "array":
        np.save = hang_at(5, np.save, lambda file, array: (file.write(bytes(array)[:1000]), file.flush()))
    elif place == "between":
        pd.DataFrame.to_parquet = hang_at(5, pd.DataFrame.to_parquet)
    elif place == "table":
        pd.DataFrame.to_parquet = hang_at(5, pd.DataFrame.to_parquet, lambda _, path: path.write_bytes(b"PAR1"))
    Cache(parent, "music", RECIPE).update(root, NAMES, lambda: ThreadPoolExecutor(1))


@pytest.mark.parametrize("place", HANGING)
def test_killed_in_the_middle_it_goes_on(root, filled, tmp_path, place, executors):
    hangs = FORKSERVER.Event()
    child = FORKSERVER.Process(target=_update_until_it_hangs, args=(root, tmp_path / "killed", place, hangs))
    child.start()
    try:
        assert hangs.wait(60)
    finally:
        child.kill()
        child.join()
    assert child.exitcode == -signal.SIGKILL
    cache = Cache(tmp_path / "killed", "music", RECIPE)
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


def test_a_dead_worker_is_an_error_that_says_what_to_try(root, make, executors):
    class Dying(Inline):
        def submit(self, task, /, *args, **kwargs) -> Future:
            if len(self.paths) < 12:
                return super().submit(task, *args, **kwargs)
            future: Future = Future()
            future.set_exception(BrokenProcessPool("a process was terminated abruptly"))
            return future

    with pytest.raises(GenreError, match=r"^an extraction process died, .*: try executor\.workers=1$"):
        make().update(root, NAMES, lambda: Dying([]))
    cache = make()
    assert_holds(cache, root, cache.update(root, NAMES, executors))
    assert executors.paths == NAMES[12:]


def test_half_written_files_are_ignored(root, filled, make, executors):
    for name in ("shard-00003.4711.tmp", "shard-00020.4711.tmp", "index.tmp", "plan.tmp"):
        (filled.folder / name).write_bytes(b"PAR1 half")
    (filled.folder / "shard-00020.npy").write_bytes(b"\x93NUMPY half")  # its table is not there: it is not whole
    before = filled.lookup(NAMES)
    pd.testing.assert_frame_equal(make().update(root, NAMES, executors), before)
    assert executors.calls == 0
    write_sound(root / "x.wav", sound(77, 1.0, RATE), RATE)
    cache = make()
    assert_holds(cache, root, cache.update(root, [*NAMES, "x.wav"], executors))
    assert executors.paths == ["x.wav"]


def test_a_lost_index_is_made_from_the_shards(root, filled, make, executors):
    before = filled.lookup(NAMES)
    (filled.folder / "index.parquet").unlink()
    pd.testing.assert_frame_equal(make().lookup(NAMES), before)
    pd.testing.assert_frame_equal(make().update(root, NAMES, executors), before)
    assert executors.calls == 0


def test_a_worker_that_outlives_its_killed_process_does_no_harm(root, make, executors):
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
    executors = Executors()
    start.wait()
    index = Cache(parent, "music", RECIPE).update(root, NAMES, executors)
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
    assert_holds(Cache(tmp_path / "both", "music", RECIPE), root, index)


# The folder


def test_cache_and_music_can_be_moved(root, filled, tmp_path, executors):
    before = filled.lookup(NAMES)
    (tmp_path / "caches").rename(tmp_path / "moved caches")
    root.rename(tmp_path / "moved music")
    cache = Cache(tmp_path / "moved caches", "music", RECIPE)
    pd.testing.assert_frame_equal(cache.update(tmp_path / "moved music", NAMES, executors), before)
    assert executors.calls == 0
    assert_holds(cache, tmp_path / "moved music", before)


def test_cache_and_music_can_be_copied(root, filled, tmp_path, executors):
    before = filled.lookup(NAMES)
    shutil.copytree(tmp_path / "caches", tmp_path / "copied caches", copy_function=shutil.copy)
    shutil.copytree(root, tmp_path / "copied music", copy_function=shutil.copy)  # with other mtimes
    cache = Cache(tmp_path / "copied caches", "music", RECIPE)
    index = cache.update(tmp_path / "copied music", NAMES, executors)
    pd.testing.assert_frame_equal(index.drop(columns="mtime_ns"), before.drop(columns="mtime_ns"))
    assert (index["mtime_ns"] != before["mtime_ns"]).all()
    assert executors.calls == 0


def test_nothing_absolute_is_inside(filled, tmp_path):
    for path in filled.folder.iterdir():
        text = path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            text += pd.read_parquet(path).to_csv()
        assert str(tmp_path) not in text, path.name
        assert tmp_path.name not in text, path.name


def test_nothing_is_written_beside_the_music(root, filled):
    assert sorted(path.relative_to(root).as_posix() for path in root.glob("*/*")) == sorted(NAMES)


RECIPES = {
    "clip_seconds": replace(RECIPE, clip_seconds=0.9),
    "clip_start": replace(RECIPE, clip_start=0.1),
    "middle": replace(RECIPE, clip_start="middle"),
    "sample_rate": Recipe(LogMel(**{**SMALL, "sample_rate": 8002}), 1.0, 0.0),
    "n_fft": Recipe(LogMel(**{**SMALL, "n_fft": 1024}), 1.0, 0.0),
    "hop_length": Recipe(LogMel(**{**SMALL, "hop_length": 127}), 1.0, 0.0),
    "n_mels": Recipe(LogMel(**{**SMALL, "n_mels": 17}), 1.0, 0.0),
    "f_min": Recipe(LogMel(**SMALL, f_min=1.0), 1.0, 0.0),
    "f_max": Recipe(LogMel(**SMALL, f_max=3999.0), 1.0, 0.0),
    "top_db": Recipe(LogMel(**SMALL, top_db=60.0), 1.0, 0.0),
    "amin": Recipe(LogMel(**SMALL, amin=1e-9), 1.0, 0.0),
    "kind": Recipe(Mfcc(n_mfcc=16, **SMALL), 1.0, 0.0),
    "n_mfcc": Recipe(Mfcc(n_mfcc=15, **SMALL), 1.0, 0.0),
}


def test_each_recipe_has_its_own_folder(tmp_path, monkeypatch):
    folders = [Cache(tmp_path, "music", recipe).folder for recipe in [RECIPE, *RECIPES.values()]]
    assert len(set(folders)) == 1 + len(RECIPES)
    assert Cache(tmp_path, "music", Recipe(LogMel(**SMALL), 1.0, 0.0)).folder == folders[0]
    assert Cache(tmp_path, "other", RECIPE).folder.name == folders[0].name.replace("music", "other")
    monkeypatch.setattr("genre.features.VERSION", 1000)
    assert Cache(tmp_path, "music", RECIPE).folder not in folders


def test_another_recipe_is_computed_and_the_first_stays(root, filled, tmp_path, executors):
    before = contents(filled.folder)
    other = Cache(tmp_path / "caches", "music", RECIPES["clip_seconds"])
    index = other.update(root, NAMES, executors)
    assert sorted(executors.paths) == sorted(NAMES)
    assert other.read([index["shard"].iloc[0]], [0], [0], 57).shape == (1, 57, 16)
    assert contents(filled.folder) == before


def test_the_folder_says_what_made_it(filled):
    assert json.loads((filled.folder / "recipe.json").read_text()) == RECIPE.identity


def test_no_folder_appears_before_there_is_something_to_cache(tmp_path, make):
    make()
    assert list(tmp_path.iterdir()) == []


# Reading


def test_windows(root, filled):
    names = [NAMES[17], NAMES[0], NAMES[17], NAMES[1], NAMES[39]]
    starts = [0, 43, 7, 1, 20]
    rows = filled.lookup(NAMES).loc[names]
    windows = filled.read(rows["shard"], rows["row"], starts, 20)
    assert windows.shape == (5, 20, 16)
    assert windows.dtype == np.float16
    for window, name, start in zip(windows, names, starts, strict=True):
        np.testing.assert_array_equal(window, features(root / name)[start : start + 20])


def test_windows_are_copies(root, filled):
    row = filled.lookup(NAMES).iloc[0]
    window = read(filled, row)
    window[:] = 7
    assert_holds(filled, root, filled.lookup(NAMES[:1]))


def test_only_what_is_read_comes_from_the_disk(filled):
    row = filled.lookup(NAMES).iloc[0]
    read(filled, row)
    assert isinstance(filled._array(row["shard"]), np.memmap)


def test_lookup_needs_no_music(root, filled, make):
    before = filled.lookup(NAMES)
    shutil.rmtree(root)
    pd.testing.assert_frame_equal(make().lookup(NAMES), before)
    some = [NAMES[30], NAMES[2]]
    assert list(make().lookup(some).index) == some


def test_lookup_leaves_out_what_it_does_not_know(filled):
    assert list(filled.lookup(["unknown.wav", *NAMES]).index) == NAMES
    assert filled.lookup(["unknown.wav"]).empty


def test_lookup_makes_no_folder(tmp_path, make):
    assert make().lookup(NAMES).empty
    assert list(tmp_path.iterdir()) == []


def test_lookup_takes_in_what_a_killed_run_finished(root, filled, make):
    (filled.folder / "index.parquet").unlink()
    (filled.folder / "shard-00019.parquet").unlink()
    assert list(make().lookup(NAMES).index) == NAMES[:38]
    assert list(make().lookup(NAMES[:38]).index) == NAMES[:38]


def test_lookup_only_looks(root, filled, make, executors):
    for name in NAMES[:2]:  # the whole first shard is out of date
        change(root / name)
    filled.update(root, NAMES, executors)
    before = contents(filled.folder)
    make().lookup(NAMES)
    assert contents(filled.folder) == before
