"""What is no sound, and what breaks off, is refused with its reason."""

import os

import numpy as np
import pytest

from genre.audio.decoding import AudioError, load_clip
from tests.audio.conftest import FORMATS, NO_SOUND, NO_SOUND_NAMES, cut_off, noise, refusal, stored


def test_refuses_what_is_missing(tmp_path):
    assert refusal(tmp_path / "none.mp3") == "missing_file"
    assert refusal(tmp_path) == "missing_file"
    os.mkfifo(tmp_path / "pipe.wav")  # opening it would wait for a writer
    (tmp_path / "endless.wav").symlink_to("/dev/zero")
    for name in ("pipe.wav", "endless.wav"):
        with pytest.raises(AudioError, match="not a regular file"):
            load_clip(tmp_path / name, 22050, 1.0)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "wav"])
@pytest.mark.parametrize("content", NO_SOUND, ids=NO_SOUND_NAMES)
def test_refuses_what_is_no_sound(tmp_path, suffix, content):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    assert refusal(path) == "undecodable"


@pytest.mark.parametrize("suffix", FORMATS)
def test_says_that_a_file_is_empty(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.touch()
    with pytest.raises(AudioError, match="empty") as caught:
        load_clip(path, 22050, 1.0)
    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize("suffix", ["wav", "au", "ogg"])
def test_refuses_a_header_without_sound(tmp_path, suffix):
    assert refusal(stored(tmp_path / f"a.{suffix}", noise(0.0))) == "undecodable"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_refuses_what_is_not_finite(tmp_path, value):
    samples = noise(2.0)
    samples[50000, 1] = value
    path = stored(tmp_path / "a.wav", samples, subtype="FLOAT")
    assert refusal(path, 2.0) == "not_finite"
    assert load_clip(path, 22050, 1.0).decoded_fraction == 1.0  # it lies beyond this clip


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("start", [0.0, 1.0])
def test_a_file_that_breaks_off_within_the_clip(tmp_path, six_seconds, suffix, share, start):
    whole = six_seconds[suffix]
    seconds = 6.0 - start
    clip = load_clip(cut_off(whole, tmp_path, share), 22050, seconds, start)
    promised = (6 * share - start) / seconds
    assert promised - 0.04 < clip.decoded_fraction < min(0.9, promised + 0.01)
    assert clip.duration == pytest.approx(6.0)
    kept = int(clip.decoded_fraction * seconds * 22050) - 500  # the resampler sees an end there
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
def test_a_file_of_another_encoding_that_breaks_off(tmp_path, suffix, subtype):
    whole = stored(tmp_path / f"a.{suffix}", noise(2.0), subtype=subtype)
    assert load_clip(whole, 22050, 2.0).decoded_fraction == 1.0
    assert load_clip(whole, 22050, 2.0).duration == pytest.approx(2.0)
    clip = load_clip(cut_off(whole, tmp_path, 0.5), 22050, 2.0 if suffix != "flac" else 0.2)
    assert clip.decoded_fraction == (pytest.approx(0.5, abs=0.001) if suffix != "flac" else 0.0)
    assert clip.duration == pytest.approx(2.0)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
@pytest.mark.parametrize(("share", "start"), [(0.5, 0.0), (0.8, 0.0), (0.8, 1.0), (0.8, "middle")])
def test_a_file_that_breaks_off_beyond_the_clip(tmp_path, six_seconds, suffix, share, start):
    assert load_clip(six_seconds[suffix], 22050, 1.0, start).decoded_fraction == 1.0
    assert load_clip(cut_off(six_seconds[suffix], tmp_path, share), 22050, 1.0, start).decoded_fraction < 0.9


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
def test_a_clip_that_begins_beyond_the_break(tmp_path, six_seconds, suffix):
    short = cut_off(six_seconds[suffix], tmp_path, 0.5)
    assert refusal(short, start=4.5) == "undecodable"


@pytest.mark.parametrize("suffix", ["mp3", "wav", "au"])
def test_a_few_missing_frames_at_the_end_are_forgiven(tmp_path, six_seconds, suffix):
    short = cut_off(six_seconds[suffix], tmp_path, 0.97)
    assert load_clip(short, 22050, 1.0).decoded_fraction == 1.0
    assert 0.9 < load_clip(short, 22050, 6.0).decoded_fraction < 1.0


@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("seconds", [1.0, 6.0])
def test_an_ogg_file_without_its_last_page_is_truncated(tmp_path, six_seconds, share, seconds):
    assert load_clip(six_seconds["ogg"], 22050, seconds).decoded_fraction == 1.0
    assert load_clip(cut_off(six_seconds["ogg"], tmp_path, share), 22050, seconds).decoded_fraction < 0.9


def test_an_ogg_file_that_ends_at_a_page_is_truncated(tmp_path, six_seconds):
    content = six_seconds["ogg"].read_bytes()
    path = tmp_path / "a.ogg"
    path.write_bytes(content[: content.rfind(b"OggS")])
    assert load_clip(path, 22050, 1.0).decoded_fraction < 0.9
    path.write_bytes(content + b"TAG" + bytes(125))
    assert load_clip(path, 22050, 1.0).decoded_fraction == 1.0


@pytest.mark.parametrize("error", [ValueError("negative dimensions are not allowed"), IndexError("out of range")])
def test_what_a_library_raises_is_the_refusal_of_one_file(tmp_path, monkeypatch, error):
    path = stored(tmp_path / "a.wav", noise(1.0))

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("soundfile.SoundFile.read", fail)
    with pytest.raises(AudioError) as caught:
        load_clip(path, 22050, 1.0)
    assert (caught.value.reason, caught.value.detail) == ("undecodable", f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), MemoryError()])
def test_trouble_of_the_machine_is_no_property_of_a_file(tmp_path, monkeypatch, error):
    path = stored(tmp_path / "a.wav", noise(1.0))

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("soundfile.SoundFile.read", fail)
    with pytest.raises(type(error)):
        load_clip(path, 22050, 1.0)
