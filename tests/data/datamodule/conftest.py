"""A prepared data set of short clips."""

import numpy as np
import pandas as pd
import pytest
from torch import nn

from genre.audio.features import LogMel
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.feature_cache import FeatureCache
from genre.data.cache.shards import shard_path
from genre.data.datamodule import GenreDataModule
from genre.data.prepared import PreparedData

SPEC = FeatureSpec(LogMel(sample_rate=8000, n_fft=512, hop_length=128, n_mels=16), 2.0, 0.0)
FRAMES = 126
WINDOW = 100
SIZES = {"train": 23, "val": 7, "test": 5}
TRACKS = sum(SIZES.values())


@pytest.fixture
def prepared(tmp_path) -> PreparedData:
    """Features that tell whose they are: in the first bin the frame's number, in the second the track's."""
    cache = FeatureCache(tmp_path, "music", SPEC)
    cache.folder.mkdir()
    random = np.random.default_rng(0)
    place = random.permutation(TRACKS)  # ten tracks a shard, in no order
    arrays = np.zeros((4, 10, FRAMES, 16), np.float16)
    arrays[..., 0] = np.arange(FRAMES)
    arrays[place // 10, place % 10, :, 1] = np.arange(TRACKS)[:, None]
    for number, array in enumerate(arrays):
        np.save(shard_path(cache.folder, number, ".npy"), array)
    parts = random.permutation([part for part, size in SIZES.items() for _ in range(size)])
    table = pd.DataFrame(
        {
            "track_id": [f"{number:02d}" for number in range(TRACKS)],
            "genre": random.choice(["blues", "jazz", "rock"], TRACKS),
            "split": parts,
            "shard": place // 10,
            "row": place % 10,
            "duration": 2.0,
            "decoded": 1.0,
        }
    )
    return PreparedData(table, table.iloc[:0], ["blues", "jazz", "rock"], cache)


@pytest.fixture
def make(prepared):
    def make_data(prepared: PreparedData = prepared, augment: nn.Module | None = None, **given) -> GenreDataModule:
        settings = {"batch_size": 4, "segment_frames": WINDOW, "num_workers": 0, "seed": 42, **given}
        return GenreDataModule(lambda: prepared, augment or nn.Identity(), **settings)

    return make_data


def rows(prepared: PreparedData, part: str) -> list[int]:
    return [row for row, name in enumerate(prepared.tracks["split"]) if name == part]


def windows(batches) -> list[tuple[int, int]]:
    """Track and first frame of each clip, as its features tell."""
    return [(int(mel[0, 1]), int(mel[0, 0])) for batch in batches for mel in batch.mel]


def epoch(data: GenreDataModule, number: int) -> list[tuple[int, int]]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(number)
    return windows(loader)


def limited(prepared: PreparedData, train: int) -> PreparedData:
    """The same with so many tracks to train on."""
    spared = rows(prepared, "train")[train:]
    table = prepared.tracks.assign(split=prepared.tracks["split"].mask(prepared.tracks.index.isin(spared), "spared"))
    return PreparedData(table, prepared.rejected, prepared.genres, prepared.cache)
