"""The index of a cache: read, checked and tidied."""

import json
import shutil

import pandas as pd
import pytest

from genre.data.cache import index as index_module
from genre.data.cache.feature_cache import FeatureCache
from tests.conftest import sound, write_sound
from tests.data.cache.conftest import NAMES, RATE, SPEC, assert_holds


def test_arrays_are_checked_once_per_process(root, filled, executors, monkeypatch):
    filled.lookup(NAMES)
    monkeypatch.setattr(index_module, "check_array", lambda *_: pytest.fail("they were checked"))
    filled.update(root, NAMES, executors)
    FeatureCache(filled.folder.parent, "music", SPEC).lookup(NAMES)


def test_an_array_without_a_table_is_removed(root, filled, make, executors):
    orphan = filled.folder / "shard-00077.npy"
    shutil.copy(filled.folder / "shard-00003.npy", orphan)
    make().update(root, NAMES, executors)
    assert not orphan.exists()
    assert executors.calls == 0
    assert json.loads((filled.folder / "recipe.json").read_text()) == SPEC.cache_key


def test_a_lost_index_is_rebuilt_from_the_shards(root, filled, make, executors):
    before = filled.lookup(NAMES)
    (filled.folder / "index.parquet").unlink()
    pd.testing.assert_frame_equal(make().lookup(NAMES), before)
    pd.testing.assert_frame_equal(make().update(root, NAMES, executors), before)
    assert executors.calls == 0


def test_incomplete_files_are_ignored(root, filled, make, executors):
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


def test_temporary_files_of_killed_runs_are_deleted(root, filled, make, executors):
    for name in ("shard-000003.4711.tmp", ".index.parquet.4711.tmp"):
        (filled.folder / name).write_bytes(b"cut off")
    make().update(root, NAMES, executors)
    assert list(filled.folder.glob("*.tmp")) == []
    assert executors.paths == []
