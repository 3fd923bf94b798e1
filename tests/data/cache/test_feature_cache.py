"""The folder of a cache, reading windows, and looking up files that were extracted before."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from genre.audio.features import LogMel, Mfcc
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.feature_cache import FeatureCache
from tests.data.cache.conftest import NAMES, SMALL, SPEC, assert_holds, change, contents, features, read


def test_cache_and_music_can_be_moved(root, filled, tmp_path, executors):
    before = filled.lookup(NAMES)
    (tmp_path / "caches").rename(tmp_path / "moved caches")
    root.rename(tmp_path / "moved music")
    cache = FeatureCache(tmp_path / "moved caches", "music", SPEC)
    pd.testing.assert_frame_equal(cache.update(tmp_path / "moved music", NAMES, executors), before)
    assert executors.calls == 0
    assert_holds(cache, tmp_path / "moved music", before)


def test_cache_and_music_can_be_copied(root, filled, tmp_path, executors):
    before = filled.lookup(NAMES)
    shutil.copytree(tmp_path / "caches", tmp_path / "copied caches", copy_function=shutil.copy)
    shutil.copytree(root, tmp_path / "copied music", copy_function=shutil.copy)  # with other mtimes
    cache = FeatureCache(tmp_path / "copied caches", "music", SPEC)
    index = cache.update(tmp_path / "copied music", NAMES, executors)
    pd.testing.assert_frame_equal(index.drop(columns="mtime_ns"), before.drop(columns="mtime_ns"))
    assert (index["mtime_ns"] != before["mtime_ns"]).all()
    assert executors.calls == 0


def test_no_absolute_path_is_stored(filled, tmp_path):
    for path in filled.folder.iterdir():
        text = path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            text += pd.read_parquet(path).to_csv()
        assert str(tmp_path) not in text, path.name
        assert tmp_path.name not in text, path.name


def test_nothing_is_written_beside_the_music(root, filled):
    assert sorted(path.relative_to(root).as_posix() for path in root.glob("*/*")) == sorted(NAMES)


SPECS = {
    "clip_seconds": replace(SPEC, clip_seconds=0.9),
    "clip_start": replace(SPEC, clip_start=0.1),
    "middle": replace(SPEC, clip_start="middle"),
    "sample_rate": FeatureSpec(LogMel(**{**SMALL, "sample_rate": 8002}), 1.0, 0.0),
    "n_fft": FeatureSpec(LogMel(**{**SMALL, "n_fft": 1024}), 1.0, 0.0),
    "hop_length": FeatureSpec(LogMel(**{**SMALL, "hop_length": 127}), 1.0, 0.0),
    "n_mels": FeatureSpec(LogMel(**{**SMALL, "n_mels": 17}), 1.0, 0.0),
    "f_min": FeatureSpec(LogMel(**SMALL, f_min=1.0), 1.0, 0.0),
    "f_max": FeatureSpec(LogMel(**SMALL, f_max=3999.0), 1.0, 0.0),
    "top_db": FeatureSpec(LogMel(**SMALL, top_db=60.0), 1.0, 0.0),
    "amin": FeatureSpec(LogMel(**SMALL, amin=1e-9), 1.0, 0.0),
    "kind": FeatureSpec(Mfcc(n_mfcc=16, **SMALL), 1.0, 0.0),
    "n_mfcc": FeatureSpec(Mfcc(n_mfcc=15, **SMALL), 1.0, 0.0),
}


def test_each_feature_spec_has_its_own_folder(tmp_path, monkeypatch):
    folders = [FeatureCache(tmp_path, "music", spec).folder for spec in [SPEC, *SPECS.values()]]
    assert len(set(folders)) == 1 + len(SPECS)
    assert FeatureCache(tmp_path, "music", FeatureSpec(LogMel(**SMALL), 1.0, 0.0)).folder == folders[0]
    assert FeatureCache(tmp_path, "other", SPEC).folder.name == folders[0].name.replace("music", "other")
    monkeypatch.setattr("genre.audio.features.FEATURES_VERSION", 1000)
    assert FeatureCache(tmp_path, "music", SPEC).folder not in folders


def test_other_features_are_extracted_and_the_first_stay(root, filled, tmp_path, executors):
    before = contents(filled.folder)
    other = FeatureCache(tmp_path / "caches", "music", SPECS["clip_seconds"])
    index = other.update(root, NAMES, executors)
    assert sorted(executors.paths) == sorted(NAMES)
    assert other.read_windows([index["shard"].iloc[0]], [0], [0], 57).shape == (1, 57, 16)
    assert contents(filled.folder) == before


def test_recipe_json_describes_the_features(filled):
    assert json.loads((filled.folder / "recipe.json").read_text()) == SPEC.cache_key


def test_no_folder_appears_before_there_is_something_to_cache(tmp_path, make):
    make()
    assert list(tmp_path.iterdir()) == []


def test_data_sets_of_the_same_name_share_a_cache(root, filled, tmp_path):
    assert FeatureCache(tmp_path / "caches", "music", SPEC).folder == filled.folder


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


def test_lookup_needs_no_audio(root, filled, make):
    before = filled.lookup(NAMES)
    shutil.rmtree(root)
    pd.testing.assert_frame_equal(make().lookup(NAMES), before)
    some = [NAMES[30], NAMES[2]]
    assert list(make().lookup(some).index) == some


def test_lookup_leaves_out_unknown_files(filled):
    assert list(filled.lookup(["unknown.wav", *NAMES]).index) == NAMES
    assert filled.lookup(["unknown.wav"]).empty


def test_lookup_makes_no_folder(tmp_path, make):
    assert make().lookup(NAMES).empty
    assert list(tmp_path.iterdir()) == []


def test_lookup_includes_what_a_killed_run_finished(root, filled, make):
    (filled.folder / "index.parquet").unlink()
    (filled.folder / "shard-00019.parquet").unlink()
    assert list(make().lookup(NAMES).index) == NAMES[:38]
    assert list(make().lookup(NAMES[:38]).index) == NAMES[:38]


def test_lookup_writes_nothing(root, filled, make, executors):
    for name in NAMES[:2]:  # the whole first shard is out of date
        change(root / name)
    filled.update(root, NAMES, executors)
    before = contents(filled.folder)
    make().lookup(NAMES)
    assert contents(filled.folder) == before
