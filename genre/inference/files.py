"""Predict the genres of many files, decoding the next ones in the meantime."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from genre.audio.decoding import SUFFIXES, AudioError
from genre.audio.streaming import Excerpt, stream_clips
from genre.errors import GenreError
from genre.inference.prediction import Classifier, Prediction, predict_track
from genre.progress import progress_bar

CLIPS_AHEAD = 4
"""Clips that are decoded before they are needed."""
Event = Excerpt | AudioError | None
"""A clip of a file, the reason why the file cannot be used, or None at its end."""


def find_audio(paths: Iterable[Path]) -> list[Path]:
    """List audio files.

    Args:
        paths: Files, which are kept whatever their names are, and folders, which are searched recursively.

    Returns:
        The files, those of a folder in alphabetical order.

    Raises:
        GenreError: A folder contains no audio file.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not files:
            raise GenreError(f"{path} contains no audio file: the formats are {', '.join(SUFFIXES)}")
        found += files
    return found


def predict_files(classifier: Classifier, paths: Iterable[Path]) -> Iterator[tuple[Path, Prediction | AudioError]]:
    """Predict the genres of files, in order.

    Args:
        classifier: Classifies clips.
        paths: Audio files.

    Yields:
        Each file, and its prediction or the reason why there is none.
    """
    events: queue.Queue[Event] = queue.Queue(CLIPS_AHEAD)
    paths = list(paths)
    arguments = (events, paths, classifier.sample_rate, classifier.clip_seconds)
    threading.Thread(target=_decode, args=arguments, daemon=True).start()
    for path in paths:
        clips = _clips(events)
        try:
            result: Prediction | AudioError = predict_track(classifier, clips)
        except AudioError as error:
            result = error
            with suppress(AudioError):
                for _ in clips:  # what is left of this file
                    pass
        yield path, result


def predict_all(classifier: Classifier, paths: list[Path]) -> dict[Path, Prediction | AudioError]:
    """Predict the genres of files behind a progress bar, which is shown from the second file on."""
    results: dict[Path, Prediction | AudioError] = {}
    with progress_bar("predicting", "files", shown=len(paths) > 1, stderr=True) as bar:
        task = bar.add_task("", total=len(paths))
        for path, result in predict_files(classifier, paths):
            results[path] = result
            bar.advance(task)
    return results


def _clips(events: queue.Queue[Event]) -> Iterator[Excerpt]:
    """Clips of the next file."""
    while (content := events.get()) is not None:
        if isinstance(content, AudioError):
            raise content
        yield content


def _decode(events: queue.Queue[Event], paths: list[Path], sample_rate: int, clip_seconds: float) -> None:
    for path in paths:
        try:
            for clip in stream_clips(path, sample_rate, clip_seconds):
                events.put(clip)
            events.put(None)
        except AudioError as error:
            events.put(error)
        except OSError as error:
            events.put(AudioError("unreadable", error.strerror or str(error)))
        except MemoryError:
            events.put(AudioError("unreadable", "not enough memory"))
