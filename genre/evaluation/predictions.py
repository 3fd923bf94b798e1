"""What a model said of the test tracks, and the scores that follow: of the tracks as they are or of many resamples."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import log_softmax

SCORES = ("accuracy", "f1_macro", "f1_weighted", "balanced_accuracy", "top3_accuracy", "log_loss")
NAMES = {
    "accuracy": "accuracy",
    "f1_macro": "F1 macro",
    "f1_weighted": "F1 weighted",
    "balanced_accuracy": "balanced accuracy",
    "top3_accuracy": "top-3 accuracy",
    "log_loss": "log loss",
}
"""The scores as people call them."""
UNKNOWN = "track "
"""How the artist of a track is called that nobody knows."""


@dataclass(frozen=True)
class Answers:
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
        own = int(np.char.startswith(self.artist, UNKNOWN).sum())
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


def answers(predictions: pd.DataFrame, tracks: pd.DataFrame, genres: list[str], part: str = "test") -> Answers:
    """Take one part of a run's predictions.

    Args:
        predictions: As `predictions.predict` makes them.
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
    names = np.where(known, "artist " + artist.fillna("").to_numpy(), UNKNOWN + rows["track_id"].to_numpy())
    return Answers(
        rows["track_id"].to_numpy(),
        rows["target"].to_numpy(),
        np.stack(rows["logits"].to_list()).astype(float),
        names.astype(str),
        genres,
        bool(known.any()),
    )


def joined(folds: list[Answers]) -> Answers:
    """Put the test parts of several folds together: every track is tested once.

    Args:
        folds: No track in two of them.

    Returns:
        All their tracks.
    """
    ids = np.concatenate([fold.track_id for fold in folds])
    order = np.argsort(ids, kind="stable")
    return Answers(
        ids[order],
        np.concatenate([fold.target for fold in folds])[order],
        np.concatenate([fold.logits for fold in folds])[order],
        np.concatenate([fold.artist for fold in folds])[order],
        folds[0].genres,
        folds[0].by_artist,
    )


def scores(counts: np.ndarray, genres: int) -> dict[str, np.ndarray]:
    """Compute all scores from sums of counts.

    Args:
        counts: Sums of `Answers.counts` over the clusters of a sample, shape (..., 3 * genres + 4).
        genres: Number of genres.

    Returns:
        Each of `SCORES`, shape (...); over genres only those that the sample has. Of up to three genres there is no
        top-3 accuracy: it would be 1.
    """
    support, _, right = _by_genre(counts, genres)
    top3, loss, with_loss, tracks = np.moveaxis(counts[..., 3 * genres :], -1, 0)
    with np.errstate(invalid="ignore"):
        by_genre = genre_scores(counts, genres)
        present = np.where(support > 0, 1.0, np.nan)
        found = {
            "accuracy": right.sum(-1) / tracks,
            "f1_macro": np.nanmean(by_genre["f1"] * present, axis=-1),
            "f1_weighted": np.nansum(by_genre["f1"] * support, axis=-1) / tracks,
            "balanced_accuracy": np.nanmean(by_genre["recall"] * present, axis=-1),
            "top3_accuracy": top3 / tracks,
            "log_loss": loss / with_loss,
        }
    if genres <= 3:
        del found["top3_accuracy"]
    return found


def genre_scores(counts: np.ndarray, genres: int) -> dict[str, np.ndarray]:
    """Precision, recall and F1 of each genre, shape (..., genres); NaN where there is no denominator."""
    support, predicted, right = _by_genre(counts, genres)
    with np.errstate(invalid="ignore"):
        return {
            "precision": right / predicted,
            "recall": right / support,
            "f1": 2 * right / (support + predicted),
        }


def _by_genre(counts: np.ndarray, genres: int) -> list[np.ndarray]:
    return np.split(counts[..., : 3 * genres], 3, axis=-1)
