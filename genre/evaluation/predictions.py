"""What a model said of the test tracks, and the scores that follow: of the tracks as they are or of many resamples."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import log_softmax

UNKNOWN_ARTIST = "track "
"""How the artist of a track is called that nobody knows."""


@dataclass(frozen=True)
class Predictions:
    """Logits of test tracks.

    Attributes:
        track_id: Shape (tracks,), ascending.
        target: Number of each track's genre, shape (tracks,).
        logits: Shape (tracks, genres); tracks with a value that is not finite count as wrong, and not for the log loss.
        artist: Name of each track's artist, shape (tracks,); a track of unknown artist has one of its own.
        genres: Their names.
        by_artist: Whether artists are known.
    """

    track_id: np.ndarray
    target: np.ndarray
    logits: np.ndarray
    artist: np.ndarray
    genres: list[str]
    by_artist: bool

    @cached_property
    def usable(self) -> np.ndarray:
        """Which tracks have finite logits, shape (tracks,)."""
        return np.isfinite(self.logits).all(axis=1)

    @cached_property
    def prediction(self) -> np.ndarray:
        """Number of the most likely genre, shape (tracks,); -1 where the logits are not finite."""
        return np.where(self.usable, self.logits.argmax(axis=1), -1)

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether the prediction is right, shape (tracks,)."""
        return self.prediction == self.target

    @cached_property
    def log_probability(self) -> np.ndarray:
        """Shape (tracks, genres)."""
        return log_softmax(self.logits.astype(float), axis=1)

    @cached_property
    def cluster(self) -> np.ndarray:
        """Number of each track's artist, shape (tracks,)."""
        return np.unique(self.artist, return_inverse=True)[1]

    @property
    def clusters(self) -> int:
        """How many artists, or tracks where artists are not known."""
        return int(self.cluster.max()) + 1

    @property
    def size(self) -> str:
        """How many tracks there are, and by how many artists, in words."""
        own = int(np.char.startswith(self.artist, UNKNOWN_ARTIST).sum())
        tracks = f"{len(self.target)} test tracks"
        if not self.by_artist:
            return tracks
        artists = self.clusters - own
        return f"{tracks} by {artists} artist{'s' * (artists != 1)}" + (f" ({own} by unknown ones)" if own else "")

    @cached_property
    def counts(self) -> np.ndarray:
        """What all scores are made of, summed over each cluster: shape (clusters, 3 * genres + 4).

        Per genre the tracks of it, those predicted as it, those rightly so; then right in the first three, log loss,
        tracks with a log loss, tracks.
        """
        genres = np.arange(len(self.genres))
        target, predicted = self.target[:, None] == genres, self.prediction[:, None] == genres
        own = np.take_along_axis(self.logits, self.target[:, None], axis=1)
        before = (self.logits > own) | ((self.logits == own) & (genres < self.target[:, None]))
        top3 = self.usable & (before.sum(axis=1) < 3)  # of equals the first is taken, as `prediction` does
        loss = -np.take_along_axis(self.log_probability, self.target[:, None], axis=1)[:, 0]
        single = [top3, np.where(self.usable, loss, 0), self.usable, np.ones(len(self.target))]
        columns = np.column_stack([target, predicted, target & predicted, *single]).astype(float)
        sums = np.zeros((self.clusters, columns.shape[1]))
        np.add.at(sums, self.cluster, columns)
        return sums


def answers(predictions: pd.DataFrame, tracks: pd.DataFrame, genres: list[str], part: str = "test") -> Predictions:
    """Take one part of a run's predictions.

    Args:
        predictions: As `evaluate.predict_splits` makes them.
        tracks: Track table with `track_id` and `artist`.
        genres: The classes in the order of their numbers.
        part: train, val or test.

    Returns:
        Its tracks.

    Raises:
        ValueError: The part has no predictions, a track has several, or they are of another number of genres.
    """
    rows = predictions[predictions["split"] == part].sort_values("track_id")
    if rows.empty:
        raise ValueError(f"no predictions of {part} tracks")
    if len(twice := rows.loc[rows["track_id"].duplicated(), "track_id"]):
        raise ValueError(f"track {twice.iloc[0]} has two predictions")
    if len(other := [width for width in rows["logits"].map(len) if width != len(genres)]):
        raise ValueError(f"{other[0]} logits per track for {len(genres)} genres")
    artist = tracks.set_index("track_id")["artist"].reindex(rows["track_id"])
    known = artist.notna().to_numpy()
    names = np.where(known, "artist " + artist.fillna("").to_numpy(), UNKNOWN_ARTIST + rows["track_id"].to_numpy())
    return Predictions(
        rows["track_id"].to_numpy(),
        rows["target"].to_numpy(),
        np.stack(rows["logits"].to_list()).astype(float),
        names.astype(str),
        genres,
        bool(known.any()),
    )


def joined(folds: list[Predictions]) -> Predictions:
    """Put the test parts of several folds together: every track is tested once.

    Args:
        folds: No track in two of them.

    Returns:
        All their tracks.
    """
    ids = np.concatenate([fold.track_id for fold in folds])
    order = np.argsort(ids, kind="stable")
    return Predictions(
        ids[order],
        np.concatenate([fold.target for fold in folds])[order],
        np.concatenate([fold.logits for fold in folds])[order],
        np.concatenate([fold.artist for fold in folds])[order],
        folds[0].genres,
        folds[0].by_artist,
    )
