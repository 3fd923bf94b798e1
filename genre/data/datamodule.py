"""Prepared data -> batches."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler, SequentialSampler

from genre.data.prepare import PreparedData


class Batch(NamedTuple):
    """Some clips.

    Attributes:
        mel: Features in [0, 1], shape (batch, time, mels); float16 until it is on the device.
        target: Number of the genre, shape (batch,).
        track_index: Row in the prepared track table, shape (batch,).
        frames: Frames of `mel` that hold sound, not the padding behind it, shape (batch,).
    """

    mel: Tensor
    target: Tensor
    track_index: Tensor
    frames: Tensor


class ClipDataset(Dataset[Batch]):
    """Windows of cached clips, a whole batch at a time.

    Args:
        prepared: The tracks.
        frames: Length of a window.
    """

    def __init__(self, prepared: PreparedData, frames: int) -> None:
        self.cache = prepared.cache
        self.frames = frames
        self.shards = prepared.tracks["shard"].to_numpy()
        self.rows = prepared.tracks["row"].to_numpy()
        self.targets = prepared.targets
        self.sound_frames = prepared.sound_frames

    def __getitems__(self, windows: list[tuple[int, int]]) -> Batch:
        """Read windows, given as (track, first frame)."""
        tracks, starts = np.array(windows).T
        mel = self.cache.read_windows(self.shards[tracks], self.rows[tracks], starts, self.frames)
        frames = np.clip(self.sound_frames[tracks] - starts, 0, self.frames)
        columns = (mel, self.targets[tracks], tracks, frames)
        return Batch(*(torch.from_numpy(column) for column in columns))


class RandomWindowSampler(Sampler[tuple[int, int]]):
    """All tracks of a part in random order, each with a random window; depends on seed and epoch alone.

    Args:
        tracks: Rows of the track table.
        spare: Frames that a clip's sound is longer than a window, shape (tracks,).
        longest: The same for a clip that is all sound.
        first: Frame at which the earliest window begins.
        seed: With the epoch's number the seed of order and windows.
        balance: Their genres, shape (tracks,), to draw as many tracks with replacement, of each genre about as often;
            None to take each track once.
        share: (rank, processes): which share of the windows this process takes. All shares have the same size, so
            some tracks come twice where the number of tracks is not divisible.
    """

    def __init__(
        self,
        tracks: np.ndarray,
        spare: np.ndarray,
        longest: int,
        seed: int,
        balance: np.ndarray | None = None,
        first: int = 0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.tracks = tracks
        self.spare = dict(zip(tracks.tolist(), spare.tolist(), strict=True))
        self.longest = longest
        self.first = first
        self.seed = seed
        self.chance = None
        if balance is not None:
            _, genre, count = np.unique(balance, return_inverse=True, return_counts=True)
            self.chance = 1 / (len(count) * count[genre])
        self.rank, self.processes = share
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.tracks) // self.processes)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        random = np.random.default_rng([self.seed, self.epoch])
        order = random.permutation(self.tracks)
        if self.chance is not None:
            order = random.choice(self.tracks, len(self.tracks), p=self.chance)
        starts = random.integers(0, self.longest + 1, len(order))
        # Scaled to each clip's own sound: a clip without padding draws what it always drew
        spare = np.array([self.spare[track] for track in order.tolist()])
        starts = self.first + starts * (spare + 1) // (self.longest + 1)
        mine = np.resize(np.arange(len(order)), (len(self), self.processes))[:, self.rank]
        return iter(zip(order[mine].tolist(), starts[mine].tolist(), strict=True))


class FixedWindows(SequentialSampler):
    """The same windows in the same order in each epoch; `trainer.overfit_batches` replaces any other sampler.

    Args:
        data_source: The windows, as (track, first frame).
    """

    data_source: list[tuple[int, int]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data_source)


class GenreDataModule(L.LightningDataModule):
    """Batches of windows for training, of whole clips for validation and test.

    Args:
        prepare: Prepares the collection; called once a process, by each process that trains.
        augment: Applied to training batches on the training device.
        batch_size: Clips a batch.
        segment_frames: Length of a training window; None for the whole clip.
        num_workers: Processes that read batches; reading is a copy from the page cache, so none is usually best.
        seed: Of order, windows and augmentation.
        balanced_sampling: Whether training draws all genres about equally often.
        half_clips: Whether training sees only the second half of each clip, and validation and test only the first.
    """

    def __init__(
        self,
        prepare: Callable[[], PreparedData],
        augment: nn.Module,
        batch_size: int,
        segment_frames: int | None,
        num_workers: int,
        seed: int,
        balanced_sampling: bool = False,
        half_clips: bool = False,
    ) -> None:
        super().__init__()
        self.prepare = prepare
        self.augment = augment
        self.batch_size = batch_size
        self.segment_frames = segment_frames
        self.num_workers = num_workers
        self.seed = seed
        self.balanced_sampling = balanced_sampling
        self.half_clips = half_clips
        self._data: PreparedData | None = None
        self._epoch_seeded = -1

    @property
    def data(self) -> PreparedData:
        """The collection; the first use prepares it."""
        if self._data is None:
            self._data = self.prepare()
        return self._data

    def prepare_data(self) -> None:
        """Fill the cache, in one process."""
        _ = self.data

    def train_dataloader(self) -> DataLoader[Batch]:
        """Random windows of the training tracks."""
        first, clip = self.clip_span("train")
        window = min(self.segment_frames or clip, clip)
        rows = self._rows("train")
        genres = self.data.targets[rows] if self.balanced_sampling else None
        sound = np.clip(self.data.sound_frames[rows] - first, window, clip)
        share = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = RandomWindowSampler(rows, sound - window, clip - window, self.seed, genres, first, share)
        overfit = bool(getattr(self.trainer, "overfit_batches", 0))
        return self._loader(window, FixedWindows(list(sampler)) if overfit else sampler)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Whole clips of the validation tracks, in order; all of them in each process, which keeps the scores exact."""
        return self.eval_dataloader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Whole clips of the test tracks, in order."""
        return self.eval_dataloader("test")

    def eval_dataloader(self, part: str) -> DataLoader[Batch]:
        """Whole clips of a part's tracks, in order."""
        first, clip = self.clip_span(part)
        windows = [(row, first) for row in self._rows(part).tolist()]
        return self._loader(clip, FixedWindows(windows))

    def clip_span(self, part: str) -> tuple[int, int]:
        """First frame and length of what a part uses of each clip."""
        frames = self.data.cache.spec.n_frames
        if not self.half_clips:
            return 0, frames
        return (frames // 2 if part == "train" else 0), frames // 2

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Make float32 of the features and, in training, augment them."""
        mel = batch.mel.float()
        trainer = self.trainer
        if trainer is not None and trainer.training:
            if trainer.current_epoch != self._epoch_seeded:
                # All chance in an epoch (augmentation, dropout) follows from its number, so that a resumed run
                # draws what an undisturbed one draws. The rank of the first process, 0, does not change the state.
                entropy = [self.seed, trainer.current_epoch, trainer.global_rank]
                torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
                self._epoch_seeded = trainer.current_epoch
            mel = self.augment(mel)
        return batch._replace(mel=mel)

    def _rows(self, part: str) -> np.ndarray:
        return np.flatnonzero(self.data.tracks["split"] == part)

    def _loader(self, frames: int, sampler: Sampler[Any]) -> DataLoader[Batch]:
        return DataLoader(
            ClipDataset(self.data, frames),
            self.batch_size,
            sampler=sampler,
            collate_fn=_as_it_is,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )


def _as_it_is(batch: Any) -> Any:
    """`Clips` makes whole batches: there is nothing left to collate."""
    return batch
