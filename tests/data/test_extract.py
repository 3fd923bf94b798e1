import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from genre.audio.decoding import load_clip
from genre.audio.features import LogMel, Mfcc
from genre.data.cache.executors import local_executor
from genre.data.cache.extraction import FeatureSpec, Shard, extract_shard
from genre.data.cache.file_states import file_digest
from genre.data.cache.shards import shard_path
from tests.conftest import sound, write_sound

RATE = 8000
SMALL = {"sample_rate": RATE, "n_fft": 512, "hop_length": 128, "n_mels": 16}
COLUMNS = ["size", "mtime_ns", "file_digest", "audio_digest", "duration", "rate", "channels", "decoded", "sounding"]
COLUMNS += ["low", "high", "reason", "detail", "path", "shard", "row", "checksum"]


@pytest.fixture
def shard(tmp_path) -> Shard:
    """Three files that sound and two that do not, the first one included."""
    root, folder = tmp_path / "music", tmp_path / "cache"
    folder.mkdir()
    (root / "deep").mkdir(parents=True)
    (root / "text.mp3").write_text("no music")
    write_sound(root / "a.wav", sound(1, 1.5, RATE), RATE)
    write_sound(root / "deep" / "b.flac", sound(2, 0.7, 16000, channels=2), 16000)
    write_sound(root / "c.wav", sound(3, 1.0, RATE), RATE)
    paths = ["text.mp3", "c.wav", "gone.wav", "deep/b.flac", "a.wav"]
    return Shard(7, paths, root, folder, FeatureSpec(LogMel(**SMALL), 1.0, 0.0))


def array_path(shard: Shard) -> Path:
    return shard_path(shard.folder, shard.number, ".npy")


def features(shard: Shard, path: str) -> np.ndarray:
    clip = load_clip(shard.root / path, RATE, 1.0)
    return shard.spec.features(torch.from_numpy(clip.samples)[None])[0].numpy().astype(np.float16)


def test_an_array_and_a_table_and_nothing_else(shard):
    assert extract_shard(shard) == 5
    assert sorted(path.name for path in shard.folder.iterdir()) == ["shard-00007.npy", "shard-00007.parquet"]
    array = np.load(array_path(shard))
    assert array.dtype == np.float16
    assert array.shape == (3, 63, 16)
    for row, path in enumerate(["c.wav", "deep/b.flac", "a.wav"]):
        np.testing.assert_array_equal(array[row], features(shard, path))


def test_the_table_has_a_row_for_each_file(shard):
    extract_shard(shard)
    table = pd.read_parquet(shard.folder / "shard-00007.parquet").set_index("path", drop=False)
    assert list(table.index) == shard.paths
    assert list(table.columns) == COLUMNS
    assert table["shard"].tolist() == [7] * 5
    assert table["row"].tolist() == [-1, 0, -1, 1, 2]
    assert (table["reason"] != "").tolist() == [True, False, True, False, False]
    assert table.loc["text.mp3", "reason"] == "undecodable"
    row = table.loc["deep/b.flac"]
    path = shard.root / "deep" / "b.flac"
    assert row["size"] == path.stat().st_size
    assert row["mtime_ns"] == path.stat().st_mtime_ns
    assert row["file_digest"] == file_digest(path)
    assert row["audio_digest"] == load_clip(path, RATE, 1.0).audio_digest
    assert (row["duration"], row["rate"], row["channels"], row["decoded"], row["sounding"]) == (0.7, 16000, 2, 1, 1)
    broken = table.loc["text.mp3"]
    assert broken["size"] == 8
    assert broken["file_digest"] == file_digest(shard.root / "text.mp3")
    assert broken["detail"] != ""
    assert table.loc["gone.wav", "size"] == 0


def test_a_file_whose_header_shows_that_it_is_no_sound_is_not_hashed(shard, monkeypatch):
    monkeypatch.setattr("genre.data.cache.extraction.MAX_HASHED_BYTES", 1000)
    with (shard.root / "large.wav").open("wb") as file:
        file.truncate(2000)
    hashed = []
    monkeypatch.setattr("genre.data.cache.extraction.file_digest", lambda path: hashed.append(path.name) or "digest")
    extract_shard(replace(shard, paths=["large.wav", "text.mp3", "a.wav"]))
    assert set(hashed) == {"text.mp3", "a.wav"}
    table = pd.read_parquet(shard.folder / "shard-00007.parquet").set_index("path")
    assert table["reason"].to_dict() == {"large.wav": "undecodable", "text.mp3": "undecodable", "a.wav": ""}
    assert table["file_digest"].to_dict() == {"large.wav": "", "text.mp3": "digest", "a.wav": "digest"}


def test_a_pipe_is_neither_opened_nor_hashed(shard):
    os.mkfifo(shard.root / "pipe.mp3")
    extract_shard(replace(shard, paths=["pipe.mp3"]))
    table = pd.read_parquet(shard.folder / "shard-00007.parquet")
    assert table[["reason", "detail"]].to_numpy().tolist() == [["missing_file", "not a regular file"]]


def test_what_a_library_raises_rejects_one_file(shard, monkeypatch):
    def fail(*_, **__):
        raise ValueError("negative dimensions are not allowed")

    monkeypatch.setattr("genre.audio.decoding.soxr.resample", fail)
    extract_shard(replace(shard, paths=["a.wav", "text.mp3"]))
    table = pd.read_parquet(shard.folder / "shard-00007.parquet").set_index("path")
    assert table.loc["a.wav", "reason"] == "undecodable"
    assert table.loc["a.wav", "detail"] == "ValueError: negative dimensions are not allowed"


def test_a_file_that_is_gone_has_its_own_reason(shard):
    extract_shard(shard)
    table = pd.read_parquet(shard.folder / "shard-00007.parquet").set_index("path")
    assert table.loc["gone.wav", "reason"] == "missing_file"


def test_the_range_leads_back_to_decibels(shard):
    extract_shard(shard)
    table = pd.read_parquet(shard.folder / "shard-00007.parquet").set_index("path")
    low, high = table.loc["a.wav", ["low", "high"]]
    samples = torch.from_numpy(load_clip(shard.root / "a.wav", RATE, 1.0).samples)
    decibels = shard.spec.features.decibels(samples[None])
    assert (low, high) == (decibels.min().item(), decibels.max().item())
    restored = np.load(array_path(shard))[table["row"]["a.wav"]].astype(np.float32) * (high - low) + low
    np.testing.assert_allclose(restored, decibels[0], atol=(high - low) * 2**-11)  # float16 has 11 bits


def test_a_shard_without_sound_is_whole_too(shard):
    silent = replace(shard, paths=["text.mp3", "gone.wav"])
    assert extract_shard(silent) == 2
    array = np.load(array_path(shard))
    assert array.shape == (0, 63, 16)
    assert array.dtype == np.float16
    assert pd.read_parquet(shard.folder / "shard-00007.parquet")["row"].tolist() == [-1, -1]


def test_doing_it_again_gives_the_same_bytes(shard):
    extract_shard(shard)
    first = array_path(shard).read_bytes(), (shard.folder / "shard-00007.parquet").read_bytes()
    extract_shard(shard)
    assert (array_path(shard).read_bytes(), (shard.folder / "shard-00007.parquet").read_bytes()) == first


def test_a_clip_begins_where_the_recipe_says(shard):
    late = replace(shard, paths=["a.wav"], spec=replace(shard.spec, clip_start=0.5))
    extract_shard(late)
    expected = load_clip(shard.root / "a.wav", RATE, 1.0, 0.5).samples
    expected = shard.spec.features(torch.from_numpy(expected)[None])[0].numpy().astype(np.float16)
    np.testing.assert_array_equal(np.load(array_path(shard))[0], expected)
    assert (expected != features(shard, "a.wav")).any()


def test_recipe():
    spec = FeatureSpec(LogMel(**SMALL), 1.0, "middle")
    assert spec.n_frames == 1 + 8000 // 128
    assert spec.cache_key == {**LogMel(**SMALL).cache_key, "clip_seconds": 1.0, "clip_start": "middle"}
    mfcc = FeatureSpec(Mfcc(n_mfcc=5, **SMALL), 1.0, 0.0)
    assert (mfcc.features.n_features, mfcc.cache_key["kind"], mfcc.cache_key["n_mfcc"]) == (5, "Mfcc", 5)


def test_other_features_have_other_shapes(shard):
    extract_shard(replace(shard, spec=FeatureSpec(Mfcc(n_mfcc=5, **SMALL), 0.5, 0.0)))
    assert np.load(array_path(shard)).shape == (3, 32, 5)


def test_digest_of_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"music" * 100_000)
    assert file_digest(path) == hashlib.blake2b(b"music" * 100_000, digest_size=16).hexdigest()


def test_processes_work_as_this_one_does_and_keep_quiet(shard):
    extract_shard(shard)
    here = array_path(shard).read_bytes()
    with local_executor(2) as executor:
        assert executor.submit(extract_shard, replace(shard, number=8)).result() == 5
        assert executor.submit(torch.get_num_threads).result() == 1
        assert executor.submit(os.getpid).result() != os.getpid()
        assert executor.submit(os.readlink, "/proc/self/fd/2").result() == "/dev/null"
    assert shard_path(shard.folder, 8, ".npy").read_bytes() == here
    table = pd.read_parquet(shard_path(shard.folder, 8, ".parquet"))
    pd.testing.assert_frame_equal(
        table.drop(columns="shard"), pd.read_parquet(shard_path(shard.folder, 7, ".parquet")).drop(columns="shard")
    )


def test_one_worker_for_each_core_that_may_be_used(monkeypatch):
    made = []
    monkeypatch.setattr("genre.data.cache.executors.ProcessPoolExecutor", lambda workers, **_: made.append(workers))
    monkeypatch.setattr("genre.data.cache.executors.cpu_count", lambda: 3)
    local_executor()
    local_executor(2)
    assert made == [3, 2]


def test_names_sort_as_numbers_do():
    names = [shard_path(Path("x"), number, ".npy").name for number in (0, 9, 10, 99999)]
    assert names == sorted(names) == ["shard-00000.npy", "shard-00009.npy", "shard-00010.npy", "shard-99999.npy"]
