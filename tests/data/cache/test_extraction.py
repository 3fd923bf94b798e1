"""Extraction of one shard."""

import os
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from genre.audio.decoding import load_clip
from genre.audio.features import LogMel, Mfcc
from genre.data.cache.extraction import FeatureSpec, Shard, extract_shard
from genre.data.cache.file_states import file_digest
from tests.data.cache.conftest import RATE, SMALL, array_path

COLUMNS = ["size", "mtime_ns", "file_digest", "audio_digest", "duration", "rate", "channels", "decoded", "sounding"]
COLUMNS += ["low", "high", "reason", "detail", "path", "shard", "row", "checksum"]


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


def test_a_large_file_that_is_not_audio_is_not_hashed(shard, monkeypatch):
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


def test_an_exception_of_a_library_rejects_one_file(shard, monkeypatch):
    def fail(*_, **__):
        raise ValueError("negative dimensions are not allowed")

    monkeypatch.setattr("genre.audio.decoding.soxr.resample", fail)
    extract_shard(replace(shard, paths=["a.wav", "text.mp3"]))
    table = pd.read_parquet(shard.folder / "shard-00007.parquet").set_index("path")
    assert table.loc["a.wav", "reason"] == "undecodable"
    assert table.loc["a.wav", "detail"] == "ValueError: negative dimensions are not allowed"


def test_a_missing_file_has_its_own_reason(shard):
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


def test_a_shard_without_audio_is_complete(shard):
    silent = replace(shard, paths=["text.mp3", "gone.wav"])
    assert extract_shard(silent) == 2
    array = np.load(array_path(shard))
    assert array.shape == (0, 63, 16)
    assert array.dtype == np.float16
    assert pd.read_parquet(shard.folder / "shard-00007.parquet")["row"].tolist() == [-1, -1]


def test_extraction_is_reproducible(shard):
    extract_shard(shard)
    first = array_path(shard).read_bytes(), (shard.folder / "shard-00007.parquet").read_bytes()
    extract_shard(shard)
    assert (array_path(shard).read_bytes(), (shard.folder / "shard-00007.parquet").read_bytes()) == first


def test_a_clip_starts_at_clip_start(shard):
    late = replace(shard, paths=["a.wav"], spec=replace(shard.spec, clip_start=0.5))
    extract_shard(late)
    expected = load_clip(shard.root / "a.wav", RATE, 1.0, 0.5).samples
    expected = shard.spec.features(torch.from_numpy(expected)[None])[0].numpy().astype(np.float16)
    np.testing.assert_array_equal(np.load(array_path(shard))[0], expected)
    assert (expected != features(shard, "a.wav")).any()


def test_feature_spec():
    spec = FeatureSpec(LogMel(**SMALL), 1.0, "middle")
    assert spec.n_frames == 1 + 8000 // 128
    assert spec.cache_key == {**LogMel(**SMALL).cache_key, "clip_seconds": 1.0, "clip_start": "middle"}
    mfcc = FeatureSpec(Mfcc(n_mfcc=5, **SMALL), 1.0, 0.0)
    assert (mfcc.features.n_features, mfcc.cache_key["kind"], mfcc.cache_key["n_mfcc"]) == (5, "Mfcc", 5)


def test_other_features_have_other_shapes(shard):
    extract_shard(replace(shard, spec=FeatureSpec(Mfcc(n_mfcc=5, **SMALL), 0.5, 0.0)))
    assert np.load(array_path(shard)).shape == (3, 32, 5)
