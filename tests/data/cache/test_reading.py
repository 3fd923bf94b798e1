"""Windows and rows, from the cache alone."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from tests.data.cache.conftest import NAMES, SPEC, assert_holds, change, contents, features, read


def test_windows(root, filled):
    names = [NAMES[17], NAMES[0], NAMES[17], NAMES[1], NAMES[39]]
    starts = [0, 43, 7, 1, 20]
    rows = filled.lookup(NAMES).loc[names]
    windows = filled.read_windows(rows["shard"], rows["row"], starts, 20)
    assert windows.shape == (5, 20, 16)
    assert windows.dtype == np.float16
    for window, name, start in zip(windows, names, starts, strict=True):
        np.testing.assert_array_equal(window, features(root / name)[start : start + 20])


def test_windows_are_copies(root, filled):
    row = filled.lookup(NAMES).iloc[0]
    window = read(filled, row)
    window[:] = 7
    assert_holds(filled, root, filled.lookup(NAMES[:1]))


def test_nothing_stays_open(filled):
    rows = filled.lookup(NAMES)
    before = list(Path("/proc/self/fd").iterdir())
    filled.read_windows(rows["shard"], rows["row"], [0] * 40, SPEC.n_frames)
    assert list(Path("/proc/self/fd").iterdir()) == before
    assert str(filled.folder) not in Path("/proc/self/maps").read_text()


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
