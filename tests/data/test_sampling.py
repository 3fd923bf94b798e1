"""Samplers of windows; tests/data/datamodule tests them in the batches that they make."""

from collections import Counter

import numpy as np

from genre.data.sampling import FixedWindows, RandomWindowSampler, passes_per_epoch


def test_small_training_sets_are_passed_through_until_there_are_enough_batches():
    assert passes_per_epoch(100, None, 32) == 1
    assert passes_per_epoch(100, 40, 32) == 13  # 1,280 windows
    assert passes_per_epoch(1280, 40, 32) == 1
    assert passes_per_epoch(1279, 40, 32) == 2


def test_each_pass_has_every_track_once_with_windows_of_its_own():
    sampler = RandomWindowSampler(np.array([4, 7, 9]), np.array([1000, 1000, 0]), 1000, seed=1, first_frame=5, passes=4)
    windows = list(sampler)
    assert len(windows) == len(sampler) == 12
    assert [{track for track, _ in windows[first : first + 3]} for first in range(0, 12, 3)] == [{4, 7, 9}] * 4
    assert Counter(track for track, _ in windows) == {4: 4, 7: 4, 9: 4}
    assert {start for track, start in windows if track == 9} == {5}  # a clip of one window
    assert len({start for track, start in windows if track == 4}) == 4
    assert all(5 <= start <= 1005 for _, start in windows)


def test_fixed_windows_stay_in_their_order():
    windows = [(3, 0), (1, 8)]
    assert list(FixedWindows(windows)) == list(FixedWindows(windows)) == windows
