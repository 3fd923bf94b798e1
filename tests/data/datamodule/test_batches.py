"""Batches, windows and their randomness."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from genre.data.datamodule import Batch, GenreDataModule
from genre.data.prepared import PreparedData
from tests.data.datamodule.conftest import FRAMES, SIZES, WINDOW, epoch, limited, rows, windows


def test_training_batches(make, prepared):
    batches = list(make().train_dataloader())
    assert [tuple(batch.mel.shape) for batch in batches] == [(4, WINDOW, 16)] * 5 + [(3, WINDOW, 16)]
    for batch in batches:
        assert isinstance(batch, Batch)
        assert (batch.mel.dtype, batch.target.dtype, batch.track_index.dtype) == (
            torch.float16,
            torch.int64,
            torch.int64,
        )
        assert batch.target.shape == batch.track_index.shape == batch.mel.shape[:1]


@pytest.mark.parametrize("part", ["val", "test"])
def test_validation_and_test_are_whole_clips_in_order(make, prepared, part):
    data = make()
    loader = data.val_dataloader() if part == "val" else data.test_dataloader()
    for _ in range(2):
        batches = list(loader)
        assert {batch.mel.shape[1:] for batch in batches} == {(FRAMES, 16)}
        assert [len(batch.mel) for batch in batches] == ([4, 3] if part == "val" else [4, 1])
        assert torch.cat([batch.track_index for batch in batches]).tolist() == rows(prepared, part)
        assert windows(batches) == [(row, 0) for row in rows(prepared, part)]
        assert all(batch.mel.dtype == torch.float16 for batch in batches)


def test_features_and_targets_are_those_of_the_track(make, prepared):
    data = make()
    numbers = {"blues": 0, "jazz": 1, "rock": 2}
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for batch in loader:
            genres = prepared.tracks["genre"].iloc[batch.track_index.numpy()]
            assert batch.target.tolist() == [numbers[genre] for genre in genres]
            assert (batch.mel[:, :, 1] == batch.track_index[:, None]).all()


def test_each_training_track_is_sampled_once_per_epoch(make, prepared):
    data = make()
    loader = data.train_dataloader()
    assert len(loader) == 6
    for number in range(5):
        loader.sampler.set_epoch(number)
        assert sorted(track for track, _ in windows(loader)) == rows(prepared, "train")


def test_windows_are_anywhere_within_clips(make):
    data = make()
    first = [start for number in range(40) for _, start in epoch(data, number)]
    assert min(first) == 0
    assert max(first) == FRAMES - WINDOW
    assert np.bincount(first).min() > 10  # of 34 expected
    for batch in data.train_dataloader():
        frames = batch.mel[:, :, 0]
        assert (frames.diff(dim=1) == 1).all()
        assert frames.max() < FRAMES


def test_order_and_windows_depend_only_on_seed_and_epoch(make):
    data = make()
    loader, undisturbed = data.train_dataloader(), []
    for number in range(4):
        loader.sampler.set_epoch(number)
        undisturbed.append(windows(loader))
    for number in (2, 0, 3):
        torch.manual_seed(number)
        np.random.seed(number)
        assert epoch(make(), number) == undisturbed[number]
        assert epoch(make(batch_size=7), number) == undisturbed[number]
    assert windows(make().train_dataloader()) == undisturbed[0]


def test_each_epoch_and_seed_has_its_own_order_and_windows(make):
    seen = [epoch(make(seed=seed), number) for seed in (42, 43) for number in range(4)]
    assert len({tuple(track for track, _ in drawn) for drawn in seen}) == 8
    assert len({tuple(start for _, start in sorted(drawn)) for drawn in seen}) == 8


def test_seed_and_epoch_are_not_interchangeable(make):
    assert epoch(make(seed=1), 2) != epoch(make(seed=2), 1)


@pytest.mark.parametrize("segment", [None, FRAMES, FRAMES + 1, 10_000])
def test_a_window_is_at_most_the_clip(make, segment):
    drawn = list(make(segment_frames=segment).train_dataloader())
    assert {batch.mel.shape[1] for batch in drawn} == {FRAMES}
    assert {start for _, start in windows(drawn)} == {0}


@pytest.mark.parametrize(("tracks", "sizes"), [(9, [4, 4, 1]), (10, [4, 4, 2]), (8, [4, 4]), (1, [1])])
def test_no_track_is_left_out(make, prepared, tracks, sizes):
    loader = make(limited(prepared, tracks)).train_dataloader()
    assert [len(batch.mel) for batch in loader] == sizes
    assert len(loader) == len(sizes)


def skewed(prepared: PreparedData) -> PreparedData:
    """The same with one track of blues and four of jazz to train on."""
    table, trained = prepared.tracks.assign(genre="rock"), rows(prepared, "train")
    table.loc[trained[:1], "genre"] = "blues"
    table.loc[trained[1:5], "genre"] = "jazz"
    return PreparedData(table, prepared.rejected, prepared.genres, prepared.cache)


def test_balanced_sampling_samples_genres_equally_often(make, prepared):
    chosen = skewed(prepared)
    data = make(chosen, balanced_sampling=True)
    drawn = [track for number in range(200) for track, _ in epoch(data, number)]
    assert len(drawn) == 200 * SIZES["train"]
    times = pd.Series(drawn).value_counts()
    assert sorted(times.index) == rows(prepared, "train")
    genres = times.groupby(chosen.tracks["genre"].to_numpy()[times.index])
    assert genres.sum().between(1437, 1630).all()  # of 1533 expected, three standard deviations
    assert genres.min()["rock"] > 50  # of 85 expected
    assert genres.min()["jazz"] > 320  # of 383 expected


def test_balanced_sampling_depends_only_on_seed_and_epoch(make, prepared):
    data = make(skewed(prepared), balanced_sampling=True)
    undisturbed = [epoch(data, number) for number in range(3)]
    np.random.seed(1)
    assert epoch(make(skewed(prepared), balanced_sampling=True, batch_size=7), 2) == undisturbed[2]
    assert len({tuple(drawn) for drawn in undisturbed}) == 3
    assert epoch(make(skewed(prepared), balanced_sampling=True, seed=1), 2) != undisturbed[2]


def test_training_tracks_as_whole_clips(make, prepared):
    assert windows(make(balanced_sampling=True).eval_dataloader("train")) == [
        (row, 0) for row in rows(prepared, "train")
    ]


def test_worker_processes_change_nothing(make):
    loader = make(num_workers=2).train_dataloader()
    for number in (0, 3):
        loader.sampler.set_epoch(number)
        assert windows(loader) == epoch(make(), number)


def test_the_data_is_prepared_once_when_it_is_first_used(prepared):
    calls = []

    def prepare() -> PreparedData:
        calls.append(1)
        return prepared

    data = GenreDataModule(prepare, nn.Identity(), 4, WINDOW, 0, 42)
    assert calls == []
    data.prepare_data()
    data.train_dataloader()
    data.val_dataloader()
    assert data.data is prepared
    assert calls == [1]


def padded(prepared: PreparedData, seconds: float, decoded: float = 1.0) -> PreparedData:
    """The same with every other track this short."""
    odd = prepared.tracks.index % 2 == 1
    table = prepared.tracks.assign(
        duration=np.where(odd, seconds, 2.0), decoded=np.where(odd, decoded, prepared.tracks["decoded"])
    )
    return PreparedData(table, prepared.rejected, prepared.genres, prepared.cache)


@pytest.mark.parametrize(
    ("seconds", "decoded", "last"),
    [(1.8, 1.0, 13), (1.9, 0.95, 13), (1.6, 1.0, 1), (0.5, 1.0, 0), (60.0, 1.0, 26)],
)
def test_training_windows_are_free_of_padding(make, prepared, seconds, decoded, last):
    data = make(padded(prepared, seconds, decoded))
    drawn = [pair for number in range(60) for pair in epoch(data, number)]
    odd = [start for track, start in drawn if track % 2]
    assert sorted(set(odd)) == list(range(last + 1))
    whole = [pair for number in range(60) for pair in epoch(make(), number)]
    assert [pair for pair in drawn if pair[0] % 2 == 0] == [pair for pair in whole if pair[0] % 2 == 0]
    assert [track for track, _ in drawn] == [track for track, _ in whole]


def test_batches_give_the_frames_before_the_padding(make, prepared):
    data = make(padded(prepared, 1.8))
    for batch in data.eval_dataloader("train"):
        assert batch.frames.tolist() == [113 if track % 2 else FRAMES for track in batch.track_index.tolist()]
    for batch in data.train_dataloader():
        starts = batch.mel[:, 0, 0].long()
        sound = torch.where(batch.track_index % 2 == 1, 113, FRAMES)
        assert torch.equal(batch.frames, (sound - starts).clamp(max=WINDOW))


def test_half_clips_give_the_frames_before_the_padding(make, prepared):
    data = make(padded(prepared, 1.8), half_clips=True, segment_frames=None)
    (first, length), whole = data.clip_span("train"), list(data.eval_dataloader("train"))
    assert (first, length) == (63, 63)
    sound = [frames for batch in whole for frames in batch.frames.tolist()]
    assert sound == [50 if track % 2 else 63 for track in rows(prepared, "train")]
    assert {frames for batch in data.val_dataloader() for frames in batch.frames.tolist()} == {63}
