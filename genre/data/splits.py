"""Assign tracks to train, val and test: by artist, by artist and album, as the source says, or at random."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from genre.config.schema import LEAKAGE_LEVELS, DataConfig
from genre.data.grouping import assign_groups, connected_groups
from genre.data.sources.table import read_splits
from genre.data.tracks import SPLITS, exclude_override
from genre.errors import GenreError

OFFICIAL = ("official", "fault_filtered")
"""Strategies that take the source's own split; fault_filtered is GTZAN's name for it."""
STRATEGIES = ("artist", "artist_album", *OFFICIAL, "stratified")
GROUP_COLUMNS = {"artist": ["artist"], "artist_album": ["artist", "album"]}
"""Columns whose names each strategy keeps within one split."""
VAL_FRACTION = 0.1
"""Fraction of all tracks for validation, if there are folds."""

log = logging.getLogger(__name__)


def chosen_strategy(tracks: pd.DataFrame, config: DataConfig, has_own_split: bool) -> str:
    """What `data.splits=auto` stands for: the split of the tracks' table, else by artist, else at random."""
    if config.splits != "auto":
        return config.splits
    return "official" if has_own_split and config.fold is None else _best_known(tracks)


def _best_known(tracks: pd.DataFrame) -> str:
    return "artist" if tracks["artist"].notna().any() else "stratified"


def configured_splits(tracks: pd.DataFrame, strategy: str, config: DataConfig, seed: int) -> pd.Series:
    """Split tracks by a strategy or the CSV file of that name."""
    if strategy.endswith(".csv"):
        splits = read_splits(Path(strategy), tracks["track_id"])
        check_splits(tracks, splits, strategy)
        return splits
    return assign_splits(tracks, strategy, seed, config.fractions, config.fold, config.folds)


def assign_splits(
    tracks: pd.DataFrame,
    strategy: str = "auto",
    seed: int = 42,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    fold: int | None = None,
    folds: int = 5,
) -> pd.Series:
    """Assign each track to a split. The order of the rows does not matter.

    Args:
        tracks: A track table.
        strategy: One of `STRATEGIES`, or auto: artist if any artist is known, else stratified.
        seed: Seed of the random assignment.
        fractions: Fractions of `SPLITS`, each above 0; ignored by official splits and folds.
        fold: Which fold is the test set; None for a single split.
        folds: Number of equal folds.

    Returns:
        One of `SPLITS` per track, with the table's index.

    Raises:
        GenreError: The table lacks what the strategy needs, or the splits fail `check_splits`.
    """
    if strategy not in ("auto", *STRATEGIES):
        raise GenreError(f"data.splits={strategy} is unknown: use one of auto, {', '.join(STRATEGIES)}")
    if tracks.empty:
        raise GenreError("no track is left: lower data.min_tracks_per_genre or shorten data.exclude_genres")
    strategy = _best_known(tracks) if strategy == "auto" else strategy
    _log_strategy(tracks, strategy)
    ordered = tracks.reset_index(drop=True).sort_values("track_id")
    rng = np.random.default_rng(seed)
    if fold is not None:
        numbers = _assign_fold(ordered, strategy, seed, fold, folds)
    elif strategy in OFFICIAL:
        numbers = pd.Index(SPLITS).get_indexer(pd.Index(ordered["split"]))
        check_split_names(ordered)
        if missing := int((numbers < 0).sum()):
            first = ordered["track_id"][numbers < 0].iloc[0]
            some = f"{missing} of {len(tracks)} tracks have no split (first: {first})"
            what = "this data has no split of its own" if missing == len(tracks) else some
            raise GenreError(f"{what}: use data.splits={_best_known(tracks)}")
    elif strategy == "stratified":
        numbers = _stratify(ordered["genre"].to_numpy(), fractions, rng)
    else:
        group = connected_groups(ordered, GROUP_COLUMNS[strategy])
        numbers = assign_groups(pd.crosstab(group, ordered["genre"].to_numpy()).to_numpy(), fractions, rng)[group]
    splits = pd.Series(np.array(SPLITS)[numbers], ordered.index, dtype=str).sort_index().set_axis(tracks.index)
    check_splits(tracks, splits, strategy)
    return splits.rename("split")


def check_split_names(tracks: pd.DataFrame) -> None:
    """Check that a track table's own split has no other names than `SPLITS`.

    Raises:
        GenreError: It has.
    """
    unknown = tracks[tracks["split"].notna() & ~tracks["split"].isin(SPLITS)]
    if len(unknown):
        raise GenreError(
            f"unknown split {', '.join(sorted(set(unknown['split'])))} (first: {unknown['track_id'].iloc[0]}): use "
            f"{', '.join(SPLITS)}, or data.splits=artist for another split"
        )


def training_subset(tracks: pd.DataFrame, fraction: float, seed: int) -> pd.DataFrame:
    """Keep a fraction of the training tracks, artist by artist, as if fewer had been collected.

    Each genre keeps its share, and at least one artist; a smaller fraction is a subset of a larger one. Validation and
    test tracks all stay.

    Args:
        tracks: A track table with `split`.
        fraction: Fraction of the training tracks.
        seed: Seed of the order in which artists are kept.

    Returns:
        The kept rows.
    """
    train = tracks[tracks["split"] == "train"].sort_values("track_id")
    by_artist = train["artist"].notna().any()
    group = connected_groups(train, GROUP_COLUMNS["artist"]) if by_artist else np.arange(len(train))
    counts = pd.crosstab(group, train["genre"].to_numpy()).to_numpy()
    order = np.random.default_rng(seed).permutation(len(counts))
    main_genre, size = counts.argmax(axis=1)[order], counts.sum(axis=1)[order]
    kept = np.zeros(len(counts), bool)
    for genre in range(counts.shape[1]):  # a genre that is nobody's main genre keeps an artist as well
        kept[order[np.flatnonzero(counts[order, genre])[0]]] = True
    for genre in np.unique(main_genre):
        groups = np.flatnonzero(main_genre == genre)
        middle = size[groups].cumsum() - size[groups] / 2
        kept[order[groups]] |= middle <= fraction * size[groups].sum()
    return tracks.drop(index=train.index[~kept[group]])


def check_fractions(fractions: Sequence[float]) -> None:
    """Check that there is a fraction above 0 for each of `SPLITS`, and that their sum is 1.

    Raises:
        GenreError: They are others.
    """
    if len(fractions) != len(SPLITS) or min(fractions) <= 0 or not np.isclose(sum(fractions), 1):
        raise GenreError(f"data.fractions={list(fractions)} must be three fractions above 0 whose sum is 1")


def missing_genres(tracks: pd.DataFrame, splits: pd.Series) -> dict[str, list[str]]:
    """List the genres without a track in each split."""
    genre, split = tracks["genre"].to_numpy(), splits.to_numpy()
    return {name: sorted(set(genre) - set(genre[split == name])) for name in SPLITS}


def check_splits(tracks: pd.DataFrame, splits: pd.Series, strategy: str) -> None:
    """Check that no split is empty and that training has every genre.

    Args:
        tracks: A track table.
        splits: One of `SPLITS` per track.
        strategy: How the tracks were split, for the message.

    Raises:
        GenreError: A split is empty, or a genre has no training track.
    """
    if empty := [name for name in SPLITS if not (splits == name).any()]:
        advice = {"official": "use data.splits=artist or stratified", "stratified": "add tracks"}.get(
            strategy, "add artists" if strategy in LEAKAGE_LEVELS else "use data.splits=stratified or add artists"
        )
        raise GenreError(f"data.splits={strategy} leaves {' and '.join(empty)} without a track: {advice}")
    if genres := missing_genres(tracks, splits)["train"]:
        minimum = tracks["genre"].value_counts()[genres].max() + 1
        raise GenreError(
            f"data.splits={strategy} leaves train without a track of {', '.join(genres)}: set "
            f"{exclude_override(genres)} or data.min_tracks_per_genre={minimum}"
        )


def _stratify(genre: np.ndarray, fractions: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Split each genre's n tracks at random: floor(fraction * n) for each split, the rest for the last."""
    split = np.zeros(len(genre), dtype=int)
    for rows in pd.Series(genre).groupby(genre).indices.values():
        sizes = np.floor(np.asarray(fractions[:-1]) * len(rows) + 1e-9).astype(int)  # 0.29 * 100 < 29
        for number, chunk in enumerate(np.split(rng.permutation(rows), sizes.cumsum())):
            split[chunk] = number
    return split


def _assign_fold(tracks: pd.DataFrame, strategy: str, seed: int, fold: int, folds: int) -> np.ndarray:
    """Split number of each track when one fold is the test set, shape (tracks,)."""
    if strategy in OFFICIAL:
        raise GenreError(
            f"data.splits={strategy} has no folds: use data.splits=artist or stratified, or data.fold=null"
        )
    if not 0 <= fold < folds:
        raise GenreError(f"data.fold={fold} is not one of the {folds} folds: use 0 to {folds - 1}, or data.folds")
    by_artist = strategy in GROUP_COLUMNS
    group = connected_groups(tracks, GROUP_COLUMNS[strategy]) if by_artist else np.arange(len(tracks))
    table = pd.crosstab(group, tracks["genre"].to_numpy())
    groups = (table > 0).sum().sort_values()
    if groups.iloc[0] < folds:
        fewer = f"use data.folds={groups.iloc[0]} or " if groups.iloc[0] > 1 else ""
        raise GenreError(
            f"data.folds={folds} needs as many {'artists' if by_artist else 'tracks'} of each genre, and "
            f"{groups.index[0]} has {groups.iloc[0]}: {fewer}add it to data.exclude_genres"
        )
    counts = table.to_numpy()
    fold_of = assign_groups(counts, [1 / folds] * folds, np.random.default_rng([seed, folds]))
    rest = np.flatnonzero(fold_of != fold)
    val = VAL_FRACTION / (1 - 1 / folds)
    split = np.full(len(fold_of), SPLITS.index("test"))
    split[rest] = assign_groups(counts[rest], [1 - val, val], np.random.default_rng([seed, folds, fold]))
    return split[group]


def _log_strategy(tracks: pd.DataFrame, strategy: str) -> None:
    log.info("split: %s", strategy)
    for column in GROUP_COLUMNS.get(strategy, []):
        if unknown := int(tracks[column].isna().sum()):
            log.warning(
                "%s unknown for %d of %d tracks: each counts as a separate artist", column, unknown, len(tracks)
            )
    if strategy == "stratified" and tracks["artist"].isna().all():
        log.warning("artist unknown for all %d tracks: tracks of one artist may be in train and in test", len(tracks))
