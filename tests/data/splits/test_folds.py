"""Folds keep artists together, depend on the seed, and leave a tenth for validation."""

import pytest

from genre.data.splits import assign_splits
from tests.data.splits.conftest import music

FOLDS = range(5)


@pytest.mark.parametrize("strategy", ["artist", "artist_album"])
def test_no_artist_is_in_two_sets_of_a_fold(strategy: str) -> None:
    tracks = music("emotify", 0)
    for fold in FOLDS:
        parts = assign_splits(tracks, strategy, 7, fold=fold)
        assert (parts.groupby(tracks["artist"]).nunique() == 1).all()
        if strategy == "artist_album":
            assert (parts.groupby(tracks["album"]).nunique() == 1).all()


def test_each_track_is_tested_once_and_a_tenth_of_all_is_for_validation() -> None:
    tracks = music("emotify", 0)
    every = [assign_splits(tracks, "artist", 7, fold=fold) for fold in FOLDS]
    assert (sum((parts == "test").astype(int) for parts in every) == 1).all()
    for parts in every:
        assert (parts == "test").mean() == pytest.approx(0.2, abs=0.02)
        assert (parts == "val").mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("strategy", ["artist", "stratified"])
def test_the_seed_decides_which_tracks_a_fold_tests(strategy: str) -> None:
    tracks = music("emotify", 0)
    tests = {
        seed: {
            frozenset(tracks["track_id"][assign_splits(tracks, strategy, seed, fold=fold) == "test"]) for fold in FOLDS
        }
        for seed in (1, 2)
    }
    assert not tests[1] & tests[2]
