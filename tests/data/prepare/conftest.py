"""A source that lists a given table, and audio files for it."""

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre.audio.features import LogMel
from genre.config.schema import DataConfig
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.feature_cache import FeatureCache
from genre.data.prepare import prepare
from genre.data.prepared import PreparedData
from genre.errors import GenreError
from tests.conftest import sound, track_table, write_sound

RATE = 8000
SPEC = FeatureSpec(LogMel(sample_rate=RATE, n_fft=512, hop_length=128, n_mels=16), 1.0, 0.0)
CONFIG = DataConfig(
    fractions=[0.8, 0.1, 0.1],
    clip_seconds=1.0,
    min_seconds=0.8,
    splits="stratified",
    fold=None,
    folds=5,
    train_fraction=1.0,
    exclude_genres=[],
    licenses=[],
    min_tracks_per_genre=1,
)


@dataclass
class Listed:
    """A source that says what it is told to say."""

    root: str
    table: pd.DataFrame
    name: str = "listed"

    def tracks(self) -> pd.DataFrame:
        return self.table


def some(root: Path, *names: str, seconds: float = 1.0) -> None:
    """Write sound, another for each name."""
    for name in names:
        write_sound(root / name, sound(zlib.crc32(name.encode()), seconds, RATE), RATE)


def reasons(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["track_id"], table["reason"], strict=True))


def details(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["track_id"], table["detail"], strict=True))


@pytest.fixture
def cache(tmp_path) -> FeatureCache:
    return FeatureCache(tmp_path / "caches", "music", SPEC)


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "music"


@pytest.fixture
def prepared_with(root, cache, executors):
    """Prepares what lies in `root` beside ten sound tracks of each of two genres."""

    def prepare_with(genres: dict[str, str | None], **settings) -> PreparedData:
        good = {f"{genre}/{number}.wav": genre for genre in ("pop", "rock") for number in range(10)}
        some(root, *(name for name in good if not (root / name).exists()))
        table = track_table({**good, **genres})
        return prepare(Listed(str(root), table), replace(CONFIG, **settings), cache, executors, seed=1)

    return prepare_with


def features_of(prepared: PreparedData) -> np.ndarray:
    tracks = prepared.tracks
    return prepared.cache.read_windows(tracks["shard"], tracks["row"], [0] * len(tracks), SPEC.n_frames)


def stored_features(cache: FeatureCache) -> np.ndarray:
    return np.concatenate([np.load(path) for path in cache.folder.glob("*.npy")])


def error(action) -> str:
    with pytest.raises(GenreError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)
