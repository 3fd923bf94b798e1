"""Decode an audio file of any length clip by clip."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from genre.audio.decoding import (
    MIN_DECODED_FRACTION,
    AudioError,
    active_fraction,
    find_source,
    open_source,
    read_frames,
    to_mono,
)


class Excerpt(NamedTuple):
    """A part of a file.

    Attributes:
        start: Its start in the file in seconds.
        samples: Mono waveform, resampled, shape (samples,); without padding.
    """

    start: float
    samples: np.ndarray


def stream_clips(path: Path, sample_rate: int, duration: float) -> Iterator[Excerpt]:
    """Decode a file in consecutive clips, each as `load_clip` would decode it.

    Args:
        path: Audio file in a format that libsndfile reads.
        sample_rate: Sample rate of the result in Hz.
        duration: Duration of a clip in seconds. The last one ends with the file, so it may overlap the one before; it
            is shorter if the file is. A rest of less than a tenth of a clip is left out.

    Yields:
        The clips.

    Raises:
        AudioError: The file is missing, damaged, silent, changes while it is read, or has non-finite samples. What was
            returned before is of no use then.
    """
    if not path.is_file():
        raise AudioError("missing_file", "not a regular file" if path.exists() else "no such file")
    before = path.stat()
    if not before.st_size:
        raise AudioError("undecodable", "the file is empty")
    try:
        yield from _stream(path, sample_rate, duration)
    except (AudioError, OSError, MemoryError):
        raise
    except Exception as error:  # libraries raise anything on damaged files
        detail = getattr(error, "error_string", f"{type(error).__name__}: {error}")
        raise AudioError("undecodable", detail) from error
    after = path.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise AudioError("undecodable", "the file changed while it was read")


def cut_clips(blocks: Iterable[np.ndarray], rate: int, sample_rate: int, duration: float) -> Iterator[Excerpt]:
    """Turn consecutive blocks of a waveform into clips.

    Args:
        blocks: Mono; all but the last are as long as a clip, `round(duration * rate)` samples.
        rate: Their sample rate in Hz.
        sample_rate: Sample rate of the clips in Hz.
        duration: Duration of a clip in seconds, as for `stream_clips`.

    Yields:
        The clips.
    """
    count, end = round(duration * rate), 0
    last = np.zeros(0, np.float32)
    for block in blocks:
        end += len(block)
        if len(block) < count / 10 and end > len(block):
            return
        last = np.concatenate([last, block])[-count:]
        resampled = soxr.resample(last, rate, sample_rate, quality="HQ")
        yield Excerpt((end - len(last)) / rate, resampled[: round(duration * sample_rate)])


def _stream(path: Path, sample_rate: int, duration: float) -> Iterator[Excerpt]:
    source, declared = find_source(path)
    with open_source(source) as file:
        decoded, loud = 0, False

        def blocks() -> Iterator[np.ndarray]:
            nonlocal decoded, loud
            count, damaged = round(duration * file.samplerate), False
            while not damaged:
                try:
                    samples = file.read(count, dtype="float32", always_2d=True)
                except soundfile.LibsndfileError:  # keep what can be decoded before the damage
                    samples, damaged = read_frames(source, decoded, count), True
                if not len(samples):
                    return
                mono = to_mono(samples)
                decoded += len(mono)
                loud = loud or active_fraction(mono, file.samplerate) > 0
                yield mono

        yield from cut_clips(blocks(), file.samplerate, sample_rate, duration)
        if not decoded or decoded < MIN_DECODED_FRACTION * (declared or decoded):
            raise AudioError("truncated", f"only {decoded / file.samplerate:.1f} s could be decoded")
    if not loud:
        raise AudioError("silent", "there is no sound in it")
