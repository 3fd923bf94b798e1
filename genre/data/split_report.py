"""Warn about splits that are too small for the conclusions drawn from them."""

import logging

import pandas as pd

from genre.config.schema import LEAKAGE_LEVELS, DataConfig
from genre.data.splits import OFFICIAL
from genre.data.tracks import exclude_override

MIN_ARTISTS = 3
"""Minimum number of artists per genre in the test and validation sets."""
MIN_TRACKS = 20
"""Minimum number of training tracks per genre."""

log = logging.getLogger(__name__)


def log_split_warnings(tracks: pd.DataFrame, config: DataConfig) -> None:
    """Log the warnings of `split_warnings`."""
    for text in split_warnings(tracks, config):
        log.warning("%s", text)


def split_warnings(tracks: pd.DataFrame, config: DataConfig) -> list[str]:
    """Name the genres with few artists to test or validate on, or few tracks to train on, and count shared artists.

    Args:
        tracks: Track table with `split`.
        config: How the tracks were split, for the advice.

    Returns:
        At most one sentence per split, and one on shared artists. None is about artists if no artist is known.
    """
    warnings = []
    if tracks["artist"].notna().any():
        if few := _below(_count_artists(tracks[tracks["split"] == "test"]), MIN_ARTISTS):
            warnings.append(
                f"test set: fewer than {MIN_ARTISTS} artists in {few}; their scores depend on one or two artists: "
                + _advice(tracks, config)
            )
        if few := _below(_count_artists(tracks[tracks["split"] == "val"]), MIN_ARTISTS):
            warnings.append(
                f"validation set: fewer than {MIN_ARTISTS} artists in {few}; what is chosen by its scores "
                "depends on one or two artists: add artists"
            )
        warnings += _shared_artists(tracks, config)
    if config.train_fraction < 1:  # small on purpose
        return warnings
    counts = tracks.loc[tracks["split"] == "train", "genre"].value_counts()
    if few := _below(counts, MIN_TRACKS):
        genres = sorted(counts.index[counts < MIN_TRACKS])
        exclude = f" or set {exclude_override(genres)}" if len(counts) - len(genres) >= 2 else ""
        warnings.append(f"training set: fewer than {MIN_TRACKS} tracks of {few}: add tracks{exclude}")
    return warnings


def _shared_artists(tracks: pd.DataFrame, config: DataConfig) -> list[str]:
    """Say how many test tracks are by artists of the training set, unless they are there on purpose."""
    trained = tracks.loc[tracks["split"] == "train", "artist"].dropna()
    test = tracks.loc[tracks["split"] == "test", "artist"]
    if config.splits in LEAKAGE_LEVELS or not (count := int(test.isin(trained).sum())):
        return []
    return [
        f"{count} of {len(test)} test tracks are by artists of the training set, so scores are higher than on new "
        "artists: data.splits=artist keeps them apart"
    ]


def _count_artists(tracks: pd.DataFrame) -> pd.Series:
    """Number of artists per genre; each track of an unknown artist counts as one by another."""
    names = tracks["artist"].fillna(tracks["track_id"].map("track {}".format))
    return names.groupby(tracks["genre"]).nunique()


def _below(counts: pd.Series, minimum: int) -> str:
    return ", ".join(f"{genre} ({count})" for genre, count in sorted(counts[counts < minimum].items()))


def _advice(tracks: pd.DataFrame, config: DataConfig) -> str:
    """What to do in order to test on more artists."""
    if config.fold is not None:
        return "evaluate all folds together, not one of them"
    given = config.splits in LEAKAGE_LEVELS or config.splits.endswith(".csv")
    if given or _count_artists(tracks).min() < config.folds:
        return "add artists"
    by_artist = "data.splits=artist " if config.splits in OFFICIAL else ""
    folds = ",".join(map(str, range(config.folds)))
    return f"to test all artists, add -m {by_artist}data.fold={folds} to your command"
