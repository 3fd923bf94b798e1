"""Figures of spectrograms: values in dB, axes in seconds and Hz."""

import numpy as np
import pandas as pd
import pytest
import torch

from genre.audio.features import LogMel
from genre.reports.spectrograms import (
    MAX_COLUMNS,
    SMOOTHED_SECONDS,
    SpectrogramPanel,
    denormalize,
    smooth_saliency,
    spectrograms_figure,
)
from tests.conftest import sound

FEATURES = LogMel(n_mels=16)


def panels(count: int, saliency: bool = False) -> list[SpectrogramPanel]:
    random = np.random.default_rng(0)
    maps = [random.random((87, 16)) if saliency else None for _ in range(count)]
    return [
        SpectrogramPanel(f"track {number}", random.normal(0, 20, (87, 16)), maps[number]) for number in range(count)
    ]


def test_denormalized_features_are_the_mel_power_in_decibels() -> None:
    track = pd.Series({"low": -60.0, "high": 20.0})
    assert denormalize(np.array([0.0, 0.25, 1.0]), track).tolist() == [-60, -40, 20]


def test_axes_are_in_seconds_and_hertz() -> None:
    figure = spectrograms_figure(panels(1), FEATURES, columns=1)
    axes, bar = figure.axes
    assert axes.images[0].get_extent()[1] == pytest.approx(87 * 512 / 22050)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time in s", "frequency in Hz")
    assert bar.get_ylabel() == "mel power in dB re 1"
    centers = np.array(FEATURES.mel_frequencies)
    for position, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
        assert np.interp(position, np.arange(16), centers) == pytest.approx(float(label.get_text()), rel=1e-6)


def test_panels_share_one_scale_and_empty_cells_are_hidden() -> None:
    given = panels(3)
    figure = spectrograms_figure(given, FEATURES, columns=4)
    shown = [axes for axes in figure.axes[:4] if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["track 0", "track 1", "track 2"]
    limits = min(panel.values.min() for panel in given), max(panel.values.max() for panel in given)
    assert {axes.images[0].get_clim() for axes in shown} == {limits}


def test_a_saliency_map_is_below_its_spectrogram() -> None:
    given = panels(2, saliency=True)
    axes = spectrograms_figure(given, FEATURES, columns=2).axes
    grid = np.array(axes[:4]).reshape(2, 2)
    smooth = smooth_saliency(given[1].saliency, FEATURES)
    assert np.allclose(np.asarray(grid[1, 1].images[0].get_array()), smooth.T / np.quantile(smooth, 0.995))
    assert grid[1, 1].images[0].get_clim() == (0, 1)
    assert [bar.get_ylabel() for bar in axes[4:]] == ["mel power in dB re 1", "saliency"]


def test_a_single_value_of_a_saliency_map_is_spread_over_time_and_bands() -> None:
    point = np.zeros((201, 16))
    point[100, 8] = 1.0
    smooth = smooth_saliency(point, FEATURES)
    seconds = (np.arange(201) - 100) * 512 / 22050
    assert smooth.sum() == pytest.approx(1.0)
    assert np.sqrt(smooth.sum(axis=1) @ seconds**2) == pytest.approx(SMOOTHED_SECONDS, rel=0.01)
    assert smooth[:, 8].sum() > 0.95  # a sixty-fourth of 16 bands is a quarter of a band


def test_long_clips_are_thinned_out_and_keep_their_length() -> None:
    panel = SpectrogramPanel("long", np.zeros((1292, 16)))
    axes = spectrograms_figure([panel], FEATURES).axes[0]
    assert axes.images[0].get_array().shape[1] <= MAX_COLUMNS
    assert axes.images[0].get_extent()[1] == pytest.approx(1292 * 512 / 22050)


def test_features_of_a_tone_are_brightest_at_its_frequency() -> None:
    values = FEATURES(torch.from_numpy(sound(0, pitch=1000.0).T))[0].numpy()
    axes = spectrograms_figure([SpectrogramPanel("tone", values)], FEATURES, columns=1).axes[0]
    row = int(np.asarray(axes.images[0].get_array()).mean(axis=1).argmax())
    assert abs(FEATURES.mel_frequencies[row] - 1000) < 300
