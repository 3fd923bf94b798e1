"""Recordings of any length, clip by clip."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from genre.audio.decoding import AudioError, load_clip
from genre.audio.streaming import cut_clips, stream_clips
from tests.conftest import sound, write_sound

RATE = 22050


def noise(seconds: float, rate: int = RATE, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (round(seconds * rate), channels)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


def test_each_clip_is_decoded_as_in_training(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(7, 44100, 2), 44100)
    clips = list(stream_clips(path, RATE, 2.0))
    assert [clip.start for clip in clips] == [0, 2, 4, 5]  # the last one ends with the file
    for clip in clips:
        np.testing.assert_array_equal(clip.samples, load_clip(path, RATE, 2.0, clip.start).samples)


def test_an_mp3_is_decoded_as_in_training(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    write_sound(path, sound(3, seconds=2.5, rate=RATE))
    first, *_ = stream_clips(path, RATE, 1.0)
    np.testing.assert_allclose(first.samples, load_clip(path, RATE, 1.0).samples, atol=1e-6)


def test_a_short_file_is_not_padded(tmp_path: Path) -> None:
    (clip,) = stream_clips(write(tmp_path / "a.wav", noise(1.5)), RATE, 2.0)
    assert clip.start == 0
    np.testing.assert_allclose(clip.samples, noise(1.5)[:, 0])


@pytest.mark.parametrize(("seconds", "starts"), [(4.19, [0, 2]), (4.21, [0, 2, 2.21])])
def test_a_rest_of_less_than_a_tenth_is_left_out(tmp_path: Path, seconds: float, starts: list[float]) -> None:
    clips = stream_clips(write(tmp_path / "a.wav", noise(seconds)), RATE, 2.0)
    assert [clip.start for clip in clips] == pytest.approx(starts, abs=1e-4)


def test_channels_are_averaged_and_rates_converted(tmp_path: Path) -> None:
    samples = noise(1.0, 192000, 8)
    (clip,) = stream_clips(write(tmp_path / "a.wav", samples, 192000), RATE, 2.0)
    expected = soxr.resample(samples.mean(axis=1), 192000, RATE, quality="HQ")
    np.testing.assert_allclose(clip.samples, expected, atol=1e-5)


def test_blocks_of_a_waveform_are_cut_as_a_file(tmp_path: Path) -> None:
    samples = noise(5.5)[:, 0]
    blocks = (samples[first : first + 2 * RATE] for first in range(0, len(samples), 2 * RATE))
    cut = list(cut_clips(blocks, RATE, RATE, 2.0))
    streamed = list(stream_clips(write(tmp_path / "a.wav", samples), RATE, 2.0))
    assert [clip.start for clip in cut] == [clip.start for clip in streamed]
    for one, other in zip(cut, streamed, strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)


def with_nan(samples: np.ndarray) -> np.ndarray:
    samples[-5] = np.nan
    return samples


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path, "missing_file"),
        (lambda path: path.write_bytes(b""), "undecodable"),
        (lambda path: path.write_bytes(b"no audio" * 100), "undecodable"),
        (lambda path: write(path, with_nan(noise(3))), "not_finite"),
        (lambda path: write(path, np.zeros((3 * RATE, 1))), "silent"),
        (lambda path: os.truncate(write(path, noise(5)), 2 * 4 * RATE), "truncated"),
    ],
)
def test_an_unusable_file_has_a_reason(tmp_path: Path, make: object, reason: str) -> None:
    path = tmp_path / "a.wav"
    make(path)
    with pytest.raises(AudioError) as caught:
        list(stream_clips(path, RATE, 2.0))
    assert caught.value.reason == reason


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", noise(5))
    clips = stream_clips(path, RATE, 2.0)
    next(clips)
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(AudioError, match="the file changed while it was read"):
        list(clips)
