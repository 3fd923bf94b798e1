"""Decoding compared with soundfile, soxr and librosa; rejection of damaged files; silence and digests."""

import os
import subprocess
import sys

import librosa
import numpy as np
import pytest
import soxr

from genre.audio.decoding import SILENCE_DB, SUFFIXES, AudioError, load_clip
from tests.audio.conftest import FORMATS, NOT_AUDIO, NOT_AUDIO_NAMES, cut_off, decoded_mono, noise, rejection, stored


def test_supported_suffixes():
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
    assert (clip.decoded_fraction, clip.active_fraction) == (1.0, 1.0)  # relative to the file, without padding


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("start", "first"),
    [(0.0, 0), (0.7, 30870), ("middle", 33075), (1.5, 66150), (1.6, 66150), (100.0, 66150), (-3.0, 0)],
)
def test_offset(tmp_path, suffix, start, first):
    path = stored(tmp_path / f"a.{suffix}", noise(2.5))
    clip = load_clip(path, 22050, 1.0, start)  # the last start is 110,250 - 44,100 frames, the middle half of it
    expected = soxr.resample(decoded_mono(path)[first : first + 44100], 44100, 22050, quality="HQ")
    np.testing.assert_allclose(clip.samples, expected, atol=1e-6)
    assert clip.decoded_fraction == 1.0


def test_the_middle_of_a_file_shorter_than_the_clip_is_its_start(tmp_path):
    path = stored(tmp_path / "a.wav", noise(0.5))
    for start in ("middle", 0.2):
        np.testing.assert_array_equal(load_clip(path, 22050, 1.0, start).samples, load_clip(path, 22050, 1.0).samples)


def test_channels_are_averaged(tmp_path):
    sound = noise(1.0, 22050, 1)[:, 0]
    path = stored(tmp_path / "a.wav", np.stack([sound, -sound, 2 * sound], axis=1), 22050, "FLOAT")
    clip = load_clip(path, 22050, 1.0)
    assert clip.channels == 3
    np.testing.assert_allclose(clip.samples, 2 / 3 * sound, atol=1e-6)


def test_the_clip_is_cut_before_resampling(tmp_path):
    path = stored(tmp_path / "a.wav", noise(2.0), subtype="FLOAT")
    clip = load_clip(path, 22050, 1.0)
    resampled_first = soxr.resample(decoded_mono(path), 44100, 22050, quality="HQ")[:22050]
    assert (
        np.abs(clip.samples - resampled_first).max() > 1e-3
    )  # only at the end, where the filter sees the following samples
    np.testing.assert_allclose(clip.samples[:20000], resampled_first[:20000], atol=1e-5)


def test_sample_rate_of_the_result(tmp_path):
    path = stored(tmp_path / "a.wav", noise(1.0, 8000, 1), 8000, "FLOAT")
    np.testing.assert_array_equal(load_clip(path, 8000, 1.0).samples, decoded_mono(path).astype(np.float32))
    assert load_clip(path, 16000, 0.5).samples.shape == (8000,)


def test_missing_files_pipes_and_devices_are_rejected(tmp_path):
    assert rejection(tmp_path / "none.mp3") == "missing_file"
    assert rejection(tmp_path) == "missing_file"
    os.mkfifo(tmp_path / "pipe.wav")  # opening it would wait for a writer
    (tmp_path / "endless.wav").symlink_to("/dev/zero")
    for name in ("pipe.wav", "endless.wav"):
        with pytest.raises(AudioError, match="not a regular file"):
            load_clip(tmp_path / name, 22050, 1.0)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "wav"])
@pytest.mark.parametrize("content", NOT_AUDIO, ids=NOT_AUDIO_NAMES)
def test_other_content_is_rejected(tmp_path, suffix, content):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    assert rejection(path) == "undecodable"


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_empty_file_is_reported_as_empty(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.touch()
    with pytest.raises(AudioError, match="empty") as caught:
        load_clip(path, 22050, 1.0)
    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize("suffix", ["wav", "au", "ogg"])
def test_a_header_without_audio_is_rejected(tmp_path, suffix):
    assert rejection(stored(tmp_path / f"a.{suffix}", noise(0.0))) == "undecodable"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_samples_are_rejected(tmp_path, value):
    samples = noise(2.0)
    samples[50000, 1] = value
    path = stored(tmp_path / "a.wav", samples, subtype="FLOAT")
    assert rejection(path, 2.0) == "not_finite"
    assert load_clip(path, 22050, 1.0).decoded_fraction == 1.0  # the sample is after this clip


def test_samples_whose_power_is_not_finite_are_rejected(tmp_path):
    samples = noise(1.0)
    samples[1000] = 1e30
    assert rejection(stored(tmp_path / "a.wav", samples, subtype="FLOAT")) == "not_finite"


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("start", [0.0, 1.0])
def test_a_file_truncated_within_the_clip(tmp_path, six_seconds, suffix, share, start):
    whole = six_seconds[suffix]
    seconds = 6.0 - start
    clip = load_clip(cut_off(whole, tmp_path, share), 22050, seconds, start)
    promised = (6 * share - start) / seconds
    assert promised - 0.04 < clip.decoded_fraction < min(0.9, promised + 0.01)
    assert clip.duration == pytest.approx(6.0)
    kept = int(clip.decoded_fraction * seconds * 22050) - 500  # the resampler sees the end of the audio there
    unbroken = load_clip(whole, 22050, seconds, start)
    np.testing.assert_allclose(clip.samples[:kept], unbroken.samples[:kept], atol=1e-5)
    assert not clip.samples[kept + 1000 :].any()


AU_SUBTYPES = ["PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [("au", subtype) for subtype in AU_SUBTYPES]
    + [("wav", subtype) for subtype in ("PCM_U8", *AU_SUBTYPES[1:])]
    + [("flac", "PCM_24")],
)
def test_a_truncated_file_of_another_encoding(tmp_path, suffix, subtype):
    whole = stored(tmp_path / f"a.{suffix}", noise(2.0), subtype=subtype)
    assert load_clip(whole, 22050, 2.0).decoded_fraction == 1.0
    assert load_clip(whole, 22050, 2.0).duration == pytest.approx(2.0)
    clip = load_clip(cut_off(whole, tmp_path, 0.5), 22050, 2.0 if suffix != "flac" else 0.2)
    assert clip.decoded_fraction == (pytest.approx(0.5, abs=0.001) if suffix != "flac" else 0.0)
    assert clip.duration == pytest.approx(2.0)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
@pytest.mark.parametrize(("share", "start"), [(0.5, 0.0), (0.8, 0.0), (0.8, 1.0), (0.8, "middle")])
def test_a_file_truncated_after_the_clip(tmp_path, six_seconds, suffix, share, start):
    assert load_clip(six_seconds[suffix], 22050, 1.0, start).decoded_fraction == 1.0
    assert load_clip(cut_off(six_seconds[suffix], tmp_path, share), 22050, 1.0, start).decoded_fraction < 0.9


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
def test_a_clip_that_starts_after_the_truncation(tmp_path, six_seconds, suffix):
    short = cut_off(six_seconds[suffix], tmp_path, 0.5)
    assert rejection(short, start=4.5) == "undecodable"


@pytest.mark.parametrize("suffix", ["mp3", "wav", "au"])
def test_a_few_missing_frames_at_the_end_are_accepted(tmp_path, six_seconds, suffix):
    short = cut_off(six_seconds[suffix], tmp_path, 0.97)
    assert load_clip(short, 22050, 1.0).decoded_fraction == 1.0
    assert 0.9 < load_clip(short, 22050, 6.0).decoded_fraction < 1.0


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("seconds", [1.0, 6.0])
def test_an_ogg_file_without_its_last_page_is_truncated(tmp_path, six_seconds, share, seconds):
    assert load_clip(six_seconds["ogg"], 22050, seconds).decoded_fraction == 1.0
    assert load_clip(cut_off(six_seconds["ogg"], tmp_path, share), 22050, seconds).decoded_fraction < 0.9


def test_an_ogg_file_truncated_at_a_page_boundary(tmp_path, six_seconds):
    content = six_seconds["ogg"].read_bytes()
    path = tmp_path / "a.ogg"
    path.write_bytes(content[: content.rfind(b"OggS")])
    assert load_clip(path, 22050, 1.0).decoded_fraction < 0.9
    path.write_bytes(content + b"TAG" + bytes(125))
    assert load_clip(path, 22050, 1.0).decoded_fraction == 1.0


@pytest.mark.parametrize("error", [ValueError("negative dimensions are not allowed"), IndexError("out of range")])
def test_exceptions_of_libraries_reject_the_file(tmp_path, monkeypatch, error):
    path = stored(tmp_path / "a.wav", noise(1.0))

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("soundfile.SoundFile.read", fail)
    with pytest.raises(AudioError) as caught:
        load_clip(path, 22050, 1.0)
    assert (caught.value.reason, caught.value.detail) == ("undecodable", f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), MemoryError()])
def test_system_errors_are_raised(tmp_path, monkeypatch, error):
    path = stored(tmp_path / "a.wav", noise(1.0))

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("soundfile.SoundFile.read", fail)
    with pytest.raises(type(error)):
        load_clip(path, 22050, 1.0)


@pytest.mark.parametrize("suffix", FORMATS)
def test_silence(tmp_path, suffix):
    clip = load_clip(stored(tmp_path / f"a.{suffix}", np.zeros((44100, 2), np.float32)), 22050, 1.0)
    assert clip.active_fraction == 0.0
    assert np.abs(clip.samples).max() < 1e-6
    assert clip.decoded_fraction == 1.0


@pytest.mark.parametrize(("above", "active"), [(1.0, 1.0), (-1.0, 0.0)])
def test_a_tone_at_the_silence_threshold(tmp_path, above, active):
    assert SILENCE_DB == -60
    amplitude = np.sqrt(2) * 10 ** ((-60 + above) / 20)  # a sine's power is half its amplitude squared
    tone = amplitude * np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    assert load_clip(stored(tmp_path / "a.wav", tone, 22050, "FLOAT"), 22050, 1.0).active_fraction == active


def test_fraction_of_active_blocks(tmp_path):
    samples = noise(2.0)
    samples[6615:] = 0  # 3 of 40 blocks of 50 ms remain
    assert load_clip(stored(tmp_path / "a.wav", samples), 22050, 2.0).active_fraction == 0.075


def test_the_digest_depends_on_the_audio_alone(tmp_path):
    samples = (noise(1.0) * 32767).astype(np.int16)
    files = [stored(tmp_path / f"a.{suffix}", samples, subtype="PCM_16") for suffix in ("wav", "flac", "au")]
    files.append(stored(tmp_path / "b.wav", samples, subtype="PCM_24"))
    digests = {load_clip(path, 22050, 1.0).audio_digest for path in files}
    assert len(digests) == 1
    assert {load_clip(files[0], 16000, 1.0).audio_digest} == digests  # independent of the requested sample rate

    samples[30000, 1] += 1
    changed = stored(tmp_path / "c.wav", samples)
    assert load_clip(changed, 22050, 1.0).audio_digest not in digests
    assert load_clip(files[0], 22050, 0.5).audio_digest == load_clip(changed, 22050, 0.5).audio_digest not in digests
    swapped = stored(tmp_path / "d.wav", samples[:, ::-1])  # the same mean
    assert load_clip(swapped, 22050, 1.0).audio_digest != load_clip(changed, 22050, 1.0).audio_digest


def test_suppressed_decoder_output():
    code = (
        "import os; from genre.audio.decoding import suppress_decoder_output; suppress_decoder_output(); "
        "os.write(2, b'noise'); print('done')"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (process.stdout, process.stderr) == ("done\n", "")


def test_what_libraries_print_is_suppressed_and_errors_are_not() -> None:
    code = """
import os, sys
from genre.audio.decoding import decoder_output_suppressed
with decoder_output_suppressed():
    os.write(2, b"of the decoder")
    print("of the program,", file=sys.stderr)
os.write(2, b"afterwards")
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stderr == "of the program,\nafterwards"
