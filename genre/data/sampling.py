"""Samplers of training windows, and the fixed windows of evaluation."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import Sampler, SequentialSampler


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
