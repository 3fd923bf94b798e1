"""Draw the genre probabilities over a track under its spectrogram."""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from genre.audio.features import LogMel
from genre.audio.streaming import stream_clips
from genre.files import atomic_write
from genre.inference.prediction import Classifier, Prediction
from genre.reports.spectrograms import TICKS_HZ
from genre.reports.theme import color, theme, truncate_middle

MAX_COLUMNS = 700
"""Columns of the spectrogram."""
SHOWN = 6
"""Genres with a color of their own; the rest is one."""


def write_timeline(path: Path, audio: Path, prediction: Prediction, classifier: Classifier) -> None:
    """Draw the mel spectrogram of a recording, and below it its genre probabilities over time.

    Args:
        path: Picture to write; its suffix is the format.
        audio: The recording.
        prediction: Its prediction.
        classifier: What predicted it.

    Raises:
        AudioError: The recording cannot be used.
    """
    figure = draw_timeline(audio, prediction, classifier)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=150)


def draw_timeline(audio: Path, prediction: Prediction, classifier: Classifier, narrow: bool = False) -> Figure:
    """Draw the timeline of a recording.

    Args:
        audio: The recording.
        prediction: Its prediction.
        classifier: What predicted it.
        narrow: Whether to draw it for the width of a phone.

    Returns:
        The figure.

    Raises:
        AudioError: The recording cannot be used.
    """
    features = LogMel(classifier.sample_rate, hop_length=1024)
    columns = _columns(audio, prediction.seconds, features, classifier.clip_seconds)
    return timeline_figure(audio.name, columns, prediction, features, narrow)


def _columns(audio: Path, seconds: float, features: LogMel, clip_seconds: float) -> np.ndarray:
    """Mel power in dB of a recording, averaged over time to the width of a figure, shape (columns, mels)."""
    count = min(MAX_COLUMNS, features.n_frames(seconds))
    total, frames = np.zeros((count, features.n_features)), np.zeros(count)
    for clip in stream_clips(audio, features.sample_rate, clip_seconds):
        with torch.inference_mode():
            values = features.decibels(torch.from_numpy(clip.samples)[None])[0].numpy()
        times = clip.start + np.arange(len(values)) * features.hop_length / features.sample_rate
        column = np.minimum((times / seconds * count).astype(int), count - 1)
        np.add.at(total, column, values)
        np.add.at(frames, column, 1)
    return total / np.maximum(frames, 1)[:, None]


@theme()
def timeline_figure(
    title: str, columns: np.ndarray, prediction: Prediction, features: LogMel, narrow: bool = False
) -> Figure:
    """Draw a mel spectrogram, and genre probabilities stacked below it.

    Args:
        title: Title.
        columns: Mel power at equal intervals, shape (columns, mels).
        prediction: The prediction.
        features: Transform that computed it.
        narrow: Whether to draw it for the width of a phone, with the legend below.
    """
    figure = Figure(figsize=(5, 5) if narrow else (9, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    scale = 60.0 if prediction.seconds > 300 else 1.0
    end = prediction.seconds / scale
    extent = (0.0, end, -0.5, columns.shape[1] - 0.5)
    above.imshow(columns.T, extent=extent, origin="lower", aspect="auto", interpolation="nearest", cmap="magma")
    above.set_title(truncate_middle(title, 45 if narrow else 80))
    centers = np.array(features.mel_frequencies)
    ticks = [tick for tick in TICKS_HZ if centers[0] <= tick <= centers[-1]]
    above.set_yticks(np.interp(ticks, centers, np.arange(len(centers))), [str(tick) for tick in ticks])
    above.set_ylabel("frequency in Hz")
    order = np.argsort(-prediction.probabilities, kind="stable")
    shown = order[: SHOWN + 1] if len(order) == SHOWN + 1 else order[:SHOWN]
    edges = np.append(prediction.times, prediction.seconds) / scale
    edges[0] = 0.0
    low = np.zeros(len(prediction.times))
    layers = {prediction.genres[index]: prediction.timeline[:, index] for index in shown}
    if len(shown) < len(order):
        layers["others"] = 1 - np.sum(list(layers.values()), axis=0)
    for number, (genre, shares) in enumerate(layers.items()):
        high = low + shares
        fill = {"color": "#bbbbbb"} if genre == "others" else {"color": color(number)}
        below.fill_between(edges, np.append(low, low[-1]), np.append(high, high[-1]), step="post", label=genre, **fill)
        low = high
    below.set(xlim=(0, end), ylim=(0, 1), ylabel="probability", xlabel="time in min" if scale > 1 else "time in s")
    handles, labels = below.get_legend_handles_labels()
    if narrow:
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    else:
        below.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
