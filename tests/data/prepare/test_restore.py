"""The tracks of a run are restored."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre.data.cache.feature_cache import FeatureCache
from genre.data.prepare import restore_from_run
from genre.data.prepared import PreparedData
from tests.conftest import sound, write_sound
from tests.data.prepare.conftest import RATE, SPEC, Listed, error, features_of, some


@pytest.fixture
def run(prepared_with, tmp_path) -> tuple[PreparedData, Path]:
    """A prepared collection and the table that its run folder keeps."""
    prepared = prepared_with({})
    path = tmp_path / "run" / "tracks.parquet"
    path.parent.mkdir()
    prepared.tracks.drop(columns=["shard", "row", "mtime_ns"]).to_parquet(path)
    return prepared, path


def source_in(root: Path) -> Listed:
    return Listed(str(root), pd.DataFrame())


def assert_same(restored: PreparedData, prepared: PreparedData) -> None:
    columns = list(prepared.tracks.columns)
    assert sorted(restored.tracks.columns) == sorted(columns)
    columns = [name for name in columns if name not in ("shard", "row", "mtime_ns")]
    pd.testing.assert_frame_equal(restored.tracks[columns], prepared.tracks[columns])
    assert restored.genres == prepared.genres
    np.testing.assert_array_equal(restored.targets, prepared.targets)
    np.testing.assert_array_equal(features_of(restored), features_of(prepared))


def test_restored_from_the_cache_alone(run, root, tmp_path, executors):
    prepared, path = run
    calls = executors.calls
    shutil.rmtree(root)
    (tmp_path / "caches").rename(tmp_path / "moved")
    cache = FeatureCache(tmp_path / "moved", "music", SPEC)
    restored = restore_from_run(path, source_in(root), cache, executors)
    assert_same(restored, PreparedData(prepared.tracks, prepared.rejected, prepared.genres, cache))
    assert len(restored.rejected) == 0
    assert executors.calls == calls


def test_restored_from_the_audio_alone(run, root, tmp_path, executors):
    prepared, path = run
    root.rename(tmp_path / "moved")
    calls = executors.calls
    restored = restore_from_run(
        path, source_in(tmp_path / "moved"), FeatureCache(tmp_path / "new", "music", SPEC), executors
    )
    assert_same(restored, prepared)
    assert executors.calls == calls + 1


def test_tracks_added_since_are_ignored(run, root, prepared_with, cache, executors):
    prepared, path = run
    new = {"rock/new.wav": "rock", "Aaa/1.wav": "Aaa", "Aaa/2.wav": "Aaa"}
    some(root, *new)
    assert len(prepared_with(new).tracks) == 23
    assert_same(restore_from_run(path, source_in(root), cache, executors), prepared)


def test_restored_with_the_split_of_the_run(run, root, cache, executors):
    _, path = run
    table = pd.read_parquet(path)
    parts = ["test", "val", "train", "val"] * 5  # no rule would deal them out so
    table["split"] = parts
    table.to_parquet(path)
    assert restore_from_run(path, source_in(root), cache, executors).tracks["split"].tolist() == parts


def test_neither_cache_nor_audio(run, root, tmp_path, executors):
    _, path = run
    for number in range(3):
        (root / f"rock/{number}.wav").unlink()
    cache = FeatureCache(tmp_path / "new", "music", SPEC)
    assert error(lambda: restore_from_run(path, source_in(root), cache, executors)) == (
        f"3 tracks of the run are neither in {cache.folder} nor in {root}: set data_root= "
        "to the folder of the audio, or cache= to the folder of the caches"
    )
    assert not cache.folder.exists()


def test_a_run_folder_without_a_table(root, tmp_path, cache, executors):
    path = tmp_path / "run" / "tracks.parquet"
    expected = f"{path} does not exist: run_dir must be the folder of a trained run"
    assert error(lambda: restore_from_run(path, source_in(root), cache, executors)) == expected


CHANGES = {
    "other sound": lambda path: write_sound(path, sound(999, 1.0, RATE), RATE),
    "no sound": lambda path: path.write_text("<html>404</html>"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_reported(run, root, tmp_path, executors, change):
    _, path = run
    CHANGES[change](root / "rock/0.wav")
    cache = FeatureCache(tmp_path / "new", "music", SPEC)
    assert error(lambda: restore_from_run(path, source_in(root), cache, executors)) == (
        "1 audio files changed since training (first: rock/0.wav): restore them or train again"
    )


@pytest.mark.parametrize("change", CHANGES)
def test_newer_cached_content_does_not_replace_that_of_the_run(run, root, tmp_path, executors, change):
    prepared, path = run
    before = features_of(prepared)
    CHANGES[change](root / "rock/0.wav")
    cache = FeatureCache(tmp_path / "caches", "music", SPEC)
    cache.update(root, ["rock/0.wav"], executors)
    assert np.array_equal(features_of(restore_from_run(path, source_in(root), cache, executors)), before)


def test_some_tracks_are_cached_and_the_others_have_audio(run, root, tmp_path, executors):
    prepared, path = run
    cache = FeatureCache(tmp_path / "new", "music", SPEC)
    cache.update(root, prepared.tracks["path"].tolist()[:10], executors)
    shutil.rmtree(root / "pop")
    assert_same(restore_from_run(path, source_in(root), cache, executors), prepared)


def test_a_damaged_cache_is_repaired(run, root, tmp_path, executors, caplog):
    prepared, path = run
    before = features_of(prepared)
    index = prepared.cache.folder / "index.parquet"
    index.write_bytes(b"PAR1")
    array = next(prepared.cache.folder.glob("*.npy"))
    array.write_bytes(array.read_bytes()[:-1])
    cache = FeatureCache(tmp_path / "caches", "music", SPEC)
    restored = restore_from_run(path, source_in(root), cache, executors)
    assert restored.tracks["track_id"].tolist() == prepared.tracks["track_id"].tolist()
    np.testing.assert_array_equal(features_of(restored), before)
    assert {line.split(" is damaged (")[0] for line in caplog.messages} == {str(index), str(array)}


def test_a_damaged_cache_without_the_audio_is_one_line(run, root, tmp_path, executors):
    prepared, path = run
    shutil.rmtree(root)
    array = next(prepared.cache.folder.glob("*.npy"))
    array.write_bytes(array.read_bytes()[:-1])
    cache = FeatureCache(tmp_path / "caches", "music", SPEC)
    said = error(lambda: restore_from_run(path, source_in(root), cache, executors))
    assert "tracks of the run are neither in" in said
