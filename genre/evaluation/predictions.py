"""Predictions of a model for the tracks of a split."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax, logsumexp

from genre.run_folder import SPLIT_WORDS

COLUMNS = ("track_id", "target", "logits", "artist", "title")
"""Attributes with one item per track."""
UNKNOWN_ARTIST = "track "
"""Prefix of the placeholder artist of a track whose artist is unknown."""


@dataclass(frozen=True)
class Predictions:
    """Logits of tracks, beside their true genres and artists.

    Attributes:
        track_id: Shape (tracks,), ascending. The validation sets of several folds may share tracks, which then repeat.
        target: Index of each track's genre, shape (tracks,).
        logits: Shape (tracks, genres). A track with a non-finite logit counts as an error and has no log loss.
        artist: Name of each track's artist, shape (tracks,); each track of unknown artist has its own placeholder.
        title: Title of each track, shape (tracks,); None where it is unknown.
        genres: Names of the genres.
        has_artists: Whether any artist is known.
        split: train, val or test.
    """

    track_id: np.ndarray
    target: np.ndarray
    logits: np.ndarray
    artist: np.ndarray
    title: np.ndarray
    genres: list[str]
    has_artists: bool
    split: str = "test"

    @classmethod
    def from_table(
        cls, predictions: pd.DataFrame, tracks: pd.DataFrame, genres: list[str], split: str = "test"
    ) -> "Predictions":
        """Select the predictions of one split.

        Args:
            predictions: Table as returned by `evaluate.predict_splits`.
            tracks: Track table with `track_id`, `artist` and `title`.
            genres: Names of the genres, in the order of the logits.
            split: train, val or test.

        Returns:
            The predictions, sorted by track id.

        Raises:
            ValueError: The split has no predictions, a track has several, or the number of logits is wrong.
        """
        rows = predictions[predictions["split"] == split].sort_values("track_id")
        if rows.empty:
            raise ValueError(f"no predictions of {split} tracks")
        if len(repeated := rows.loc[rows["track_id"].duplicated(), "track_id"]):
            raise ValueError(f"track {repeated.iloc[0]} has two predictions")
        if len(wrong := [width for width in rows["logits"].map(len) if width != len(genres)]):
            raise ValueError(f"{wrong[0]} logits per track for {len(genres)} genres")
        tags = tracks.set_index("track_id")[["artist", "title"]].reindex(rows["track_id"])
        artist, title = tags["artist"], tags["title"].astype(object).where(tags["title"].notna(), None)
        known = artist.notna().to_numpy()
        names = np.where(known, "artist " + artist.fillna("").to_numpy(), UNKNOWN_ARTIST + rows["track_id"].to_numpy())
        logits = np.stack(rows["logits"].to_list()).astype(float)
        columns = (rows["track_id"].to_numpy(), rows["target"].to_numpy(), logits, names.astype(str))
        return cls(*columns, title.to_numpy(), genres, bool(known.any()), split)

    @classmethod
    def concatenate(cls, folds: list["Predictions"]) -> "Predictions":
        """Join the predictions of several folds, sorted by track and then in the order given."""
        order = np.argsort(np.concatenate([fold.track_id for fold in folds]), kind="stable")
        columns: dict[str, Any] = {name: np.concatenate([getattr(fold, name) for fold in folds]) for name in COLUMNS}
        return replace(folds[0], **columns, has_artists=any(fold.has_artists for fold in folds)).take(order)

    def take(self, rows: np.ndarray) -> "Predictions":
        """Select tracks by their numbers, or by a mask."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in COLUMNS}
        return replace(self, **columns)

    @classmethod
    def average(cls, members: list["Predictions"]) -> "Predictions":
        """Average the probabilities of several models for the same tracks.

        Args:
            members: Predictions for the same tracks, in the same order.

        Returns:
            The logarithm of the mean probabilities as logits; NaN for a track with a non-finite logit of any member.
        """
        mean = logsumexp([member.log_probability for member in members], axis=0) - np.log(len(members))
        finite = np.all([member.is_finite for member in members], axis=0)
        return replace(members[0], logits=np.where(finite[:, None], mean, np.nan))

    @cached_property
    def is_finite(self) -> np.ndarray:
        """Whether all logits of a track are finite, shape (tracks,)."""
        return np.isfinite(self.logits).all(axis=1)

    @cached_property
    def prediction(self) -> np.ndarray:
        """Index of the most likely genre, shape (tracks,); -1 where the logits are not finite."""
        return np.where(self.is_finite, self.logits.argmax(axis=1), -1)

    @cached_property
    def correct(self) -> np.ndarray:
        """Whether the prediction is correct, shape (tracks,)."""
        return self.prediction == self.target

    @cached_property
    def log_probability(self) -> np.ndarray:
        """Logarithm of the predicted probabilities, shape (tracks, genres)."""
        with np.errstate(invalid="ignore"):
            return log_softmax(self.logits, axis=1)

    @cached_property
    def cluster_ids(self) -> np.ndarray:
        """Index of each track's cluster: its artist, or itself where the artist is unknown; shape (tracks,)."""
        return np.unique(self.artist, return_inverse=True)[1]

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.cluster_ids.max()) + 1

    @property
    def cluster_name(self) -> str:
        """What a cluster is: artist, or track if no artist is known."""
        return "artist" if self.has_artists else "track"

    @property
    def split_name(self) -> str:
        """The split in words: training, validation or test."""
        return SPLIT_WORDS[self.split]

    @cached_property
    def has_repeats(self) -> bool:
        """Whether a track is in the sets of several folds."""
        return len(np.unique(self.track_id)) < len(self.track_id)

    def describe(self) -> str:
        """Number of tracks and of their artists, as text."""
        _, first = np.unique(self.track_id, return_index=True)
        tracks = f"{len(first)} {self.split_name} tracks"
        if self.has_artists:
            unknown = int(np.char.startswith(self.artist[first], UNKNOWN_ARTIST).sum())
            artists = self.n_clusters - unknown
            tracks += f" by {artists} artist{'s' * (artists != 1)}" + f" ({unknown} by unknown ones)" * (unknown > 0)
        return tracks + f", {len(self.target)} predictions (folds share tracks)" * self.has_repeats

    @cached_property
    def cluster_counts(self) -> np.ndarray:
        """The sums over each cluster from which all scores are computed, shape (clusters, 3 * genres + 4).

        For each genre the number of its tracks, of tracks predicted as it, and of those predicted correctly; then the
        tracks whose genre is among the first three, the sum of log losses, the tracks with a log loss, and all tracks.
        """
        genres = np.arange(len(self.genres))
        target, predicted = self.target[:, None] == genres, self.prediction[:, None] == genres
        order = np.argsort(-self.logits, axis=1, kind="stable")  # of equal logits the first is taken, as by argmax
        top3 = self.is_finite & (order[:, :3] == self.target[:, None]).any(axis=1)
        loss = -np.take_along_axis(self.log_probability, self.target[:, None], axis=1)[:, 0]
        totals = [top3, np.where(self.is_finite, loss, 0), self.is_finite, np.ones(len(self.target))]
        columns = np.column_stack([target, predicted, target & predicted, *totals]).astype(float)
        return pd.DataFrame(columns).groupby(self.cluster_ids).sum().to_numpy()
