"""Warnings about sets of a split that are too small for what is concluded from them."""

import logging

import pandas as pd

from genre.config.schema import LEAKAGE_LEVELS, DataConfig
from genre.data.tracks import excluding

ARTISTS = 3
"""Fewer artists of a genre in the test or validation set are warned of."""
TRACKS = 20
"""Fewer training tracks of a genre are warned of."""

log = logging.getLogger(__name__)


def log_split_warnings(tracks: pd.DataFrame, settings: DataConfig) -> None:
    """Log what `split_warnings` finds.

    Args:
        tracks: Track table with `split`.
        settings: How they were split.
    """
    for text in split_warnings(tracks, settings):
        log.warning("%s", text)


def split_warnings(tracks: pd.DataFrame, settings: DataConfig) -> list[str]:
    """Name the genres with few artists to test or validate on, or few tracks to train on.

    Genres without any track in a set are left to `prepare`, which names them.

    Args:
        tracks: Track table with `split`.
        settings: How they were split; decides what the warning proposes.

    Returns:
        At most one sentence per set. None is about artists where no artist is known.
    """
    found = []
    if tracks["artist"].notna().any():
        if few := _few(_artists(tracks[tracks["split"] == "test"]), ARTISTS):
            found.append(
                f"test set: fewer than {ARTISTS} artists in {few}, so that their scores depend on single artists: "
                + _advice(tracks, settings)
            )
        if few := _few(_artists(tracks[tracks["split"] == "val"]), ARTISTS):
            found.append(
                f"validation set: fewer than {ARTISTS} artists in {few}, so that the choice of the best epoch depends "
                "on single artists: add artists"
            )
    counts = tracks.loc[tracks["split"] == "train", "genre"].value_counts()
    if few := _few(counts, TRACKS):
        genres = sorted(counts.index[counts < TRACKS])
        exclude = f" or set {excluding(genres)}" if len(counts) - len(genres) >= 2 else ""
        found.append(f"training set: fewer than {TRACKS} tracks of {few}: add tracks{exclude}")
    return found


def _artists(tracks: pd.DataFrame) -> pd.Series:
    """Artists of each genre; each track of an unknown artist counts as one by another."""
    names = tracks["artist"].fillna(tracks["track_id"].map("track {}".format))
    return names.groupby(tracks["genre"]).nunique()


def _few(counts: pd.Series, least: int) -> str:
    return ", ".join(f"{genre} ({count})" for genre, count in sorted(counts[counts < least].items()))


def _advice(tracks: pd.DataFrame, settings: DataConfig) -> str:
    """What to type to test on more artists."""
    if settings.fold is not None:
        return "compare the joined folds, not one of them"
    if settings.splits in LEAKAGE_LEVELS or _artists(tracks).min() < settings.folds:
        return "add artists"
    by_artist = "data.splits=artist " if settings.splits in ("official", "fault_filtered") else ""
    folds = ",".join(str(fold) for fold in range(settings.folds))
    return f"test all artists with python train.py -m {by_artist}data.fold={folds}"
