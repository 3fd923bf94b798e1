"""Find the tracks that must stay together, and assign such groups to splits."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from genre.errors import GenreError

MISSING_GENRE_COST = 5.0
"""Cost of a genre that is missing in a split: above that of three equal artists, one per split."""
N_ITERATIONS = 2000
GROUPS_PER_ITERATION = 8


def connected_groups(tracks: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Number the groups of tracks that are connected by equal names in any of the columns.

    A compilation connects its artists, an artist connects their albums; a track without a name is a group of its own.

    Args:
        tracks: A track table.
        columns: Columns with names, such as `artist`.

    Returns:
        Group numbers from 0 without gaps, shape (tracks,).

    Raises:
        GenreError: A column has no name at all.
    """
    size = len(tracks)  # nodes of the graph: the tracks, then the names of each column
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
    """Assign groups to splits so that each split gets its fraction of every genre and of all tracks.

    The cost is the squared deviation of the shares divided by the split's fraction; all tracks weigh as much as all
    genres together. Groups are assigned one by one, large ones first, where they cost least. Then each iteration
    removes a few groups of one genre and assigns them again in random order, and is undone if the cost rises.

    Args:
        counts: Tracks per group and genre, shape (groups, genres).
        fractions: One per split, each above 0, with a sum of 1; k times 1/k for k folds.
        rng: Breaks ties and samples the groups.

    Returns:
        The split number of each group, shape (groups,).
    """
    weight = np.append(np.ones(counts.shape[1]), np.sqrt(counts.shape[1]))
    share = np.column_stack([counts / counts.sum(axis=0).clip(min=1), counts.sum(axis=1) / counts.sum()]) * weight
    fraction = np.asarray(fractions)[:, None]

    def cost(load: np.ndarray, missing_cost: float) -> np.ndarray:
        return (load - fraction * weight) ** 2 / fraction + missing_cost * (load < 1e-9)

    def place(groups: np.ndarray, load: np.ndarray, missing_cost: float) -> None:
        for group in groups:
            rise = (cost(load + share[group], missing_cost) - cost(load, missing_cost)).sum(axis=1)
            split[group] = rise.round(9).argmin()  # rounded, so that a tie is a tie on every machine
            load[split[group]] += share[group]

    split = np.zeros(len(counts), dtype=int)
    load = np.zeros((len(fraction), len(weight)))
    shuffled = rng.permutation(len(counts))
    # Every genre is still missing in every split: with a cost for that, the largest artists would go to val and test
    place(shuffled[np.argsort(-share[shuffled].max(axis=1), kind="stable")], load, missing_cost=0)
    members = [np.flatnonzero(column) for column in counts.T]
    lowest = cost(load, MISSING_GENRE_COST).sum()
    for _ in range(N_ITERATIONS):
        groups = rng.permutation(members[rng.integers(len(members))])[:GROUPS_PER_ITERATION]
        before, trial = split[groups], load.copy()
        np.subtract.at(trial, before, share[groups])
        place(groups, trial, MISSING_GENRE_COST)
        total = cost(trial, MISSING_GENRE_COST).sum()
        if total < lowest + 1e-9:
            lowest, load = total, trial
        else:
            split[groups] = before
    return split
