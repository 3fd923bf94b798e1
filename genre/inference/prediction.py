"""Predict the genres of a track from the windows of its clips."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from genre.audio.decoding import AudioError
from genre.audio.streaming import Excerpt


@dataclass(frozen=True)
class Prediction:
    """Genre probabilities of a track.

    Attributes:
        genres: The genres.
        probabilities: Probability of each, shape (genres,).
        seconds: Duration of the track, without a rest that was left out.
        times: Start of each window in seconds, shape (windows,).
        timeline: Probabilities in each window, shape (windows, genres).
    """

    genres: list[str]
    probabilities: np.ndarray
    seconds: float
    times: np.ndarray
    timeline: np.ndarray

    @property
    def genre(self) -> str:
        """The most probable genre."""
        return self.genres[int(self.probabilities.argmax())]

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the most probable genres with their probabilities, best first."""
        order = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.genres[index], float(self.probabilities[index])) for index in order]


class Classifier(Protocol):
    """Classifies clips.

    Attributes:
        genres: The genres.
        sample_rate: Sample rate in Hz.
        clip_seconds: Duration of a clip.
        min_seconds: Duration of the shortest usable clip.
    """

    genres: list[str]
    sample_rate: int
    clip_seconds: float
    min_seconds: float

    def classify(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classify a clip.

        Args:
            waveform: Mono, at most `clip_seconds` long, shape (samples,).

        Returns:
            Start of each window in seconds, shape (windows,); probabilities in it, shape (windows, genres).
        """
        ...


def predict_track(classifier: Classifier, clips: Iterable[Excerpt]) -> Prediction:
    """Classify a track: the mean over its clips of the mean probability over the windows of each.

    Args:
        classifier: Classifies each clip.
        clips: The clips, at least one.

    Returns:
        The prediction.

    Raises:
        AudioError: The track is too short, or `clips` raises it.
    """
    means, times, timeline, seconds = [], [], [], 0.0
    for clip in clips:
        length = len(clip.samples) / classifier.sample_rate
        if length < classifier.min_seconds:
            raise too_short(length, classifier)
        starts, probabilities = classifier.classify(clip.samples)
        means.append(probabilities.mean(axis=0))
        times.append(clip.start + starts)
        timeline.append(probabilities)
        seconds = clip.start + length
    if not means:
        raise too_short(0, classifier)
    order = np.argsort(np.concatenate(times), kind="stable")  # the last two clips may overlap
    starts, windows = np.concatenate(times)[order], np.concatenate(timeline)[order]
    return Prediction(classifier.genres, np.mean(means, axis=0), seconds, starts, windows)


def too_short(seconds: float, classifier: Classifier) -> AudioError:
    """Say how much audio is needed."""
    return AudioError("too_short", f"{seconds:.1f} s of audio; at least {classifier.min_seconds:.1f} s are needed")
