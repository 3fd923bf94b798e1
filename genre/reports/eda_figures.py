"""Pictures of a collection."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from wordcloud import WordCloud

from genre.reports.theme import color

BUCKETS = 1500
"""A waveform is drawn as the extremes of so many buckets."""


def word_cloud(counts: pd.Series) -> Figure:
    """Draw the genres' names, sized by their tracks."""
    cloud = WordCloud(
        width=1400,
        height=700,
        mode="RGBA",
        background_color=None,
        font_path=f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans-Bold.ttf",
        prefer_horizontal=1.0,
        random_state=0,
        color_func=lambda word, **_: color(list(counts.index).index(word)),
    )
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(cloud.generate_from_frequencies(counts.to_dict()).to_array(), interpolation="bilinear")
    axes.axis("off")
    return figure


def histogram(values: pd.Series, label: str) -> Figure:
    """Draw how many tracks have which value, on a logarithmic scale where they differ much in number."""
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.subplots()
    spread = values.max() - values.min()
    span = (values.min(), values.max()) if spread > 0 else (values.min() - 0.5, values.min() + 0.5)
    heights, edges = np.histogram(values, 40 if spread > 0 else 1, span)
    axes.stairs(heights, edges, fill=True, color=color(0))
    if heights.max() > 50 * heights[heights > 0].min():
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set(xlabel=label, ylabel="tracks")
    axes.grid(visible=True, axis="y")
    return figure


def waveform_plot(samples: np.ndarray, rate: int, title: str) -> Figure:
    """Draw a waveform by its extremes.

    Args:
        samples: Mono, shape (samples,).
        rate: In Hz.
        title: Above it.

    Returns:
        The figure.
    """
    size = max(1, len(samples) // BUCKETS)
    buckets = samples[: len(samples) // size * size].reshape(-1, size)
    figure = Figure(figsize=(8, 2.4), layout="constrained")
    axes = figure.subplots()
    seconds = np.arange(len(buckets)) * size / rate
    axes.fill_between(seconds, buckets.min(axis=1), buckets.max(axis=1), color=color(0), linewidth=0.3)
    axes.set(xlabel="time in s", ylabel="amplitude", title=title, xlim=(0, len(samples) / rate))
    return figure
