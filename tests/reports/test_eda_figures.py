"""Figures of a data set show what they are given."""

import numpy as np
import pandas as pd
import pytest

from genre.reports.eda_figures import histogram, waveform_plot, word_cloud


def test_a_word_cloud_names_every_genre(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"Genre number {number}" for number in range(15)] + ["Old-Time / Historic"]
    counts = pd.Series([2 ** (15 - number) for number in range(15)] + [6], names)
    image = word_cloud(counts).axes[0].images[0].get_array()
    assert image.shape == (700, 1400, 3)
    assert (image.reshape(-1, 3) != 255).any()


@pytest.mark.parametrize(("values", "bars"), [([10.0] * 5, 1), ([1.0, 2.0, 2.0, 3.0], 40)])
def test_a_histogram_counts_every_track(values: list[float], bars: int) -> None:
    (steps,) = histogram(pd.Series(values), "duration in s").axes[0].patches
    heights, edges, _ = steps.get_data()
    assert len(heights) == bars
    assert heights.sum() == len(values)
    assert edges[0] <= min(values) <= max(values) <= edges[-1]


def test_very_different_counts_are_drawn_on_a_logarithmic_scale() -> None:
    axes = histogram(pd.Series([1.0] * 200 + [2.0]), "x").axes[0]
    assert axes.get_yscale() == "symlog"
    assert histogram(pd.Series([1.0] * 20 + [2.0]), "x").axes[0].get_yscale() == "linear"


def test_a_waveform_keeps_its_peaks_and_its_length() -> None:
    samples = np.zeros(30000)
    samples[17000] = 0.9
    axes = waveform_plot(samples, 10000, "x").axes[0]
    assert axes.get_xlim() == (0, 3)
    vertices = axes.collections[0].get_paths()[0].vertices
    assert vertices[vertices[:, 1].argmax()] == pytest.approx([1.7, 0.9], abs=0.01)
