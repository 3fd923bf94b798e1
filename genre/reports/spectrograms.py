"""Pictures of cached spectrograms, with seconds, Hz and dB."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from genre.audio.features import LogMel

TICKS_HZ = (128, 512, 2048, 8192)
COLUMNS_AT_MOST = 700
"""A picture is not wider: a 30 s clip has 1292 frames."""


@dataclass(frozen=True)
class SpectrogramPanel:
    """A track's features, to be drawn.

    Attributes:
        title: Above it.
        values: dB, or coefficients, shape (time, bins).
        saliency: How much each value moved a score, shape (time, bins), drawn below it; None for nothing.
    """

    title: str
    values: np.ndarray
    saliency: np.ndarray | None = None


def denormalize(features: np.ndarray, track: pd.Series) -> np.ndarray:
    """Undo the normalisation: features in [0, 1] -> mel power in dB re 1, by the track's `low` and `high`.

    A full-scale sine is far above 0 dB: the window adds up, as in librosa's power spectrograms.
    """
    return track["low"] + features * (track["high"] - track["low"])


def spectrograms_figure(pictures: list[SpectrogramPanel], features: LogMel, columns: int = 2) -> Figure:
    """Draw spectrograms in a grid; those with a saliency have it below them.

    Args:
        pictures: At least one.
        features: What made them.
        columns: Pictures side by side.

    Returns:
        The figure.
    """
    stacked = any(picture.saliency is not None for picture in pictures)
    rows = -(-len(pictures) // columns)
    height = (3.9 if stacked else 2.3) * rows
    figure = Figure(figsize=(4.6 * columns + 0.4, height + 0.3), layout="constrained")
    grid = figure.subplots(rows * (2 if stacked else 1), columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat:
        axes.set_visible(False)
    low = min(picture.values.min() for picture in pictures)
    high = max(picture.values.max() for picture in pictures)
    shown = None
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        axes = grid[row * (2 if stacked else 1), column]
        shown = _draw(axes, picture.values, features, "magma", low, high)
        axes.set_title(picture.title, fontsize=10)
        if picture.saliency is not None:
            brightest = float(np.quantile(picture.saliency, 0.995))
            _draw(grid[row * 2 + 1, column], picture.saliency, features, "viridis", 0, brightest)
            grid[row * 2 + 1, column].set_title("what the score depends on", fontsize=9)
    for column in range(columns):
        used = [axes for axes in grid[:, column] if axes.get_visible()]
        if used:
            used[-1].set_xlabel("time in s")
            used[-1].tick_params(labelbottom=True)
    for axes in grid[:, 0]:
        axes.set_ylabel("frequency in Hz" if features.mel_frequencies else "coefficient")
    if shown is not None:
        unit = "mel power in dB re 1" if features.mel_frequencies else "value"
        figure.colorbar(shown, ax=grid, label=unit, shrink=min(1.0, 2.2 / height), aspect=14, pad=0.01)
    return figure


def _draw(
    axes: Axes, values: np.ndarray, features: LogMel, colours: str, low: float | None, high: float | None
) -> AxesImage:
    axes.set_visible(True)
    seconds = len(values) * features.hop_length / features.sample_rate
    step = -(-len(values) // COLUMNS_AT_MOST)
    extent = (0.0, seconds, -0.5, values.shape[1] - 0.5)
    image = axes.imshow(
        values[::step].T,
        origin="lower",
        aspect="auto",
        extent=extent,
        cmap=colours,
        vmin=low,
        vmax=high,
        interpolation="nearest",
    )
    centres = np.array(features.mel_frequencies)
    if len(centres):
        ticks = [tick for tick in TICKS_HZ if centres[0] <= tick <= centres[-1]]
        axes.set_yticks(np.interp(ticks, centres, np.arange(len(centres))), [str(tick) for tick in ticks])
    return image
