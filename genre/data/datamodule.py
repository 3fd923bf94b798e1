"""Turn prepared data into batches: random windows for training, whole clips for evaluation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Sampler

from genre.audio.augment import Augment
from genre.data.prepared import PreparedData
from genre.data.sampling import FixedWindows, RandomWindowSampler, passes_per_epoch

Teacher = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Batch(NamedTuple):
    """A batch of clips.

    Attributes:
        mel: Features in [0, 1], shape (batch, time, mels); float16 until they are on the device.
        target: Genre number, shape (batch,); in training, after mixup, probabilities, shape (batch, classes).
        track_index: Row of the prepared track table, shape (batch,).
        frames: Number of frames of `mel` before the padding, shape (batch,).
        teacher: What the network learns beside the genre, shape (batch, values); without a teacher, there are none.
    """

    mel: Tensor
    target: Tensor
    track_index: Tensor
    frames: Tensor
    teacher: Tensor


class ClipDataset(Dataset[Batch]):
    """Windows of cached clips, read a batch at a time.

    Args:
        data: The tracks.
        frames: Length of a window.
        teacher: As for `GenreDataModule`.
    """

    def __init__(self, data: PreparedData, frames: int, teacher: Teacher | None = None) -> None:
        self.cache = data.cache
        self.frames = frames
        self.shards = data.tracks["shard"].to_numpy()
        self.rows = data.tracks["row"].to_numpy()
        self.targets = data.targets
        self.audio_frames = data.audio_frames
        self.teacher = teacher

    def __getitems__(self, windows: list[tuple[int, int]]) -> Batch:
        """Read windows, given as (track, first frame)."""
        tracks, starts = np.array(windows).T
        mel = self.cache.read_windows(self.shards[tracks], self.rows[tracks], starts, self.frames)
        frames = np.clip(self.audio_frames[tracks] - starts, 0, self.frames)
        teacher = self.teacher(tracks, starts) if self.teacher else np.zeros((len(tracks), 0), np.float32)
        arrays = mel, self.targets[tracks], tracks, frames, teacher
        return Batch(*map(torch.from_numpy, arrays))


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

    Attributes:
        teacher: Rows of the track table and first frames -> what a network learns of these windows beside the genre,
            shape (batch, values); None for nothing.
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
        self.teacher: Teacher | None = None
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
        window = self.window_frames
        rows = self._rows("train")
        labels = self.data.targets[rows] if self.balanced_sampling else None
        audio = np.clip(self.data.audio_frames[rows] - first, window, clip)
        rank, world_size = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        passes = passes_per_epoch(len(rows), self.min_batches, self.batch_size * world_size)
        sampler = RandomWindowSampler(
            rows, audio - window, clip - window, self.seed, labels, first, rank, world_size, passes
        )
        overfit = bool(getattr(self.trainer, "overfit_batches", 0))
        return self._loader(window, FixedWindows(list(sampler)) if overfit else sampler, self.teacher)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Load the validation set; all of it in each process, which keeps the scores exact."""
        return self.eval_dataloader("val")

    def test_dataloader(self) -> DataLoader[Batch]:
        """Load the test set."""
        return self.eval_dataloader("test")

    def predict_dataloader(self) -> DataLoader[Batch]:
        """Load the test set."""
        return self.test_dataloader()

    def eval_dataloader(self, split: str) -> DataLoader[Batch]:
        """Load the whole clips of a split, in order."""
        first, clip = self.clip_span(split)
        return self._loader(clip, FixedWindows([(row, first) for row in self._rows(split).tolist()]))

    @property
    def window_frames(self) -> int:
        """Number of frames of a training window."""
        _, clip = self.clip_span("train")
        return min(self.segment_frames or clip, clip)

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
                return self._mix(batch._replace(mel=mel))
        return batch._replace(mel=mel)

    def _mix(self, batch: Batch) -> Batch:
        """Apply the augmentations of whole batches, which mix the teacher's values like the probabilities."""
        assert isinstance(self.augment, Augment)
        n_genres, target = len(self.data.genres), batch.target
        if has_teacher := batch.teacher.shape[1] > 0:
            target = torch.cat([F.one_hot(target, n_genres), batch.teacher], dim=1)
        mel, target = self.augment.mix(batch.mel, target, n_genres)
        if has_teacher:
            return batch._replace(mel=mel, target=target[:, :n_genres], teacher=target[:, n_genres:])
        return batch._replace(mel=mel, target=target)

    def _rows(self, split: str) -> np.ndarray:
        return np.flatnonzero(self.data.tracks["split"] == split)

    def _loader(self, frames: int, sampler: Sampler[Any], teacher: Teacher | None = None) -> DataLoader[Batch]:
        return DataLoader(
            ClipDataset(self.data, frames, teacher),
            batch_size=self.batch_size,  # by name: Lightning replaces it for predictions
            sampler=sampler,
            collate_fn=Batch._make,  # ClipDataset returns whole batches
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )
