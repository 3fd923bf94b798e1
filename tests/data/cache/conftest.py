"""A cache of forty short files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from genre.audio.decoding import load_clip
from genre.audio.features import LogMel
from genre.data.cache import filling, index
from genre.data.cache.extraction import FeatureSpec, Shard
from genre.data.cache.feature_cache import FeatureCache
from genre.data.cache.shards import shard_path
from tests.conftest import Executors, sound, write_sound

RATE = 8000
SMALL = {"sample_rate": RATE, "n_fft": 512, "hop_length": 128, "n_mels": 16}
SPEC = FeatureSpec(LogMel(**SMALL), 1.0, 0.0)
NAMES = [f"{number % 3}/{number:02d}.wav" for number in range(40)]  # two files a shard


def two_files_each() -> None:
    """Plan shards of two files, as on a machine of twenty cores; for the processes that tests start."""
    filling.cpu_count = lambda: 20


@pytest.fixture(autouse=True)
def _twenty_cores(monkeypatch) -> None:
    monkeypatch.setattr(filling, "cpu_count", lambda: 20)


@pytest.fixture(scope="session")
def _music(tmp_path_factory) -> Path:
    """The music, and a cache that was filled from it."""
    folder = tmp_path_factory.mktemp("filled")
    for number, name in enumerate(NAMES):
        write_sound(folder / "music" / name, sound(number, 1.0, RATE), RATE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "cpu_count", lambda: 20)
        FeatureCache(folder / "caches", "music", SPEC).update(folder / "music", NAMES, Executors())
    return folder


@pytest.fixture
def root(tmp_path, _music) -> Path:
    return Path(shutil.copytree(_music / "music", tmp_path / "music"))


@pytest.fixture
def make(tmp_path) -> Callable[[], FeatureCache]:
    """Opens the cache anew, as another process would."""

    def make_cache() -> FeatureCache:
        index._checked.clear()
        return FeatureCache(tmp_path / "caches", "music", SPEC)

    return make_cache


@pytest.fixture
def filled(root, make, tmp_path, _music) -> FeatureCache:
    """As if filled from `root`: nothing has to be extracted or looked at again."""
    shutil.copytree(_music / "caches", tmp_path / "caches")
    cache = make()
    for states in cache.folder.glob("files-*"):
        states.unlink()
    cache.update(root, NAMES, lambda: pytest.fail("all of it is there"))
    return make()


def features(path: Path) -> np.ndarray:
    samples = torch.from_numpy(load_clip(path, RATE, 1.0).samples)
    return SPEC.features(samples[None])[0].numpy().astype(np.float16)


def read(cache: FeatureCache, row: pd.Series) -> np.ndarray:
    return cache.read_windows([row["shard"]], [row["row"]], [0], SPEC.n_frames)[0]


def assert_holds(cache: FeatureCache, root: Path, index: pd.DataFrame) -> None:
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


@pytest.fixture
def shard(tmp_path) -> Shard:
    """Three files with audio and two without, the first one included."""
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
