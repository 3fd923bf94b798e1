from pathlib import Path
from types import SimpleNamespace

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from genre.checking import checked
from genre.data.cache import Cache
from genre.data.datamodule import Batch, GenreData
from genre.data.extract import Recipe, shard_path
from genre.data.prepare import Prepared
from genre.features import LogMel
from genre.parts import assemble
from tests.composing import TINY, compose

RECIPE = Recipe(LogMel(sample_rate=8000, n_fft=512, hop_length=128, n_mels=16), 2.0, 0.0)
FRAMES = 126
WINDOW = 100
SIZES = {"train": 23, "val": 7, "test": 5}
TRACKS = sum(SIZES.values())


@pytest.fixture
def prepared(tmp_path) -> Prepared:
    """Features that tell whose they are: in the first bin the frame's number, in the second the track's."""
    cache = Cache(tmp_path, "music", RECIPE)
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
        }
    )
    return Prepared(table, table.iloc[:0], ["blues", "jazz", "rock"], cache)


@pytest.fixture
def make(prepared):
    def make_data(prepared: Prepared = prepared, augment: nn.Module | None = None, **given) -> GenreData:
        settings = {"batch_size": 4, "segment_frames": WINDOW, "num_workers": 0, "seed": 42, **given}
        return GenreData(lambda: prepared, augment or nn.Identity(), **settings)

    return make_data


def rows(prepared: Prepared, part: str) -> list[int]:
    return [row for row, name in enumerate(prepared.tracks["split"]) if name == part]


def windows(batches) -> list[tuple[int, int]]:
    """Track and first frame of each clip, as its features tell."""
    return [(int(mel[0, 1]), int(mel[0, 0])) for batch in batches for mel in batch.mel]


def epoch(data: GenreData, number: int) -> list[tuple[int, int]]:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(number)
    return windows(loader)


def limited(prepared: Prepared, train: int) -> Prepared:
    """The same with so many tracks to train on."""
    spared = rows(prepared, "train")[train:]
    table = prepared.tracks.assign(split=prepared.tracks["split"].mask(prepared.tracks.index.isin(spared), "spared"))
    return Prepared(table, prepared.rejected, prepared.genres, prepared.cache)


def test_training_batches(make, prepared):
    batches = list(make().train_dataloader())
    assert [tuple(batch.mel.shape) for batch in batches] == [(4, WINDOW, 16)] * 5 + [(3, WINDOW, 16)]
    for batch in batches:
        assert isinstance(batch, Batch)
        assert (batch.mel.dtype, batch.target.dtype, batch.track.dtype) == (torch.float16, torch.int64, torch.int64)
        assert batch.target.shape == batch.track.shape == batch.mel.shape[:1]


@pytest.mark.parametrize("part", ["val", "test"])
def test_validation_and_test_are_whole_clips_in_order(make, prepared, part):
    data = make()
    loader = data.val_dataloader() if part == "val" else data.test_dataloader()
    for _ in range(2):
        batches = list(loader)
        assert {batch.mel.shape[1:] for batch in batches} == {(FRAMES, 16)}
        assert [len(batch.mel) for batch in batches] == ([4, 3] if part == "val" else [4, 1])
        assert torch.cat([batch.track for batch in batches]).tolist() == rows(prepared, part)
        assert windows(batches) == [(row, 0) for row in rows(prepared, part)]
        assert all(batch.mel.dtype == torch.float16 for batch in batches)


def test_features_and_targets_are_those_of_the_track(make, prepared):
    data = make()
    numbers = {"blues": 0, "jazz": 1, "rock": 2}
    for loader in (data.train_dataloader(), data.val_dataloader(), data.test_dataloader()):
        for batch in loader:
            genres = prepared.tracks["genre"].iloc[batch.track.numpy()]
            assert batch.target.tolist() == [numbers[genre] for genre in genres]
            assert (batch.mel[:, :, 1] == batch.track[:, None]).all()


def test_each_training_track_is_drawn_once_an_epoch(make, prepared):
    data = make()
    loader = data.train_dataloader()
    assert len(loader) == 6
    for number in range(5):
        loader.sampler.set_epoch(number)
        assert sorted(track for track, _ in windows(loader)) == rows(prepared, "train")


def test_windows_lie_within_clips_and_anywhere_there(make):
    data = make()
    first = [start for number in range(40) for _, start in epoch(data, number)]
    assert min(first) == 0
    assert max(first) == FRAMES - WINDOW
    assert np.bincount(first).min() > 10  # of 34 expected
    for batch in data.train_dataloader():
        frames = batch.mel[:, :, 0]
        assert (frames.diff(dim=1) == 1).all()
        assert frames.max() < FRAMES


def test_order_and_windows_depend_on_seed_and_epoch_alone(make):
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


def test_another_epoch_and_another_seed_are_another_order_and_other_windows(make):
    seen = [epoch(make(seed=seed), number) for seed in (42, 43) for number in range(4)]
    assert len({tuple(track for track, _ in drawn) for drawn in seen}) == 8
    assert len({tuple(start for _, start in sorted(drawn)) for drawn in seen}) == 8


def test_seed_and_epoch_do_not_stand_in_for_each_other(make):
    assert epoch(make(seed=1), 2) != epoch(make(seed=2), 1)


@pytest.mark.parametrize("segment", [None, FRAMES, FRAMES + 1, 10_000])
def test_a_window_is_at_most_the_clip(make, segment):
    drawn = list(make(segment_frames=segment).train_dataloader())
    assert {batch.mel.shape[1] for batch in drawn} == {FRAMES}
    assert {start for _, start in windows(drawn)} == {0}


@pytest.mark.parametrize(("tracks", "sizes"), [(9, [4, 4, 1]), (10, [4, 4, 2]), (8, [4, 4]), (1, [1])])
def test_no_track_is_left_over(make, prepared, tracks, sizes):
    loader = make(limited(prepared, tracks)).train_dataloader()
    assert [len(batch.mel) for batch in loader] == sizes
    assert len(loader) == len(sizes)


def skewed(prepared: Prepared) -> Prepared:
    """The same with one track of blues and four of jazz to train on."""
    table, trained = prepared.tracks.assign(genre="rock"), rows(prepared, "train")
    table.loc[trained[:1], "genre"] = "blues"
    table.loc[trained[1:5], "genre"] = "jazz"
    return Prepared(table, prepared.rejected, prepared.genres, prepared.cache)


def test_balanced_training_draws_genres_equally_often(make, prepared):
    chosen = skewed(prepared)
    data = make(chosen, balanced=True)
    drawn = [track for number in range(200) for track, _ in epoch(data, number)]
    assert len(drawn) == 200 * SIZES["train"]
    times = pd.Series(drawn).value_counts()
    assert sorted(times.index) == rows(prepared, "train")
    genres = times.groupby(chosen.tracks["genre"].to_numpy()[times.index])
    assert genres.sum().between(1437, 1630).all()  # of 1533 expected, three standard deviations
    assert genres.min()["rock"] > 50  # of 85 expected
    assert genres.min()["jazz"] > 320  # of 383 expected


def test_balanced_training_depends_on_seed_and_epoch_alone(make, prepared):
    data = make(skewed(prepared), balanced=True)
    undisturbed = [epoch(data, number) for number in range(3)]
    np.random.seed(1)
    assert epoch(make(skewed(prepared), balanced=True, batch_size=7), 2) == undisturbed[2]
    assert len({tuple(drawn) for drawn in undisturbed}) == 3
    assert epoch(make(skewed(prepared), balanced=True, seed=1), 2) != undisturbed[2]


def test_training_tracks_as_whole_clips(make, prepared):
    assert windows(make(balanced=True).whole_clips("train")) == [(row, 0) for row in rows(prepared, "train")]


def test_processes_that_read_change_nothing(make):
    loader = make(num_workers=2).train_dataloader()
    for number in (0, 3):
        loader.sampler.set_epoch(number)
        assert windows(loader) == epoch(make(), number)


def test_the_collection_is_prepared_once_and_not_before_it_is_used(prepared):
    calls = []

    def prepare() -> Prepared:
        calls.append(1)
        return prepared

    data = GenreData(prepare, nn.Identity(), 4, WINDOW, 0, 42)
    assert calls == []
    data.prepare_data()
    data.train_dataloader()
    data.val_dataloader()
    assert data.prepared is prepared
    assert calls == [1]


# With a trainer


class Chance(nn.Module):
    """An augmentation that leaves what it drew in the features."""

    def forward(self, mel: Tensor) -> Tensor:
        mel = mel.clone()
        mel[:, :, 2] = 1 + torch.rand(1).item()
        return mel


def transferred(data: GenreData, training: bool, current_epoch: int = 0) -> Tensor:
    data.trainer = SimpleNamespace(training=training, current_epoch=current_epoch)
    batch = next(iter(data.train_dataloader()))
    after = data.on_after_batch_transfer(batch, 0)
    assert after.target is batch.target
    assert after.track is batch.track
    assert after.mel.dtype == torch.float32
    assert torch.equal(after.mel[:, :, :2], batch.mel[:, :, :2].float())
    return after.mel[:, :, 2]


def test_only_training_is_augmented(make):
    data = make(augment=Chance())
    assert (transferred(data, training=True) >= 1).all()
    assert (transferred(data, training=False) == 0).all()
    data.trainer = None
    batch = next(iter(data.val_dataloader()))
    assert torch.equal(data.on_after_batch_transfer(batch, 0).mel, batch.mel.float())


def test_chance_follows_from_seed_and_epoch(make):
    undisturbed = make(augment=Chance())
    drawn = [transferred(undisturbed, True, number) for number in (0, 0, 1, 1, 2, 2)]
    values = [value[0, 0].item() for value in drawn]
    assert len(set(values)) == 6  # seeded at an epoch's first batch only
    for number in (2, 1):
        torch.manual_seed(99)
        resumed = make(augment=Chance())
        again = [transferred(resumed, True, number)[0, 0].item() for _ in range(2)]
        assert again == values[2 * number : 2 * number + 2]
    assert transferred(make(augment=Chance(), seed=43), True, 0)[0, 0].item() != values[0]


def test_validation_leaves_chance_alone(make):
    data = make(augment=Chance())
    data.trainer = SimpleNamespace(training=False, current_epoch=3)
    batch = next(iter(data.val_dataloader()))
    before = torch.get_rng_state()
    data.on_after_batch_transfer(batch, 0)
    assert torch.equal(torch.get_rng_state(), before)


class Recorder(L.LightningModule):
    """Notes what comes, and learns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: dict[str, list[tuple[int, int]]] = {}
        self.drawn: dict[int, list[float]] = {}

    def training_step(self, batch: Batch) -> Tensor:
        assert batch.mel.dtype == torch.float32
        self.seen.setdefault(f"train {self.current_epoch}", []).extend(windows([batch]))
        self.drawn.setdefault(self.current_epoch, []).append(batch.mel[0, 0, 2].item())
        return 0 * self.weight.sum()

    def validation_step(self, batch: Batch) -> None:
        assert batch.mel.dtype == torch.float32
        assert (batch.mel[:, :, 2] == 0).all()
        self.seen.setdefault(f"val {self.current_epoch}", []).extend(windows([batch]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(data: GenreData, epochs: int, path, checkpoint: str | None = None) -> Recorder:
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=1,
        default_root_dir=path,
    )
    recorder = Recorder()
    trainer.fit(recorder, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    trainer.save_checkpoint(path / "last.ckpt")
    return recorder


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*LeafSpec")
def test_lightning_tells_the_epoch_and_a_resumed_run_draws_the_same(make, prepared, tmp_path):
    whole = fit(make(augment=Chance()), 4, tmp_path)
    for number in range(4):
        assert whole.seen[f"train {number}"] == epoch(make(), number)
        validated = [(row, 0) for row in rows(prepared, "val")]
        assert whole.seen[f"val {number}"] == (validated[:4] if number == 0 else []) + validated  # a sanity check first
        assert len(set(whole.drawn[number])) == 6
    fit(make(augment=Chance()), 2, tmp_path)
    torch.manual_seed(99)
    resumed = fit(make(augment=Chance()), 4, tmp_path, tmp_path / "last.ckpt")
    for number in (2, 3):
        assert resumed.seen[f"train {number}"] == whole.seen[f"train {number}"]
        assert resumed.drawn[number] == whole.drawn[number]
    assert "train 1" not in resumed.seen


def test_halves_keep_training_and_tests_apart(music_folder: Path, tmp_path: Path) -> None:
    settings = checked(compose([*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}"]))
    prepared = assemble(settings).data.prepared
    frames = prepared.cache.recipe.frames
    data = GenreData(lambda: prepared, nn.Identity(), 4, frames // 4, 0, 1, halves=True)
    whole = prepared.cache.read(prepared.tracks["shard"], prepared.tracks["row"], [0] * len(prepared.tracks), frames)
    for part, first in (("train", frames // 2), ("val", 0), ("test", 0)):
        for batch in data.whole_clips(part):
            rows = batch.track.numpy()
            assert np.array_equal(batch.mel.numpy(), whole[rows, first : first + frames // 2])
    starts = [start for _, start in data.train_dataloader().sampler]
    assert min(starts) >= frames // 2
    assert max(starts) + frames // 4 <= 2 * (frames // 2)
