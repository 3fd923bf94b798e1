"""Clips against what soundfile, soxr and librosa make of the same file."""

import librosa
import numpy as np
import pytest
import soxr

from genre.audio.decoding import SUFFIXES, load_clip
from tests.audio.conftest import FORMATS, decoded_mono, noise, stored


def test_the_study_s_formats_are_read():
    assert set(SUFFIXES) == {".mp3", ".flac", ".ogg", ".wav", ".au"}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (22050, 1), (48000, 2)])
def test_round_trip(tmp_path, suffix, rate, channels):
    path = stored(tmp_path / f"a.{suffix}", noise(1.3, rate, channels), rate)
    clip = load_clip(path, 22050, 1.0)
    assert (clip.sample_rate, clip.channels) == (rate, channels)
    assert clip.duration == pytest.approx(1.3, abs=1e-9)
    assert clip.decoded_fraction == 1.0
    assert clip.active_fraction == 1.0
    assert clip.samples.shape == (22050,)
    assert clip.samples.dtype == np.float32
    ours = soxr.resample(decoded_mono(path)[:rate], rate, 22050, quality="HQ")
    np.testing.assert_allclose(clip.samples, ours, atol=1e-6)
    librosas, _ = librosa.load(path, sr=22050, mono=True, duration=1.0)
    np.testing.assert_allclose(clip.samples, librosas, atol=1e-6)
    written = soxr.resample(noise(1.3, rate, channels).mean(axis=1)[:rate], rate, 22050)
    assert np.corrcoef(clip.samples, written)[0, 1] > 0.97  # a lossy codec keeps the tone and most of the noise


@pytest.mark.parametrize("suffix", FORMATS)
def test_zero_padding(tmp_path, suffix):
    clip = load_clip(stored(tmp_path / f"a.{suffix}", noise(1.3)), 22050, 2.0)
    assert clip.samples.shape == (44100,)
    assert clip.samples[28660:28665].all()
    assert not clip.samples[28665:].any()  # 1.3 s at 22,050 Hz
    assert clip.duration == pytest.approx(1.3, abs=1e-9)
    assert (clip.decoded_fraction, clip.active_fraction) == (1.0, 1.0)  # of the file's own length, the padding aside


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("start", "first"),
    [(0.0, 0), (0.7, 30870), ("middle", 33075), (1.5, 66150), (1.6, 66150), (100.0, 66150), (-3.0, 0)],
)
def test_start(tmp_path, suffix, start, first):
    path = stored(tmp_path / f"a.{suffix}", noise(2.5))
    clip = load_clip(
        path, 22050, 1.0, start
    )  # of 110,250 frames 44,100: the last start is 66,150, the middle half of it
    expected = soxr.resample(decoded_mono(path)[first : first + 44100], 44100, 22050, quality="HQ")
    np.testing.assert_allclose(clip.samples, expected, atol=1e-6)
    assert clip.decoded_fraction == 1.0


def test_middle_of_a_file_shorter_than_the_clip(tmp_path):
    path = stored(tmp_path / "a.wav", noise(0.5))
    for start in ("middle", 0.2):
        np.testing.assert_array_equal(load_clip(path, 22050, 1.0, start).samples, load_clip(path, 22050, 1.0).samples)


def test_channels_are_averaged(tmp_path):
    sound = noise(1.0, 22050, 1)[:, 0]
    path = stored(tmp_path / "a.wav", np.stack([sound, -sound, 2 * sound], axis=1), 22050, "FLOAT")
    clip = load_clip(path, 22050, 1.0)
    assert clip.channels == 3
    np.testing.assert_allclose(clip.samples, 2 / 3 * sound, atol=1e-6)


def test_clip_is_cut_before_it_is_resampled(tmp_path):
    path = stored(tmp_path / "a.wav", noise(2.0), subtype="FLOAT")
    clip = load_clip(path, 22050, 1.0)
    resampled_first = soxr.resample(decoded_mono(path), 44100, 22050, quality="HQ")[:22050]
    assert np.abs(clip.samples - resampled_first).max() > 1e-3  # only at the end, where the filter sees what follows
    np.testing.assert_allclose(clip.samples[:20000], resampled_first[:20000], atol=1e-5)


def test_rate_of_the_result(tmp_path):
    path = stored(tmp_path / "a.wav", noise(1.0, 8000, 1), 8000, "FLOAT")
    np.testing.assert_array_equal(load_clip(path, 8000, 1.0).samples, decoded_mono(path).astype(np.float32))
    assert load_clip(path, 16000, 0.5).samples.shape == (8000,)
