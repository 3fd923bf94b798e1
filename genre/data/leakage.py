"""The leakage ladder: one test part, and training parts of equal size that differ in what of it leaks into them."""

import numpy as np
import pandas as pd

from genre.config.schema import LEAKAGE_LEVELS
from genre.data.grouping import assign_groups, connected_groups
from genre.data.splits import check_splits
from genre.errors import GenreError

"""What is swapped into training: nothing; other tracks of the test tracks' artists, but not of their albums; other
tracks of their albums; the test tracks themselves, their other half."""
TEST_ARTIST_FRACTION, VAL_FRACTION = 0.5, 0.1
"""Shares of the tracks: of artists that are kept out for test tracks and what leaks of them, and of validation."""
MIN_TRAIN_ARTISTS = 2
"""So many artists of each genre stay for training and validation."""


def is_leakage_level(splits: str) -> bool:
    """Whether a split is one of the ladder's: then training sees second halves of clips, and tests hear first ones."""
    return splits in LEAKAGE_LEVELS


def leakage_split(tracks: pd.DataFrame, which: str, seed: int) -> pd.DataFrame:
    """Split for one rung of the ladder.

    Test and validation are the same for all rungs, and no artist or album of theirs is in `leak_nothing`'s training.
    The other rungs swap tracks of it for all those that leak, of each genre as many as they take out.

    Args:
        tracks: A track table.
        which: One of `LEAKAGE_LEVELS`.
        seed: Of the choice.

    Returns:
        The tracks that take part, with `split`; a test track whose other half is in training stands in two rows.

    Raises:
        GenreError: Artists or albums are not known, too few artists have several albums, or a genre has no track left
            for training.
    """
    ordered = tracks.sort_values("track_id").reset_index(drop=True)
    rng = np.random.default_rng(seed)
    group = connected_groups(ordered, ["artist", "album"])
    pools = _pools(ordered, group, rng)
    sizes = pd.DataFrame({name: ordered.loc[rows, "genre"].value_counts() for name, rows in pools.items()}).fillna(0)
    if not sizes[["test", *LEAKAGE_LEVELS[1:3]]].min(axis=1).any():
        raise GenreError(
            "the leakage ladder needs artists with several albums, one of them with two tracks or more, and these data "
            "have too few: use more tracks"
        )
    train = pools["train"]
    if which != LEAKAGE_LEVELS[0]:
        leaking = "test" if which == "leak_segments" else which
        swapped = np.minimum(sizes[leaking], (sizes["train"] - 1).clip(lower=0)).astype(int)
        taken, given = _sampled(ordered, train, swapped, seed), _sampled(ordered, pools[leaking], swapped, seed)
        train = np.concatenate([np.setdiff1d(train, taken), given])
    parts = {"train": ordered.loc[train], "val": ordered.loc[pools["val"]], "test": ordered.loc[pools["test"]]}
    if which == "leak_segments":
        both = parts["train"]["track_id"].isin(parts["test"]["track_id"])
        parts["train"] = parts["train"].assign(
            track_id=parts["train"]["track_id"].where(~both, parts["train"]["track_id"] + " (other half)")
        )
    chosen = pd.concat([part.assign(split=name) for name, part in parts.items()])
    check_splits(chosen, chosen["split"], which)
    return chosen.sort_values("track_id").reset_index(drop=True)


def _pools(tracks: pd.DataFrame, group: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Rows of each pool: train, val, test, and what leaks of the test tracks' artists and of their albums."""
    album = tracks["album"].fillna("").to_numpy()
    of_album = tracks.groupby([group, album])["track_id"].transform("size").to_numpy()
    of_group = np.bincount(group)[group]
    # An artist's test album is the first of his largest; he needs another one, and it two tracks
    order = np.lexsort((tracks["track_id"], album, -of_album, group))
    first = pd.Series(album[order]).groupby(group[order]).transform("first").to_numpy()
    test_album = np.empty_like(first)
    test_album[order] = first
    on_it = album == test_album
    fit = (np.bincount(group, on_it)[group] >= 2) & (np.bincount(group, on_it)[group] < of_group) & (album != "")
    able = np.flatnonzero(np.bincount(group, fit) == np.bincount(group))
    counts = pd.crosstab(group, tracks["genre"].to_numpy()).to_numpy()
    held = np.zeros(len(counts), dtype=bool)
    for column in range(counts.shape[1]):
        mine = rng.permutation(able[counts[able].argmax(axis=1) == column])
        enough = counts[mine, column].cumsum() <= max(
            TEST_ARTIST_FRACTION * counts[:, column].sum(), counts[mine[:1], column].sum()
        )
        spare = np.count_nonzero(counts[~held, column]) - MIN_TRAIN_ARTISTS
        held[mine[enough][: max(spare, 0)]] = True
    rest = np.flatnonzero(~held)
    part = np.full(len(counts), -1)
    part[rest] = assign_groups(
        counts[rest], [1 - VAL_FRACTION / (1 - TEST_ARTIST_FRACTION), VAL_FRACTION / (1 - TEST_ARTIST_FRACTION)], rng
    )
    place = part[group]
    rank = pd.Series(rng.random(len(tracks))).groupby([group, on_it]).rank().to_numpy()
    half = np.ceil(np.bincount(group, on_it)[group] / 2)
    out = place == -1
    test = out & on_it & (rank <= half)
    artist = tracks["artist"]
    theirs = (artist.notna() & artist.isin(artist[test])).to_numpy()  # a compilation ties other artists to them
    return {
        "train": np.flatnonzero(place == 0),
        "val": np.flatnonzero(place == 1),
        "test": np.flatnonzero(test),
        "leak_albums": np.flatnonzero(out & on_it & (rank > half)),
        "leak_artists": np.flatnonzero(out & ~on_it & theirs & (album != "")),
    }


def _sampled(tracks: pd.DataFrame, pool: np.ndarray, counts: pd.Series, seed: int) -> np.ndarray:
    """Draw so many rows of each genre from a pool."""
    rng = np.random.default_rng([seed, len(pool)])
    mixed = rng.permutation(pool)
    genre = tracks["genre"].to_numpy()[mixed]
    return np.concatenate([mixed[genre == name][:count] for name, count in counts.items()])
