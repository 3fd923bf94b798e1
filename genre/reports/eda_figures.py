"""Figures of a data set."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from genre.reports.theme import color, theme

LARGEST_NAME = 300
"""Height of a name in a word cloud in pixels, for one genre."""
BUCKETS = 1500
"""Points of a waveform plot: each is the range of a bucket of samples."""


@theme()
def word_cloud(counts: pd.Series) -> Figure:
    """Draw the names of genres, sized by their number of tracks."""
    from wordcloud import WordCloud  # loaded only for this figure

    names = list(counts.index)
    cloud = WordCloud(
        width=1400,
        height=700,
        background_color="white",
        font_path=f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf",
        prefer_horizontal=1.0,
        max_font_size=round(LARGEST_NAME * (counts.max() / counts.sum()) ** 0.5),  # equal genres fit in equal size
        margin=8,
        random_state=0,
        color_func=lambda word, **_: color(names.index(word)),
    )
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(cloud.generate_from_frequencies(counts.to_dict()).to_array(), interpolation="bilinear")
    axes.axis("off")
    return figure


@theme()
def histogram(values: pd.Series, label: str) -> Figure:
    """Draw the number of tracks by value, on a logarithmic scale if the numbers differ a lot."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    heights, edges = np.histogram(values, 40 if values.max() > values.min() else 1)
    axes.stairs(heights, edges, fill=True, color=color(0))
    if heights.max() > 50 * heights[heights > 0].min():
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel=label, ylabel="tracks")
    axes.grid(visible=True, axis="y")
    return figure


@theme()
def waveform_plot(samples: np.ndarray, sample_rate: int, title: str) -> Figure:
    """Draw the envelope of a waveform.

    Args:
        samples: Mono waveform, shape (samples,).
        sample_rate: Samples per second.
        title: Title of the figure.
    """
    size = max(1, len(samples) // BUCKETS)
    buckets = samples[: len(samples) // size * size].reshape(-1, size)
    figure = Figure(figsize=(7, 2.4), layout="constrained")
    axes = figure.subplots()
    seconds = np.arange(len(buckets)) * size / sample_rate
    axes.fill_between(seconds, buckets.min(axis=1), buckets.max(axis=1), color=color(0), linewidth=0.3)
    axes.set(xlabel="time in s", ylabel="amplitude", title=title, xlim=(0, len(samples) / sample_rate))
    return figure
