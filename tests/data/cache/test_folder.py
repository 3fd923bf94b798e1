"""What lies in a cache's folder, and that it can be moved."""

import json
import shutil
from dataclasses import replace

import pandas as pd

from genre.audio.features import LogMel, Mfcc
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.feature_cache import FeatureCache
from tests.data.cache.conftest import NAMES, SMALL, SPEC, assert_holds, contents


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


def test_nothing_absolute_is_inside(filled, tmp_path):
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


def test_each_recipe_has_its_own_folder(tmp_path, monkeypatch):
    folders = [FeatureCache(tmp_path, "music", spec).folder for spec in [SPEC, *SPECS.values()]]
    assert len(set(folders)) == 1 + len(SPECS)
    assert FeatureCache(tmp_path, "music", FeatureSpec(LogMel(**SMALL), 1.0, 0.0)).folder == folders[0]
    assert FeatureCache(tmp_path, "other", SPEC).folder.name == folders[0].name.replace("music", "other")
    monkeypatch.setattr("genre.audio.features.FEATURES_VERSION", 1000)
    assert FeatureCache(tmp_path, "music", SPEC).folder not in folders


def test_another_recipe_is_computed_and_the_first_stays(root, filled, tmp_path, executors):
    before = contents(filled.folder)
    other = FeatureCache(tmp_path / "caches", "music", SPECS["clip_seconds"])
    index = other.update(root, NAMES, executors)
    assert sorted(executors.paths) == sorted(NAMES)
    assert other.read_windows([index["shard"].iloc[0]], [0], [0], 57).shape == (1, 57, 16)
    assert contents(filled.folder) == before


def test_the_folder_says_what_made_it(filled):
    assert json.loads((filled.folder / "recipe.json").read_text()) == SPEC.cache_key


def test_no_folder_appears_before_there_is_something_to_cache(tmp_path, make):
    make()
    assert list(tmp_path.iterdir()) == []
