"""Figures of spectrograms, with axes in seconds and Hz."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from scipy.ndimage import gaussian_filter

from genre.audio.features import FeatureExtractor
from genre.reports.theme import theme

TICKS_HZ = (128, 512, 2048, 8192)
MAX_COLUMNS = 400
"""Frames drawn per clip, one for each pixel of a panel; a clip of 30 s has 646 or 1292."""
MAX_COLORS = 64
SMOOTHED_SECONDS, SMOOTHED_PART = 0.15, 1 / 64
"""Standard deviations of the smoothing of a saliency map over time, and over features as a part of their number."""


@dataclass(frozen=True)
class SpectrogramPanel:
    """One spectrogram of a figure.

    Attributes:
        title: Title of the panel.
        values: Mel power in dB, or coefficients, shape (time, features).
        saliency: Saliency map to draw below it, shape (time, features); None for no map.
    """

    title: str
    values: np.ndarray
    saliency: np.ndarray | None = None


def denormalize(features: np.ndarray, track: pd.Series) -> np.ndarray:
    """Convert features in [0, 1] to mel power in dB re 1, with the track's `low` and `high`.

    A full-scale sine is far above 0 dB because the window adds up, as in librosa's power spectrograms.
    """
    return track["low"] + features * (track["high"] - track["low"])


def smooth_saliency(saliency: np.ndarray, features: FeatureExtractor) -> np.ndarray:
    """Smooth a saliency map, shape (time, features): single values of a gradient are too noisy to be read."""
    frames = SMOOTHED_SECONDS * features.sample_rate / features.hop_length
    return gaussian_filter(saliency, (frames, SMOOTHED_PART * saliency.shape[1]))


@theme()
def spectrograms_figure(panels: list[SpectrogramPanel], features: FeatureExtractor, columns: int = 1) -> Figure:
    """Draw spectrograms side by side, with their saliency maps below them.

    Args:
        panels: The spectrograms, at least one; all or none have a saliency map.
        features: Transform that computed them.
        columns: Width of the figure in spectrograms, if they are fewer.
    """
    columns = max(columns, len(panels))
    rows = 1 if panels[0].saliency is None else 2
    figure = Figure(figsize=(min(4.8 * columns, 7.5), 0.6 + 1.8 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    limits = min(panel.values.min() for panel in panels), max(panel.values.max() for panel in panels)
    unit, axis = ("mel power in dB re 1", "frequency in Hz") if features.mel_frequencies else ("value", "coefficient")
    images: dict[str, AxesImage] = {}
    for panel, column in zip(panels, grid.T, strict=False):
        images[unit] = _draw(column[0], panel.values, features, "magma", limits)
        column[0].set_title(panel.title, fontsize=10)
        if panel.saliency is not None:
            smooth = smooth_saliency(panel.saliency, features)
            strongest = max(float(np.quantile(smooth, 0.995)), 1e-30)
            images["saliency"] = _draw(column[1], smooth / strongest, features, "viridis", (0, 1))
        column[-1].set_xlabel("time in s")
    for axes in grid.T[len(panels) :].flat:
        axes.set_visible(False)
    for row, (label, image) in zip(grid, images.items(), strict=True):
        row[0].set_ylabel(axis)
        bar = figure.colorbar(image, ax=row, label=label, aspect=14, pad=0.01)
        assert bar.solids is not None
        bar.solids.set_rasterized(True)
    return figure


def _draw(
    axes: Axes, values: np.ndarray, features: FeatureExtractor, cmap: str, limits: tuple[float, float]
) -> AxesImage:
    extent = (0.0, len(values) * features.hop_length / features.sample_rate, -0.5, values.shape[1] - 0.5)
    step = -(-len(values) // MAX_COLUMNS)
    style: dict[str, Any] = {"origin": "lower", "aspect": "auto", "interpolation": "none"}
    style["cmap"] = colormaps[cmap].resampled(MAX_COLORS)  # few colors keep the page small
    image = axes.imshow(values[::step].T, extent=extent, vmin=limits[0], vmax=limits[1], **style)
    centers = np.array(features.mel_frequencies)
    if len(centers):
        ticks = [tick for tick in TICKS_HZ if centers[0] <= tick <= centers[-1]]
        axes.set_yticks(np.interp(ticks, centers, np.arange(len(centers))), [str(tick) for tick in ticks])
    return image
