"""What is extracted, and when."""

import os
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre.data.cache import extraction, file_states
from genre.data.cache.executors import local_executor
from genre.data.cache.feature_cache import FeatureCache
from tests.conftest import sound, write_sound
from tests.data.cache.conftest import NAMES, RATE, SPEC, assert_holds, change, contents


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
    whole = filled.read_windows(index["shard"], index["row"], [0] * 40, SPEC.n_frames)
    assert whole.dtype == np.float16
    assert whole.shape == (40, 63, 16)
    assert whole.min() == 0
    assert whole.max() == 1


def test_real_processes_make_the_same_cache(root, filled, tmp_path):
    other = FeatureCache(tmp_path / "elsewhere", "music", SPEC)
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
    monkeypatch.setattr(file_states, "file_digest", lambda _: pytest.fail("size and mtime are enough"))
    filled.update(root, NAMES, executors)
    assert executors.calls == 0


@pytest.mark.parametrize("seconds", [1.0, 1.5], ids=["same size", "other size"])
def test_only_a_changed_file_is_extracted_again(root, filled, make, executors, seconds):
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


def test_a_file_that_disappears_during_the_extraction(root, make, executors):
    def late():
        (root / NAMES[39]).unlink()
        return executors()

    assert make().update(root, NAMES, late).loc[NAMES[39], "reason"] == "missing_file"


def test_a_file_that_was_away_during_the_extraction_is_extracted_later(root, make, executors, monkeypatch):
    monkeypatch.setattr(file_states, "_key", lambda status: (status.st_size, status.st_mtime_ns, 0))  # as some disks do
    path, away = root / NAMES[39], root / "away"

    def late():
        path.rename(away)
        return executors()

    make().update(root, NAMES, late)
    away.rename(path)
    assert make().update(root, NAMES, executors).loc[NAMES[39], "reason"] == ""
    assert executors.paths == [*NAMES, NAMES[39]]


def test_a_new_file_is_added(root, filled, make, executors):
    before = filled.lookup(NAMES)
    write_sound(root / "new" / "x.wav", sound(77, 1.0, RATE), RATE)
    names = ["new/x.wav", *NAMES]
    index = make().update(root, names, executors)
    assert executors.paths == ["new/x.wav"]
    assert list(index.index) == names
    assert_holds(filled, root, index)
    pd.testing.assert_frame_equal(index.drop("new/x.wav"), before)


def test_a_deleted_file_needs_no_extraction(root, filled, make, executors):
    (root / NAMES[4]).unlink()
    rest = NAMES[:4] + NAMES[5:]
    assert list(make().update(root, rest, executors).index) == rest
    assert executors.calls == 0


def test_a_touched_file_is_not_extracted_again_and_its_mtime_is_stored(root, filled, make, executors, monkeypatch):
    before = filled.lookup(NAMES)
    looked_at, digest_of = [], file_states.file_digest

    def digest(path: Path) -> str:
        looked_at.append(path.relative_to(root).as_posix())
        return digest_of(path)

    monkeypatch.setattr(file_states, "file_digest", digest)
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
    write_sound(root / "text.wav", sound(5, 1.0, RATE), RATE).replace(root / "text.mp3")  # repaired
    index = make().update(root, names, executors)
    assert executors.paths[-1] == "text.mp3"
    assert_holds(make(), root, index)


def test_data_sets_of_other_names_share_nothing(root, filled, tmp_path, executors):
    other = FeatureCache(tmp_path / "caches", "other", SPEC)
    assert other.lookup(NAMES).empty
    other.update(root, NAMES[:3], executors)
    assert executors.paths == NAMES[:3]


def test_a_rejected_file_that_is_too_large_to_hash_is_read_once(root, make, executors, monkeypatch):
    monkeypatch.setattr(extraction, "MAX_HASHED_BYTES", 1000)
    (root / "huge.wav").write_bytes(bytes(2000))
    first = make().update(root, ["huge.wav"], executors)
    again = make().update(root, ["huge.wav"], lambda: pytest.fail("nothing has changed"))
    assert first.at["huge.wav", "reason"] == again.at["huge.wav", "reason"] == "undecodable"
    change(root / "huge.wav")
    assert make().update(root, ["huge.wav"], executors).at["huge.wav", "reason"] == ""
