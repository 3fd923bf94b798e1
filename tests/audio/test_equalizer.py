"""Augmentations of level, pitch and tempo, compared with formulas."""

import numpy as np
import pytest
import torch

from genre.audio.equalizer import Gain, RandomEqualizer, Warp


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_the_equalizer_is_linear_between_its_points_and_constant_in_time():
    change = RandomEqualizer(points=4, db=8.0, range_db=80.0)(torch.zeros(500, 3, 31))
    assert torch.equal(change[:, 0], change[:, 2])
    curve = change[:, 0].double().numpy()
    points = curve[:, [0, 10, 20, 30]]
    expected = np.array([np.interp(np.arange(31), [0, 10, 20, 30], own) for own in points])
    np.testing.assert_allclose(curve, expected, atol=1e-6)
    assert np.abs(points).max() <= 0.1
    assert np.abs(points).max() > 0.099  # 8 of 80 dB
    assert points.mean() == pytest.approx(0, abs=0.01)
    assert np.abs(np.corrcoef(points.T) - np.eye(4)).max() < 0.15


def test_a_gain_is_one_number_per_clip():
    change = Gain(db=4.0, range_db=80.0)(torch.zeros(1000, 3, 5))
    assert (change == change[:, :1, :1]).all()
    assert change.min() >= -0.05
    assert change.max() <= 0.05
    assert change.std().item() == pytest.approx(0.05 / 3**0.5, rel=0.05)


def test_a_warp_moves_bands_and_stretches_time():
    ramp = torch.arange(33.0)[None, :, None] + 100 * torch.arange(9.0)  # value = frame + 100 * band
    warped = Warp(bins=1.5, stretch=0.2)(ramp.repeat(200, 1, 1))
    inner = warped[:, 8:25, 2:7]
    tempo = (inner[:, -1, 0] - inner[:, 0, 0]) / 16  # frames of the clip per frame of the result
    shift = (202 + 14 - inner[:, 6, 0]) / 100  # the center of the clip, frame 16, stays
    center = inner[:, 8, 0]
    torch.testing.assert_close(((center - 16) / 100 - 2).abs() <= 1.5, torch.ones(200, dtype=torch.bool))
    assert (tempo - 1).abs().max() <= 0.2 + 1e-4
    assert tempo.std().item() == pytest.approx(0.2 / 3**0.5, rel=0.15)
    assert shift.abs().max() <= 1.6
    torch.testing.assert_close(inner[:, 8, 1:] - inner[:, 8, :-1], torch.full((200, 4), 100.0), rtol=1e-4, atol=1e-2)


def test_no_change_is_the_identity():
    mel = torch.rand(4, 20, 10)
    torch.testing.assert_close(Warp(bins=0.0, stretch=0.0)(mel), mel, rtol=1e-5, atol=1e-6)
    assert torch.equal(Gain(db=0.0)(mel), mel)
    assert torch.equal(RandomEqualizer(db=0.0)(mel), mel)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomEqualizer(points=1),
        lambda: RandomEqualizer(db=-1.0),
        lambda: Gain(range_db=0.0),
        lambda: Warp(bins=-1.0),
        lambda: Warp(stretch=1.0),
        lambda: Gain(p=1.5),
    ],
)
def test_impossible_values_are_refused(make):
    with pytest.raises(ValueError, match="must be"):
        make()
