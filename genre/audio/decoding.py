"""Decode an audio file to a mono waveform of a given sample rate and duration, or reject it with a reason."""

import hashlib
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from genre.audio.headers import declared_frames, is_truncated_ogg
from genre.audio.mpeg import Mp3

SUFFIXES = (".mp3", ".flac", ".ogg", ".wav", ".au")
MIN_DECODED_FRACTION = 0.9
"""A file that decodes to a smaller fraction of what its header declares is truncated."""
SILENCE_DB = -60.0
"""A block of 50 ms below this level (dB relative to full scale) is silent."""
MAX_AMPLITUDE = 1e6
"""Larger samples are out of range (full scale is 1): their power may overflow float32."""


class AudioError(Exception):
    """An audio file that cannot be used.

    Args:
        reason: Rejection code, such as `undecodable`.
        detail: Explanation for the user.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Clip:
    """A decoded clip and the properties of its file.

    Attributes:
        samples: Mono waveform, resampled and zero-padded as requested, shape (samples,).
        sample_rate: Sample rate of the file in Hz.
        channels: Number of channels of the file.
        duration: Duration that the file's header declares, in seconds.
        decoded_fraction: Fraction of the declared audio that could be decoded.
        active_fraction: Fraction of the clip's 50 ms blocks that are louder than `SILENCE_DB`.
        audio_digest: Hash of the decoded samples before mixing and resampling.
    """

    samples: np.ndarray
    sample_rate: int
    channels: int
    duration: float
    decoded_fraction: float
    active_fraction: float
    audio_digest: str


def load_clip(path: Path, sample_rate: int, duration: float, offset: float | str = 0.0) -> Clip:
    """Decode a clip, average its channels, resample it (soxr HQ) and zero-pad it.

    Args:
        path: Audio file in a format that libsndfile reads.
        sample_rate: Sample rate of the result in Hz.
        duration: Duration of the result in seconds.
        offset: Start of the clip in seconds, or `middle`. A clip that would exceed the end of the file starts earlier.

    Returns:
        The clip.

    Raises:
        AudioError: The file is missing, cannot be decoded or contains non-finite samples.
    """
    if not path.is_file():
        raise AudioError("missing_file", "not a regular file" if path.exists() else "no such file")
    if not path.stat().st_size:
        raise AudioError("undecodable", "the file is empty")
    try:
        return _load(path, sample_rate, duration, offset)
    except (AudioError, OSError, MemoryError):
        raise
    except Exception as error:  # libraries raise anything on damaged files; one file must not stop an extraction
        detail = getattr(error, "error_string", f"{type(error).__name__}: {error}")
        raise AudioError("undecodable", detail) from error


def suppress_decoder_output() -> None:
    """Redirect file descriptor 2 of a worker process to the null device: libmpg123 writes its warnings there."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


@contextmanager
def decoder_output_suppressed() -> Iterator[None]:
    """Suppress libmpg123's warnings, but not what this process writes to `sys.stderr`, for a while."""
    try:
        shared = sys.stderr.fileno() == 2
    except (OSError, ValueError):  # redirected to memory
        shared = False
    if not shared:
        yield
        return
    kept, stderr = os.dup(2), sys.stderr
    stderr.flush()
    with os.fdopen(kept, "w", buffering=1) as copy:
        sys.stderr = copy
        suppress_decoder_output()
        try:
            yield
        finally:
            sys.stderr = stderr
            os.dup2(kept, 2)


def _load(path: Path, sample_rate: int, duration: float, offset: float | str) -> Clip:
    source, declared = find_source(path)
    with open_source(source) as file:
        rate, channels, requested = file.samplerate, file.channels, round(duration * file.samplerate)
        first = 0 if offset == "middle" else round(float(offset) * rate)
        if declared is not None:
            last = declared - requested
            first = max(0, last // 2 if offset == "middle" else min(first, last))
        samples = read_frames(source, first, requested)
        if declared is None:
            declared = first + len(samples)
        decoded = len(samples) / max(1, min(requested, declared - first))
        truncated = first + requested < declared and not _can_read(file, int(0.9 * declared))
    if truncated or is_truncated_ogg(path):
        decoded = 0.0  # audio is missing behind the clip, or at an unknown position
    if not len(samples):
        raise AudioError("undecodable", "no audio could be decoded")
    mono = to_mono(samples)
    length = round(duration * sample_rate)
    resampled = soxr.resample(mono, rate, sample_rate, quality="HQ")[:length]
    return Clip(
        samples=np.pad(resampled, (0, length - len(resampled))),
        sample_rate=rate,
        channels=channels,
        duration=declared / rate,
        decoded_fraction=decoded,
        active_fraction=active_fraction(mono, rate),
        audio_digest=hashlib.blake2b(b"%d,%d:" % (rate, channels) + samples.tobytes(), digest_size=16).hexdigest(),
    )


def to_mono(samples: np.ndarray) -> np.ndarray:
    """Average channels, shape (frames, channels) -> (frames,).

    Raises:
        AudioError: Samples are non-finite or out of range.
    """
    if not (np.abs(samples) < MAX_AMPLITUDE).all():
        raise AudioError("not_finite", "samples are NaN, infinite or out of range")
    channels = samples.shape[1]
    return samples @ np.full(channels, 1 / channels, dtype=np.float32)  # 40 times faster than mean(axis=1)


def find_source(path: Path) -> tuple[Path | bytes, int | None]:
    """Return what libsndfile should open and the number of frames that its header declares, None if unknown.

    An MP3 file that libsndfile would not read to its end is replaced by a copy with a header that it understands.
    """
    with path.open("rb") as file:
        header = file.read(24)
    if path.suffix.lower() == ".au" and not (header.startswith(b".snd") and len(header) == 24):
        # libsndfile would decode any bytes in such a file as mu-law telephone audio
        raise AudioError("undecodable", "the AU header is missing")
    try:
        file = open_source(path)
    except soundfile.LibsndfileError as error:  # its own message says that the file does not exist
        raise AudioError("undecodable", "libsndfile does not recognize the format") from error
    with file:
        reported, container = file.frames, file.format
    mp3 = Mp3.read(path) if container == "MP3" else None
    if mp3 is None:
        return path, declared_frames(path, reported)
    declared = mp3.declared_samples(reported)
    if declared <= reported:
        return path, declared
    copy = mp3.with_header(declared)
    with open_source(copy) as file:
        return copy, file.frames


def open_source(source: Path | bytes) -> soundfile.SoundFile:
    """Open a file, or its content, with libsndfile."""
    return soundfile.SoundFile(io.BytesIO(source) if isinstance(source, bytes) else source)


def read_frames(source: Path | bytes, first: int, count: int) -> np.ndarray:
    """Decode up to `count` frames, fewer where the stream is damaged; shape (frames, channels)."""
    with open_source(source) as file:
        file.seek(first)
        try:
            return file.read(count, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            pass
    with open_source(source) as file:  # a file object cannot be used after a failed read
        blocks = [np.zeros((0, file.channels), np.float32)]
        try:
            file.seek(first)
            while count > 0 and len(block := file.read(min(count, 256), dtype="float32", always_2d=True)):
                blocks.append(block)
                count -= len(block)
        except soundfile.LibsndfileError as error:
            if len(blocks) == 1:
                raise AudioError("undecodable", error.error_string) from error
        return np.concatenate(blocks)


def _can_read(file: soundfile.SoundFile, frame: int) -> bool:
    try:
        file.seek(frame)
        return len(file.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def active_fraction(mono: np.ndarray, rate: int) -> float:
    """Return the fraction of the 50 ms blocks of a waveform that are louder than `SILENCE_DB`."""
    size = min(len(mono), max(1, rate // 20))
    blocks = mono[: len(mono) // size * size].reshape(-1, size)
    power = np.einsum("ij,ij->i", blocks, blocks) / size
    return float(np.mean(power > 10 ** (SILENCE_DB / 10)))
