"""Which tracks must stay together, and how such groups are dealt out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from genre.errors import GenreError

MISSING_GENRE_COST = 5.0  # cost of a genre's absence from a part: above that of three equal artists, one in each part
N_ITERATIONS = 2000
GROUPS_PER_ITERATION = 8  # groups taken out and put back in one round


def connected_groups(tracks: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
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


def assign_groups(counts: np.ndarray, fractions: Sequence[float], rng: np.random.Generator) -> np.ndarray:
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
    share = np.column_stack([counts / counts.sum(axis=0).clip(min=1), counts.sum(axis=1) / counts.sum()]) * weight
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
    least = cost(load, MISSING_GENRE_COST).sum()
    for _ in range(N_ITERATIONS):
        chosen = rng.permutation(members[rng.integers(len(members))])[:GROUPS_PER_ITERATION]
        before, trial = part[chosen], load.copy()
        np.subtract.at(trial, before, share[chosen])
        place(chosen, trial, MISSING_GENRE_COST)
        total = cost(trial, MISSING_GENRE_COST).sum()
        if total < least + 1e-9:
            least, load = total, trial
        else:
            part[chosen] = before
    return part
