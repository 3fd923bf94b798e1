"""Leakage experiment: one test set, and equally large training sets with increasing leakage."""

import numpy as np
import pandas as pd

from genre.config.schema import LEAKAGE_LEVELS
from genre.data.grouping import assign_groups, connected_groups
from genre.data.splits import VAL_FRACTION, check_splits
from genre.data.tracks import SPLITS
from genre.errors import GenreError

TEST_ARTIST_FRACTION = 0.5
"""Fraction of the tracks whose artists are kept for the test set and for what leaks from it."""
MIN_TRAIN_ARTISTS = 2
"""Minimum number of artists per genre for training and validation."""


def is_leakage_level(strategy: str) -> bool:
    """Whether a strategy is a leakage level: training then uses second halves of clips, evaluation first ones."""
    return strategy in LEAKAGE_LEVELS


def leakage_split(tracks: pd.DataFrame, level: str, seed: int) -> pd.DataFrame:
    """Split tracks for one level of the leakage experiment.

    All levels have the same test and validation sets. Training of `leak_nothing` shares no artist or album with them.
    The other levels all replace the same number of training tracks by tracks of the same genre that leak: other tracks
    of the test artists, but not from the test albums (`leak_artists`); other tracks of the test albums
    (`leak_albums`); the other halves of the test tracks (`leak_segments`).

    Args:
        tracks: A track table.
        level: One of `LEAKAGE_LEVELS`.
        seed: Seed of the sampling.

    Returns:
        The tracks used, with `split`. A test track whose other half is in training has two rows.

    Raises:
        GenreError: Artists or albums are unknown, too few artists have several albums, or a genre has no training
            track left.
    """
    ordered = tracks.sort_values("track_id").reset_index(drop=True)
    rng = np.random.default_rng(seed)
    group = connected_groups(ordered, ["artist", "album"])
    pools = _pools(ordered, group, rng)
    sizes = pd.DataFrame({name: ordered.loc[rows, "genre"].value_counts() for name, rows in pools.items()}).fillna(0)
    available = sizes[["test", "leak_artists", "leak_albums"]].min(axis=1)  # the same at all levels
    if not available.any():
        raise GenreError(
            "the leakage experiment needs artists with several albums, at least one of them with two tracks, and this "
            "data has too few: use more tracks"
        )
    train = pools["train"]
    if level != "leak_nothing":
        leaking = pools["test" if level == "leak_segments" else level]
        counts = np.minimum(available, (sizes["train"] - 1).clip(lower=0)).astype(int)
        removed, added = (_sample(ordered, pool, counts, seed) for pool in (train, leaking))
        train = np.concatenate([np.setdiff1d(train, removed), added])
    pools["train"] = train
    chosen = pd.concat([ordered.loc[pools[split]].assign(split=split) for split in SPLITS])
    other_half = (chosen["split"] == "train") & chosen["path"].isin(ordered["path"][pools["test"]])
    chosen["track_id"] = chosen["track_id"].mask(other_half, chosen["track_id"] + " (other half)")
    check_splits(chosen, chosen["split"], level)
    return chosen.sort_values("track_id").reset_index(drop=True)


def _pools(tracks: pd.DataFrame, group: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows of train, val and test, and of the tracks that leak the test artists and the test albums."""
    album = tracks["album"].fillna("").to_numpy()
    album_size = tracks.groupby([group, album])["track_id"].transform("size").to_numpy()
    group_size = np.bincount(group)[group]
    # An artist's test album is the first of the largest; there must be another one, and it needs two tracks
    order = np.lexsort((tracks["track_id"], album, -album_size, group))
    test_album = np.empty_like(album)
    test_album[order] = pd.Series(album[order]).groupby(group[order]).transform("first").to_numpy()
    on_album = album == test_album
    size_on_album = np.bincount(group, on_album)[group]
    usable = (size_on_album >= 2) & (size_on_album < group_size) & (album != "")
    candidates = np.flatnonzero(np.bincount(group, usable) == np.bincount(group))
    counts = pd.crosstab(group, tracks["genre"].to_numpy()).to_numpy()
    held_out = np.zeros(len(counts), dtype=bool)
    for column in range(counts.shape[1]):
        mine = rng.permutation(candidates[counts[candidates].argmax(axis=1) == column])
        limit = max(TEST_ARTIST_FRACTION * counts[:, column].sum(), counts[mine[:1], column].sum())
        enough = counts[mine, column].cumsum() <= limit
        spare = np.count_nonzero(counts[~held_out, column]) - MIN_TRAIN_ARTISTS
        held_out[mine[enough][: max(spare, 0)]] = True
    val = VAL_FRACTION / (1 - TEST_ARTIST_FRACTION)
    split = np.full(len(counts), -1)
    split[~held_out] = assign_groups(counts[~held_out], [1 - val, val], rng)
    rank = pd.Series(rng.random(len(tracks))).groupby([group, on_album]).rank().to_numpy()
    in_first_half = rank <= np.ceil(size_on_album / 2)
    outside = split[group] == -1
    test = outside & on_album & in_first_half
    artist = tracks["artist"]
    by_test_artist = (artist.notna() & artist.isin(artist[test])).to_numpy()  # not only tied by a compilation
    masks = {
        "train": split[group] == 0,
        "val": split[group] == 1,
        "test": test,
        "leak_albums": outside & on_album & ~in_first_half,
        "leak_artists": outside & ~on_album & by_test_artist & (album != ""),
    }
    return {name: np.flatnonzero(mask) for name, mask in masks.items()}


def _sample(tracks: pd.DataFrame, pool: np.ndarray, counts: pd.Series, seed: int) -> np.ndarray:
    """Sample a given number of rows per genre from a pool."""
    shuffled = np.random.default_rng([seed, len(pool)]).permutation(pool)
    genre = tracks["genre"].to_numpy()[shuffled]
    return np.concatenate([shuffled[genre == name][:count] for name, count in counts.items()])
