"""Learn from a pretrained network: its features of a window are a second target beside the genre."""

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional as F

from genre.audio.features import FeatureExtractor
from genre.audio.windows import MIN_FRAMES
from genre.data.prepared import PreparedData
from genre.errors import GenreError
from genre.models.baselines import clip_statistics

CLIPPED_AT = 4.0
"""Largest target, in standard deviations."""
READ_AT_ONCE = 64
"""Clips whose features are in memory at a time."""


class FeatureTeacher:
    """Has a network predict the mean and the standard deviation of each pretrained feature over the same window.

    A linear layer predicts them from the embedding. Neither this layer nor the pretrained network is needed after the
    training. The idea is that of Ding and Lerch, 2023, arXiv:2306.17424, with a squared error in place of their
    distances between embeddings.

    Args:
        features: Waveform -> features of the pretrained network.
        weight: Factor of the mean squared error, beside the loss of the genre.

    Raises:
        ValueError: The features are not an extractor, or the weight is not above 0.
    """

    def __init__(self, features: FeatureExtractor, weight: float) -> None:
        if not isinstance(features, FeatureExtractor):
            raise ValueError(f"features={features} is not an extractor: choose features@probe={features} instead")
        if weight <= 0:
            raise ValueError(f"weight={weight} must be above 0")
        self.features, self.weight = features, weight


class WindowTargets:
    """Targets for windows of the training tracks.

    Args:
        data: The tracks, with the features of the teacher.
        window: Length of a window, in frames of the network's features.
        frame_seconds: Hop of the network's features.
    """

    def __init__(self, data: PreparedData, window: int, frame_seconds: float) -> None:
        self.data = data
        features, n_frames = data.cache.spec.features, data.cache.spec.n_frames
        self.ratio = frame_seconds * features.sample_rate / features.hop_length
        self.frames = min(max(round(window * self.ratio), 1), n_frames)
        self.last = n_frames - self.frames
        self.scaler = StandardScaler()
        rows, sound = np.flatnonzero(data.tracks["split"] == "train"), data.audio_frames
        for tracks in np.array_split(rows, -(-len(rows) // READ_AT_ONCE)):
            for start in range(0, self.last + 1, self.frames):
                heard = tracks[(sound[tracks] >= start + self.frames) | (start == 0)]  # no window of padding
                if len(heard):
                    self.scaler.partial_fit(self._statistics(heard, np.full(len(heard), start)))

    def __len__(self) -> int:
        """Number of values per window."""
        return 2 * self.data.cache.spec.features.n_features

    def __call__(self, tracks: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Compute the targets of windows.

        Args:
            tracks: Rows of the track table, shape (batch,).
            starts: First frames of the windows in the network's features, shape (batch,).

        Returns:
            Statistics with mean 0 and deviation 1 over the windows of the training tracks, shape (batch, values).
        """
        starts = np.minimum(np.round(starts * self.ratio).astype(int), self.last)
        return self.scaler.transform(self._statistics(tracks, starts)).clip(-CLIPPED_AT, CLIPPED_AT)

    def _statistics(self, tracks: np.ndarray, starts: np.ndarray) -> np.ndarray:
        chosen = self.data.tracks.iloc[tracks]
        features = self.data.cache.read_windows(chosen["shard"], chosen["row"], starts, self.frames)
        return clip_statistics(torch.from_numpy(features).float()).numpy()


class TeacherLoss(nn.Module):
    """The mean squared error of a linear layer that predicts the teacher's values from the embedding of a window.

    Args:
        n_embedding: Size of the embedding.
        n_targets: Number of the teacher's values.
        weight: Factor of the error.
    """

    def __init__(self, n_embedding: int, n_targets: int, weight: float) -> None:
        super().__init__()
        self.head = nn.Linear(n_embedding, n_targets)
        self.weight = weight

    def forward(self, embedding: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss, a scalar, of embeddings, shape (batch, n_embedding); targets (batch, n_targets)."""
        return self.weight * F.mse_loss(self.head(embedding), targets.to(embedding.dtype))


def embedding_size(net: nn.Module, n_features: int) -> int:
    """Size of the embedding from which a network predicts the genre.

    Args:
        net: The network.
        n_features: Number of features per frame.

    Returns:
        Number of values.

    Raises:
        GenreError: The network cannot have a teacher, because `embed` or `head` is missing.
    """
    if not callable(getattr(net, "embed", None)) or not callable(getattr(net, "head", None)):
        raise GenreError(
            f"{type(net).__name__} cannot have a teacher, because it has no embed and head: use teacher=none"
        )
    was_training = net.training
    with torch.no_grad():
        size = net.eval().embed(torch.zeros(1, MIN_FRAMES, n_features)).shape[1]  # type: ignore[operator]
    net.train(was_training)
    return int(size)
