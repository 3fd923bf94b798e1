"""Track table -> train, val or test: by artist, by artist and album, as the source says, or at random."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from genre.config.schema import LEAKAGE_LEVELS
from genre.data.grouping import assign_groups, connected_groups
from genre.data.tracks import SPLITS, excluding
from genre.errors import GenreError

STRATEGIES = ("artist", "artist_album", "official", "fault_filtered", "stratified")
GROUP_COLUMNS = {"artist": ["artist"], "artist_album": ["artist", "album"]}
"""What must not cross, by the name of the split."""
VAL_FRACTION = 0.1
"""Share of all tracks that folds leave for validation."""

log = logging.getLogger(__name__)


def assign_splits(
    tracks: pd.DataFrame,
    how: str = "auto",
    seed: int = 42,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    fold: int | None = None,
    folds: int = 5,
) -> pd.Series:
    """Say which part each track belongs to.

    Args:
        tracks: A track table, its rows in any order: they are dealt out in the order of `track_id`.
        how: One of `SPLITS`, or auto: artist where artists are known, else stratified. fault_filtered is what the
            GTZAN source calls its official split.
        seed: Same tracks, same seed, same parts; official knows no chance.
        fractions: Shares of `PARTS`, each above 0; official and folds ignore them.
        fold: Which of the folds is the test part; None for a single split.
        folds: Equal parts, each of which is the test part once; a tenth of all tracks is for validation.

    Returns:
        One of `PARTS` a track, on the table's index.

    Raises:
        GenreError: The table lacks what `how` goes by, a part stays empty, or a genre has no track in train.
    """
    if how not in ("auto", *STRATEGIES):
        raise GenreError(f"data.splits={how} is unknown: use one of auto, {', '.join(STRATEGIES)}")
    if tracks.empty:
        raise GenreError("no track is left: lower data.min_tracks_per_genre or shorten data.exclude_genres")
    best_known = "artist" if tracks["artist"].notna().any() else "stratified"
    how = best_known if how == "auto" else how
    _report(tracks, how)
    ordered = tracks.reset_index(drop=True).sort_values("track_id")
    rng = np.random.default_rng(seed)
    if fold is not None:
        numbers = _folded(ordered, how, seed, fold, folds)
    elif how in ("official", "fault_filtered"):
        numbers = pd.Index(SPLITS).get_indexer(pd.Index(ordered["split"]))
        if unknown := sorted(set(ordered.loc[numbers < 0, "split"].dropna())):
            raise GenreError(f"unknown split value {', '.join(unknown)}: use {', '.join(SPLITS)}")
        if without := int((numbers < 0).sum()):
            what = "this data has" if without == len(tracks) else f"{without} of {len(tracks)} tracks have"
            raise GenreError(f"{what} no official split: use data.splits={best_known}")
    elif how == "stratified":
        numbers = stratify(ordered["genre"], fractions, rng)
    else:
        group = connected_groups(ordered, GROUP_COLUMNS[how])
        numbers = assign_groups(pd.crosstab(group, ordered["genre"].to_numpy()).to_numpy(), fractions, rng)[group]
    parts = pd.Series(np.array(SPLITS)[numbers], ordered.index, dtype=str).sort_index().set_axis(tracks.index)
    check_splits(tracks, parts, how)
    return parts.rename("split")


def missing_genres(tracks: pd.DataFrame, parts: pd.Series) -> dict[str, list[str]]:
    """List for each of `PARTS` the genres that have no track in it: an empty list where none is lacking."""
    genre, part = tracks["genre"].to_numpy(), parts.to_numpy()
    return {name: sorted(set(genre) - set(genre[part == name])) for name in SPLITS}


def stratify(genre: pd.Series, fractions: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Deal each genre's tracks out at random: floor(fraction * n) to each part, the rest to the last one."""
    part = np.zeros(len(genre), dtype=int)
    for rows in genre.reset_index(drop=True).groupby(genre.to_numpy()).indices.values():
        sizes = np.floor(np.asarray(fractions[:-1]) * len(rows) + 1e-9).astype(int)  # 0.29 * 100 < 29
        for number, chunk in enumerate(np.split(rng.permutation(rows), sizes.cumsum())):
            part[chunk] = number
    return part


def _report(tracks: pd.DataFrame, how: str) -> None:
    """Log which split is made, and for how many tracks nothing is known of what it must keep together."""
    log.info("split: %s", how)
    for column in GROUP_COLUMNS.get(how, []):
        if unknown := int(tracks[column].isna().sum()):
            log.warning("%s unknown for %d of %d tracks: each counts as one of its own", column, unknown, len(tracks))
    if how == "stratified" and tracks["artist"].isna().all():
        log.warning("artist unknown for all %d tracks: tracks of one artist may be in train and in test", len(tracks))


def _folded(tracks: pd.DataFrame, how: str, seed: int, fold: int, folds: int) -> np.ndarray:
    """Number of the part of each track when fold `fold` is the test part, shape (tracks,)."""
    if how in ("official", "fault_filtered"):
        raise GenreError(f"data.splits={how} has no folds: use data.splits=artist or stratified, or data.fold=null")
    if not 0 <= fold < folds:
        raise GenreError(f"data.fold={fold} is not one of the {folds} folds: use 0 to {folds - 1}, or data.folds")
    group = connected_groups(tracks, GROUP_COLUMNS[how]) if how in GROUP_COLUMNS else np.arange(len(tracks))
    counts = pd.crosstab(group, tracks["genre"].to_numpy())
    least = (counts > 0).sum().sort_values()
    if least.iloc[0] < folds:
        what = "artists" if how in GROUP_COLUMNS else "tracks"
        fewer = f"use data.folds={least.iloc[0]} or " if least.iloc[0] > 1 else ""
        raise GenreError(
            f"data.folds={folds} needs as many {what} of each genre, and {least.index[0]} has {least.iloc[0]}: "
            f"{fewer}add it to data.exclude_genres"
        )
    which = assign_groups(counts.to_numpy(), [1 / folds] * folds, np.random.default_rng([seed, folds]))
    rest = np.flatnonzero(which != fold)
    share = VAL_FRACTION / (1 - 1 / folds)
    part = np.full(len(which), SPLITS.index("test"))
    part[rest] = assign_groups(counts.to_numpy()[rest], [1 - share, share], np.random.default_rng([seed, folds, fold]))
    return part[group]


def check_splits(tracks: pd.DataFrame, parts: pd.Series, how: str) -> None:
    """Refuse a split that leaves a part empty, or a genre without a track to learn from.

    Args:
        tracks: A track table.
        parts: One of `PARTS` a track.
        how: The split's name.

    Raises:
        GenreError: It does; the message says what to change.
    """
    if empty := [name for name in SPLITS if not (parts == name).any()]:
        instead = {"official": "use data.splits=auto", "stratified": "add tracks"}
        otherwise = "add artists" if how in LEAKAGE_LEVELS else "use data.splits=stratified or add artists"
        advice = instead.get(how, otherwise)
        raise GenreError(f"data.splits={how} leaves {' and '.join(empty)} without a track: {advice}")
    if genres := missing_genres(tracks, parts)["train"]:
        enough = tracks["genre"].value_counts()[genres].max() + 1
        raise GenreError(
            f"data.splits={how} leaves train without a track of {', '.join(genres)}: set "
            f"{excluding(genres)} or data.min_tracks_per_genre={enough}"
        )
