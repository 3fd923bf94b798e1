"""Turn prepared data into batches: random windows for training, whole clips for evaluation."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler, SequentialSampler

from genre.audio.augment import Augment
from genre.data.prepare import PreparedData


class Batch(NamedTuple):
    """A batch of clips.

    Attributes:
        mel: Features in [0, 1], shape (batch, time, mels); float16 until they are on the device.
        target: Genre number, shape (batch,); in training, after mixup, probabilities, shape (batch, classes).
        track_index: Row of the prepared track table, shape (batch,).
        frames: Number of frames of `mel` before the padding, shape (batch,).
    """

    mel: Tensor
    target: Tensor
    track_index: Tensor
    frames: Tensor


class ClipDataset(Dataset[Batch]):
    """Windows of cached clips, read a batch at a time.

    Args:
        data: The tracks.
        frames: Length of a window.
    """

    def __init__(self, data: PreparedData, frames: int) -> None:
        self.cache = data.cache
        self.frames = frames
        self.shards = data.tracks["shard"].to_numpy()
        self.rows = data.tracks["row"].to_numpy()
        self.targets = data.targets
        self.audio_frames = data.audio_frames

    def __getitems__(self, windows: list[tuple[int, int]]) -> Batch:
        """Read windows, given as (track, first frame)."""
        tracks, starts = np.array(windows).T
        mel = self.cache.read_windows(self.shards[tracks], self.rows[tracks], starts, self.frames)
        frames = np.clip(self.audio_frames[tracks] - starts, 0, self.frames)
        return Batch(*map(torch.from_numpy, (mel, self.targets[tracks], tracks, frames)))


class RandomWindowSampler(Sampler[tuple[int, int]]):
    """Sample one random window per track, in random order, depending only on the seed and the epoch.

    Args:
        tracks: Rows of the track table, shape (tracks,).
        max_offset: Largest offset in frames at which a window is still free of padding, shape (tracks,).
        full_offset: The same for a clip without padding.
        seed: Combined with the epoch's number, the seed of order and windows.
        labels: Genre of each track, shape (tracks,), to sample genres equally often, with replacement; None to take
            each track once per pass.
        first_frame: Frame that offsets count from.
        rank: Which process this is. All processes get equally many windows, so some tracks may be repeated.
        world_size: Number of processes.
        passes: Passes through the tracks per epoch, each with other windows.
    """

    def __init__(
        self,
        tracks: np.ndarray,
        max_offset: np.ndarray,
        full_offset: int,
        seed: int,
        labels: np.ndarray | None = None,
        first_frame: int = 0,
        rank: int = 0,
        world_size: int = 1,
        passes: int = 1,
    ) -> None:
        self.tracks = tracks
        self.max_offset = max_offset
        self.full_offset = full_offset
        self.seed = seed
        self.weights = None
        if labels is not None:
            _, genre, count = np.unique(labels, return_inverse=True, return_counts=True)
            self.weights = 1 / (len(count) * count[genre])
        self.first_frame = first_frame
        self.rank = rank
        self.world_size = world_size
        self.passes = passes
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls this before each one."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.passes * len(self.tracks) // self.world_size)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = np.concatenate([rng.permutation(len(self.tracks)) for _ in range(self.passes)])
        if self.weights is not None:
            order = rng.choice(len(self.tracks), len(order), p=self.weights)
        offsets = rng.integers(0, self.full_offset + 1, len(order))
        # Scaled to the audio of each clip, so that windows of clips without padding do not depend on other clips
        starts = self.first_frame + offsets * (self.max_offset[order] + 1) // (self.full_offset + 1)
        mine = np.resize(np.arange(len(order)), (len(self), self.world_size))[:, self.rank]
        return iter(zip(self.tracks[order[mine]].tolist(), starts[mine].tolist(), strict=True))


def passes_per_epoch(tracks: int, min_batches: int | None, batch_size: int) -> int:
    """Number of passes through the training tracks that give `min_batches` batches; at least one."""
    return -(-min_batches * batch_size // tracks) if min_batches else 1


class FixedWindows(SequentialSampler):
    """The same windows in the same order in each epoch; `trainer.overfit_batches` replaces any other sampler.

    Args:
        data_source: The windows, as (track, first frame).
    """

    data_source: list[tuple[int, int]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data_source)


class GenreDataModule(L.LightningDataModule):
    """Batches of random windows for training and of whole clips for validation and test.

    Args:
        prepare: Prepares the data set; called once per process.
        augment: Applied to training batches on the training device, shape (batch, time, mels); see `Augment`.
        batch_size: Clips per batch.
        segment_frames: Length of a training window; None for the whole clip.
        num_workers: Processes that read batches. Reading only copies from the page cache, so 0 is usually fastest.
        seed: Seed of order, windows and augmentation.
        balanced_sampling: Whether training samples all genres about equally often.
        half_clips: Whether training only uses the second half of each clip, and validation and test the first.
        min_batches: Smallest number of batches per epoch, for which tracks are repeated; None for one pass.
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
        min_batches: int | None = None,
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
        self.min_batches = min_batches
        self._data: PreparedData | None = None
        self._seeded_epoch = -1

    @property
    def data(self) -> PreparedData:
        """The data set, prepared when first used."""
        if self._data is None:
            self._data = self.prepare()
        return self._data

    def prepare_data(self) -> None:
        """Fill the cache, in one process."""
        _ = self.data

    def train_dataloader(self) -> DataLoader[Batch]:
        """Load random windows of the training set."""
        first, clip = self.clip_span("train")
        window = min(self.segment_frames or clip, clip)
        rows = self._rows("train")
        labels = self.data.targets[rows] if self.balanced_sampling else None
        audio = np.clip(self.data.audio_frames[rows] - first, window, clip)
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        passes = passes_per_epoch(len(rows), self.min_batches, self.batch_size * world_size)
        sampler = RandomWindowSampler(
            rows, audio - window, clip - window, self.seed, labels, first, rank, world_size, passes
        )
        overfit = bool(getattr(self.trainer, "overfit_batches", 0))
        return self._loader(window, FixedWindows(list(sampler)) if overfit else sampler)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Load the validation set; all of it in each process, which keeps the scores exact."""
        return self.eval_dataloader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Load the test set."""
        return self.eval_dataloader("test")

    def eval_dataloader(self, split: str) -> DataLoader[Batch]:
        """Load the whole clips of a split, in order."""
        first, clip = self.clip_span(split)
        return self._loader(clip, FixedWindows([(row, first) for row in self._rows(split).tolist()]))

    def clip_span(self, split: str) -> tuple[int, int]:
        """First frame and number of frames that a split uses of each clip."""
        frames = self.data.cache.spec.n_frames
        if not self.half_clips:
            return 0, frames
        return (frames // 2 if split == "train" else 0), frames // 2

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Convert features to float32 and, in training, augment them."""
        mel = batch.mel.float()
        trainer = self.trainer
        if trainer is not None and trainer.training:
            if trainer.current_epoch != self._seeded_epoch:
                # All randomness of an epoch (augmentation, dropout) depends on its number, so that a resumed run
                # samples the same values. Rank 0 does not change the state: one process samples the same, too.
                entropy = [self.seed, trainer.current_epoch, trainer.global_rank]
                torch.manual_seed(int(np.random.SeedSequence(entropy).generate_state(1)[0]))
                self._seeded_epoch = trainer.current_epoch
            mel = self.augment(mel)
            if isinstance(self.augment, Augment):
                mel, target = self.augment.mix(mel, batch.target, len(self.data.genres))
                return batch._replace(mel=mel, target=target)
        return batch._replace(mel=mel)

    def _rows(self, split: str) -> np.ndarray:
        return np.flatnonzero(self.data.tracks["split"] == split)

    def _loader(self, frames: int, sampler: Sampler[Any]) -> DataLoader[Batch]:
        return DataLoader(
            ClipDataset(self.data, frames),
            self.batch_size,
            sampler=sampler,
            collate_fn=Batch._make,  # ClipDataset returns whole batches
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )
