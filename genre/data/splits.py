"""Track table -> train, val or test: by artist, by artist and album, as the source says, or at random."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from genre.data.tracks import PARTS
from genre.errors import GenreError

SPLITS = ("artist", "artist_album", "official", "stratified")
ABSENT = 5.0  # cost of a genre's absence from a part: above that of three equal artists, one in each part
ROUNDS = 2000
REPLACED = 8  # groups taken out and put back in one round


def split(
    tracks: pd.DataFrame, how: str = "auto", seed: int = 42, fractions: Sequence[float] = (0.8, 0.1, 0.1)
) -> pd.Series:
    """Say which part each track belongs to.

    Args:
        tracks: A track table, its rows in any order: they are dealt out in the order of `track_id`.
        how: One of `SPLITS`, or auto: artist where artists are known, else stratified.
        seed: Same tracks, same seed, same parts; official knows no chance.
        fractions: Shares of `PARTS`, each above 0; official ignores them.

    Returns:
        One of `PARTS` a track, on the table's index.

    Raises:
        GenreError: The table lacks what `how` goes by, a part stays empty, or a genre has no track in train.
    """
    if how not in ("auto", *SPLITS):
        raise GenreError(f"data.splits={how} is unknown: use one of auto, {', '.join(SPLITS)}")
    if tracks.empty:
        raise GenreError("no track is left: lower data.min_tracks_per_genre or shorten data.exclude_genres")
    best_known = "artist" if tracks["artist"].notna().any() else "stratified"
    how = best_known if how == "auto" else how
    ordered = tracks.reset_index(drop=True).sort_values("track_id")
    rng = np.random.default_rng(seed)
    if how == "official":
        numbers = pd.Index(PARTS).get_indexer(pd.Index(ordered["split"]))
        if without := int((numbers < 0).sum()):
            what = "this data has" if without == len(tracks) else f"{without} of {len(tracks)} tracks have"
            raise GenreError(f"{what} no official split: use data.splits={best_known}")
    elif how == "stratified":
        numbers = stratify(ordered["genre"], fractions, rng)
    else:
        group = groups(ordered, ["artist"] if how == "artist" else ["artist", "album"])
        numbers = assign(pd.crosstab(group, ordered["genre"].to_numpy()).to_numpy(), fractions, rng)[group]
    parts = pd.Series(np.array(PARTS)[numbers], ordered.index, dtype=str).sort_index().set_axis(tracks.index)
    _check(tracks, parts, how)
    return parts.rename("split")


def lacking(tracks: pd.DataFrame, parts: pd.Series) -> dict[str, list[str]]:
    """List for each of `PARTS` the genres that have no track in it: an empty list where none is lacking."""
    genre, part = tracks["genre"].to_numpy(), parts.to_numpy()
    return {name: sorted(set(genre) - set(genre[part == name])) for name in PARTS}


def groups(tracks: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Number the sets of tracks that must stay together: those tied by a shared name in any of the columns.

    A compilation joins its artists, an artist joins his albums; a track with no name at all stands alone.

    Returns:
        Numbers from 0 without a gap, shape (tracks,).
    """
    size = len(tracks)  # nodes: the tracks, then each column's names
    edges = []
    for column in columns:
        code, names = pd.factorize(tracks[column])
        known = np.flatnonzero(code >= 0)
        if not len(known):
            instead = "stratified" if column == "artist" else "artist"
            raise GenreError(f"this data names no {column}: use data.splits={instead}")
        edges.append((known, size + code[known]))
        size += len(names)
    track, name = np.hstack(edges)
    graph = coo_array((np.ones(len(track)), (track, name)), shape=(size, size))
    return connected_components(graph, directed=False)[1][: len(tracks)]


def assign(counts: np.ndarray, fractions: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Deal groups out so that each part has its fraction of every genre and of the whole.

    The cost is the squared deviation of the shares over the part's fraction; the whole weighs as much as all
    genres together. Groups are placed one by one, large ones first, where they cost least; then in each round
    a few groups of one genre are taken out and placed anew in random order, and stay there if the cost is no
    higher. Fractions of 1/k make k folds.

    Args:
        counts: Tracks of each group in each genre, shape (groups, genres).
        fractions: One a part, each above 0, adding up to 1.
        rng: Breaks ties and picks the groups.

    Returns:
        The part of each group, shape (groups,).
    """
    weight = np.append(np.ones(counts.shape[1]), np.sqrt(counts.shape[1]))
    share = np.column_stack([counts / counts.sum(axis=0), counts.sum(axis=1) / counts.sum()]) * weight
    fraction = np.asarray(fractions)[:, None]

    def cost(load: np.ndarray, absent: float) -> np.ndarray:
        return (load - fraction * weight) ** 2 / fraction + absent * (load < 1e-9)

    def place(chosen: np.ndarray, load: np.ndarray, absent: float) -> None:
        for group in chosen:
            rise = (cost(load + share[group], absent) - cost(load, absent)).sum(axis=1)
            part[group] = rise.round(9).argmin()  # rounded, so that a tie is a tie on every machine
            load[part[group]] += share[group]

    part = np.zeros(len(counts), dtype=int)
    load = np.zeros((len(fraction), len(weight)))
    shuffled = rng.permutation(len(counts))
    # At first every part lacks every genre: with a price on it the largest artists would go to val and test.
    place(shuffled[np.argsort(-share[shuffled].max(axis=1), kind="stable")], load, absent=0)
    members = [np.flatnonzero(column) for column in counts.T]
    least = cost(load, ABSENT).sum()
    for _ in range(ROUNDS):
        chosen = rng.permutation(members[rng.integers(len(members))])[:REPLACED]
        before, trial = part[chosen], load.copy()
        np.subtract.at(trial, before, share[chosen])
        place(chosen, trial, ABSENT)
        total = cost(trial, ABSENT).sum()
        if total < least + 1e-9:
            least, load = total, trial
        else:
            part[chosen] = before
    return part


def stratify(genre: pd.Series, fractions: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Deal each genre's tracks out at random: floor(fraction * n) to each part, the rest to the last one."""
    part = np.zeros(len(genre), dtype=int)
    for rows in genre.reset_index(drop=True).groupby(genre.to_numpy()).indices.values():
        sizes = np.floor(np.asarray(fractions[:-1]) * len(rows) + 1e-9).astype(int)  # 0.29 * 100 < 29
        for number, chunk in enumerate(np.split(rng.permutation(rows), sizes.cumsum())):
            part[chunk] = number
    return part


def _check(tracks: pd.DataFrame, parts: pd.Series, how: str) -> None:
    if empty := [name for name in PARTS if not (parts == name).any()]:
        instead = {"official": "use data.splits=auto", "stratified": "add tracks"}
        advice = instead.get(how, "use data.splits=stratified or add artists")
        raise GenreError(f"data.splits={how} leaves {' and '.join(empty)} without a track: {advice}")
    if genres := lacking(tracks, parts)["train"]:
        enough = tracks["genre"].value_counts()[genres].max() + 1
        raise GenreError(
            f"data.splits={how} leaves train without a track of {', '.join(genres)}: add them to "
            f"data.exclude_genres={genres} or set data.min_tracks_per_genre={enough}"
        )
