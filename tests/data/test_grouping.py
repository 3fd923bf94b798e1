"""Groups of connected tracks, and their assignment to splits."""

import itertools

import numpy as np
import pandas as pd
import pytest

from genre.data.grouping import assign_groups, connected_groups
from tests.data.splits.conftest import music, table


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.1), (0.5, 0.25, 0.25)])
@pytest.mark.parametrize("seed", range(4))
def test_assignment_is_as_good_as_the_best_of_all(fractions, seed):
    counts = np.random.default_rng(seed).integers([1, 0], 9, size=(7, 2))

    def cost(part) -> float:
        total = 0.0
        for number, fraction in enumerate(fractions):
            load = counts[np.array(part) == number].sum(axis=0)
            total += 5 * np.sum(load == 0) + 5 * (load.sum() == 0)
            total += np.sum((load / counts.sum(axis=0) - fraction) ** 2) / fraction
            total += 2 * (load.sum() / counts.sum() - fraction) ** 2 / fraction
        return total

    best = min(cost(part) for part in itertools.product(range(3), repeat=7))
    assert cost(assign_groups(counts, fractions, np.random.default_rng(seed))) == pytest.approx(best)


def test_equal_fractions_make_folds():
    tracks = music("emotify", 1)
    group = connected_groups(tracks, ["artist"])
    counts = pd.crosstab(group, tracks["genre"]).to_numpy()
    fold = assign_groups(counts, [0.2] * 5, np.random.default_rng(0))
    load = np.array([counts[fold == number].sum(axis=0) for number in range(5)])
    assert np.abs(load - 14).max() <= 2


def test_albums_connect_artists():
    names = [
        ("ann", "solo"),
        ("ann", "sampler"),
        ("bob", "sampler"),
        ("bob", "live"),
        ("cid", "live"),
        ("dot", "else"),
        ("eve", None),
        ("eve", "eve's"),
        (None, "else"),
        (None, None),
        (None, None),
        ("live", "own"),  # an artist of an album's name has nothing to do with it
    ]
    tracks = table(["Rock"] * len(names), *([*column] for column in zip(*names, strict=True)))
    assert connected_groups(tracks, ["artist", "album"]).tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 1, 3, 4, 5]
    assert connected_groups(tracks, ["artist"]).tolist() == [0, 0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 8]
