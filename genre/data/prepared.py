"""A data set that is ready for training: its tracks with their splits, and the cache with their features."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from genre.data.cache.feature_cache import FeatureCache


@dataclass(frozen=True)
class PreparedData:
    """Tracks that are ready for training, and the cache with their features.

    Attributes:
        tracks: Track table with `split` (train, val, test) and the columns of the cache's index; index 0..n-1.
        rejected: Rejected tracks, with `reason` and `detail`.
        genres: The classes in the order of their numbers.
        cache: The cache.
        strategy: How the tracks were split: one of `splits.STRATEGIES`, a leakage level or a file; None if restored.
    """

    tracks: pd.DataFrame
    rejected: pd.DataFrame
    genres: list[str]
    cache: FeatureCache
    strategy: str | None = None

    @property
    def targets(self) -> np.ndarray:
        """Genre number of each track, shape (tracks,)."""
        return pd.Categorical(self.tracks["genre"], self.genres).codes.astype(np.int64)

    @property
    def train_counts(self) -> np.ndarray:
        """Number of training tracks of each genre, shape (genres,)."""
        train = self.targets[(self.tracks["split"] == "train").to_numpy()]
        return np.bincount(train, minlength=len(self.genres))

    @property
    def audio_frames(self) -> np.ndarray:
        """Number of frames of each clip before its padding, shape (tracks,)."""
        spec = self.cache.spec
        seconds = self.tracks["duration"].clip(upper=spec.clip_seconds) * self.tracks["decoded"].clip(upper=1)
        return np.array([spec.features.n_frames(length) for length in seconds], np.int64)

    def read_clips(self, rows: list[int]) -> list[np.ndarray]:
        """Read whole clips from the cache.

        Args:
            rows: Rows of the track table.

        Returns:
            Features in [0, 1], float32, each of shape (time, mels).
        """
        chosen = self.tracks.iloc[rows]
        frames = self.cache.spec.n_frames
        clips = self.cache.read_windows(chosen["shard"], chosen["row"], [0] * len(rows), frames)
        return list(clips.astype(np.float32))
