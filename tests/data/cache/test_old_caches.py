"""Caches of version 0.1, which have no checksums, are used unchanged."""

import json
import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre.audio.features import LogMel, Mfcc
from genre.data.cache import shards
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.feature_cache import FeatureCache
from tests.data.cache.conftest import NAMES, SMALL, SPEC, assert_holds, change, contents


@pytest.fixture
def old(root, filled, make) -> FeatureCache:
    """The same cache, as the earlier version wrote it."""
    for path in filled.folder.glob("*.parquet"):
        if path.stem.startswith("shard-"):
            shards.read_shard_table(path).drop(columns="checksum").to_parquet(path)
        else:
            path.unlink()
    for path in filled.folder.glob("*.npy"):
        array = np.load(path)
        with path.open("wb") as file:
            np.save(file, array)
    tables = [pd.read_parquet(path) for path in sorted(filled.folder.glob("shard-*.parquet"))]
    table = pd.concat(tables, ignore_index=True)
    for row, name in enumerate(table["path"]):
        table.loc[row, "mtime_ns"] = (root / name).stat().st_mtime_ns
    table.to_parquet(filled.folder / "index.parquet", index=False)
    (filled.folder / "recipe.json").write_text(json.dumps(SPEC.cache_key, indent=1))
    return make()


def test_nothing_is_extracted_again_and_checksums_are_added(root, old, make, executors, caplog):
    with caplog.at_level(logging.INFO, "genre"):
        index = make().update(root, NAMES, executors)
    assert executors.calls == 0
    assert caplog.messages == []
    assert_holds(old, root, index)
    for path in old.folder.glob("shard-*.parquet"):
        assert (shards.read_shard_table(path)["checksum"] > 0).all()
    after = contents(old.folder)
    make().update(root, NAMES, executors)
    assert contents(old.folder) == after
    array = old.folder / "shard-00003.npy"
    array.write_bytes(array.read_bytes()[:-1] + b"\x00")
    make().update(root, NAMES, executors)
    assert executors.paths == NAMES[6:8]


def test_damage_is_found_without_a_checksum_where_possible(root, old, make, executors, caplog):
    array = old.folder / "shard-00003.npy"
    array.write_bytes(array.read_bytes()[:-1])
    make().update(root, NAMES, executors)
    assert executors.paths == NAMES[6:8]
    assert caplog.messages == [f"{array} is damaged (it has 4159 of 4160 bytes): it will be rebuilt"]


def test_lookup_reads_old_caches(root, old):
    before = contents(old.folder)
    assert_holds(old, root, old.lookup(NAMES))
    assert contents(old.folder) == before


def test_a_file_of_the_same_size_and_mtime_is_not_trusted(root, old, make, executors):
    change(root / NAMES[3])
    time = old.lookup(NAMES[3:4])["mtime_ns"].iloc[0]
    os.utime(root / NAMES[3], ns=(time, time))
    cache = make()
    assert_holds(cache, root, cache.update(root, NAMES, executors))
    assert executors.paths == [NAMES[3]]


MEL = {
    "sample_rate": 22050,
    "n_fft": 2048,
    "hop_length": 512,
    "n_mels": 128,
    "f_min": 0.0,
    "f_max": None,
    "top_db": 80.0,
    "amin": 1e-10,
}


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (FeatureSpec(LogMel(**MEL), 30.0, 0.0), "music-55a0a8140d"),
        (FeatureSpec(LogMel(**MEL), 10.0, 0.0), "music-4ff015f1fd"),
        (FeatureSpec(LogMel(**MEL), 30.0, "middle"), "music-4087537900"),
        (FeatureSpec(Mfcc(n_mfcc=20, **MEL), 30.0, 0.0), "music-e734b01922"),
        (FeatureSpec(LogMel(**SMALL), 1.0, 0.0), "music-18f68e4d6b"),
    ],
)
def test_folders_keep_their_names(spec: FeatureSpec, name: str) -> None:
    assert FeatureCache(Path(), "music", spec).folder.name == name


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"top_db": 80}, 0),
        ({"f_min": 0}, 0.0),
        ({"f_max": 11025}, 0.0),
        ({"f_max": 11025.0}, 0),
        ({"f_min": 0, "f_max": 11025.0, "top_db": 80, "amin": 0.0000000001}, 0),
    ],
)
def test_equal_settings_have_one_cache(tmp_path: Path, given: dict, start: float) -> None:
    spec = FeatureSpec(LogMel(**MEL | given), 30, start)
    assert FeatureCache(tmp_path, "music", spec).folder.name == "music-55a0a8140d"


def test_a_cache_named_by_another_spelling_is_still_used(tmp_path: Path) -> None:
    spec = FeatureSpec(LogMel(**MEL | {"top_db": 60}), 30.0, 0)
    canonical = FeatureCache(tmp_path, "music", spec).folder
    assert canonical == FeatureCache(tmp_path, "music", FeatureSpec(LogMel(**MEL | {"top_db": 60.0}), 30.0, 0.0)).folder
    spelled = tmp_path / "music-8db7597325"
    spelled.mkdir()
    assert FeatureCache(tmp_path, "music", spec).folder == spelled
    canonical.mkdir()
    assert FeatureCache(tmp_path, "music", spec).folder == canonical
