"""Sound is made with numpy, written with soundfile, and compared with what soundfile, soxr and librosa make of it."""

import struct
import subprocess
import sys

import librosa
import numpy as np
import pytest
import soundfile
import soxr

from genre.audio import QUIET_DB, SUFFIXES, AudioError, read_clip

FORMATS = [suffix[1:] for suffix in SUFFIXES]


def noise(seconds: float, rate: int = 44100, channels: int = 2) -> np.ndarray:
    """Noise with a tone in the first channel, shape (frames, channels)."""
    frames = round(seconds * rate)
    samples = np.random.default_rng(0).normal(scale=0.05, size=(frames, channels))
    samples[:, 0] += 0.4 * np.sin(2 * np.pi * 440 * np.arange(frames) / rate)
    return samples.astype(np.float32)


def stored(path, samples: np.ndarray, rate: int = 44100, subtype: str | None = None):
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


@pytest.fixture(scope="module")
def six_seconds(tmp_path_factory):
    """Six seconds in each format, written once."""
    folder = tmp_path_factory.mktemp("six_seconds")
    return {suffix: stored(folder / f"a.{suffix}", noise(6.0)) for suffix in FORMATS}


def cut_off(path, folder, share: float):
    """A copy that holds only the first bytes."""
    content = path.read_bytes()
    short = folder / f"short{path.suffix}"
    short.write_bytes(content[: int(share * len(content))])
    return short


def decoded_mono(path) -> np.ndarray:
    """What soundfile decodes, channels averaged, in float64."""
    return soundfile.read(path, always_2d=True, dtype="float32")[0].mean(axis=1, dtype=np.float64)


def refusal(path, seconds: float = 1.0, start: float = 0.0) -> str:
    with pytest.raises(AudioError) as caught:
        read_clip(path, 22050, seconds, start)
    assert caught.value.detail
    return caught.value.reason


def test_the_study_s_formats_are_read():
    assert set(SUFFIXES) == {".mp3", ".flac", ".ogg", ".wav", ".au"}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (22050, 1), (48000, 2)])
def test_round_trip(tmp_path, suffix, rate, channels):
    path = stored(tmp_path / f"a.{suffix}", noise(1.3, rate, channels), rate)
    clip = read_clip(path, 22050, 1.0)
    assert (clip.rate, clip.channels) == (rate, channels)
    assert clip.duration == pytest.approx(1.3, abs=1e-9)
    assert clip.decoded == 1.0
    assert clip.sounding == 1.0
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
    clip = read_clip(stored(tmp_path / f"a.{suffix}", noise(1.3)), 22050, 2.0)
    assert clip.samples.shape == (44100,)
    assert clip.samples[28660:28665].all()
    assert not clip.samples[28665:].any()  # 1.3 s at 22,050 Hz
    assert clip.duration == pytest.approx(1.3, abs=1e-9)
    assert (clip.decoded, clip.sounding) == (1.0, 1.0)  # of the file's own length, the padding aside


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("start", "first"),
    [(0.0, 0), (0.7, 30870), ("middle", 33075), (1.5, 66150), (1.6, 66150), (100.0, 66150), (-3.0, 0)],
)
def test_start(tmp_path, suffix, start, first):
    path = stored(tmp_path / f"a.{suffix}", noise(2.5))
    clip = read_clip(
        path, 22050, 1.0, start
    )  # of 110,250 frames 44,100: the last start is 66,150, the middle half of it
    expected = soxr.resample(decoded_mono(path)[first : first + 44100], 44100, 22050, quality="HQ")
    np.testing.assert_allclose(clip.samples, expected, atol=1e-6)
    assert clip.decoded == 1.0


def test_middle_of_a_file_shorter_than_the_clip(tmp_path):
    path = stored(tmp_path / "a.wav", noise(0.5))
    for start in ("middle", 0.2):
        np.testing.assert_array_equal(read_clip(path, 22050, 1.0, start).samples, read_clip(path, 22050, 1.0).samples)


def test_channels_are_averaged(tmp_path):
    sound = noise(1.0, 22050, 1)[:, 0]
    path = stored(tmp_path / "a.wav", np.stack([sound, -sound, 2 * sound], axis=1), 22050, "FLOAT")
    clip = read_clip(path, 22050, 1.0)
    assert clip.channels == 3
    np.testing.assert_allclose(clip.samples, 2 / 3 * sound, atol=1e-6)


def test_clip_is_cut_before_it_is_resampled(tmp_path):
    path = stored(tmp_path / "a.wav", noise(2.0), subtype="FLOAT")
    clip = read_clip(path, 22050, 1.0)
    resampled_first = soxr.resample(decoded_mono(path), 44100, 22050, quality="HQ")[:22050]
    assert np.abs(clip.samples - resampled_first).max() > 1e-3  # only at the end, where the filter sees what follows
    np.testing.assert_allclose(clip.samples[:20000], resampled_first[:20000], atol=1e-5)


def test_rate_of_the_result(tmp_path):
    path = stored(tmp_path / "a.wav", noise(1.0, 8000, 1), 8000, "FLOAT")
    np.testing.assert_array_equal(read_clip(path, 8000, 1.0).samples, decoded_mono(path).astype(np.float32))
    assert read_clip(path, 16000, 0.5).samples.shape == (8000,)


def test_refuses_what_is_missing(tmp_path):
    assert refusal(tmp_path / "none.mp3") == "missing_file"
    assert refusal(tmp_path) == "missing_file"


NO_SOUND = [b"This is no music.\n" * 5000, b"RIFF" + bytes(40), bytes(5000)]
NO_SOUND_NAMES = ["text", "stub", "zeros"]


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
        read_clip(path, 22050, 1.0)
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
    assert read_clip(path, 22050, 1.0).decoded == 1.0  # it lies beyond this clip


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
@pytest.mark.parametrize("share", [0.5, 0.8])
@pytest.mark.parametrize("start", [0.0, 1.0])
def test_a_file_that_breaks_off_within_the_clip(tmp_path, six_seconds, suffix, share, start):
    whole = six_seconds[suffix]
    seconds = 6.0 - start
    clip = read_clip(cut_off(whole, tmp_path, share), 22050, seconds, start)
    promised = (6 * share - start) / seconds
    assert promised - 0.04 < clip.decoded < min(0.9, promised + 0.01)
    assert clip.duration == pytest.approx(6.0)
    kept = int(clip.decoded * seconds * 22050) - 500  # the resampler sees an end there
    unbroken = read_clip(whole, 22050, seconds, start)
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
    assert read_clip(whole, 22050, 2.0).decoded == 1.0
    assert read_clip(whole, 22050, 2.0).duration == pytest.approx(2.0)
    clip = read_clip(cut_off(whole, tmp_path, 0.5), 22050, 2.0 if suffix != "flac" else 0.2)
    assert clip.decoded == (pytest.approx(0.5, abs=0.001) if suffix != "flac" else 0.0)
    assert clip.duration == pytest.approx(2.0)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
@pytest.mark.parametrize(("share", "start"), [(0.5, 0.0), (0.8, 0.0), (0.8, 1.0), (0.8, "middle")])
def test_a_file_that_breaks_off_beyond_the_clip(tmp_path, six_seconds, suffix, share, start):
    assert read_clip(six_seconds[suffix], 22050, 1.0, start).decoded == 1.0
    assert read_clip(cut_off(six_seconds[suffix], tmp_path, share), 22050, 1.0, start).decoded < 0.9


@pytest.mark.parametrize("suffix", ["mp3", "flac", "wav", "au"])
def test_a_clip_that_begins_beyond_the_break(tmp_path, six_seconds, suffix):
    short = cut_off(six_seconds[suffix], tmp_path, 0.5)
    assert refusal(short, start=4.5) == "undecodable"


@pytest.mark.parametrize("suffix", ["mp3", "wav", "au"])
def test_a_few_missing_frames_at_the_end_are_forgiven(tmp_path, six_seconds, suffix):
    short = cut_off(six_seconds[suffix], tmp_path, 0.97)
    assert read_clip(short, 22050, 1.0).decoded == 1.0
    assert 0.9 < read_clip(short, 22050, 6.0).decoded < 1.0


@pytest.mark.parametrize("suffix", FORMATS)
def test_silence(tmp_path, suffix):
    clip = read_clip(stored(tmp_path / f"a.{suffix}", np.zeros((44100, 2), np.float32)), 22050, 1.0)
    assert clip.sounding == 0.0
    assert np.abs(clip.samples).max() < 1e-6
    assert clip.decoded == 1.0


@pytest.mark.parametrize(("above", "sounding"), [(1.0, 1.0), (-1.0, 0.0)])
def test_a_tone_at_the_edge_of_silence(tmp_path, above, sounding):
    assert QUIET_DB == -60
    amplitude = np.sqrt(2) * 10 ** ((-60 + above) / 20)  # a sine's power is half its amplitude squared
    tone = amplitude * np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    assert read_clip(stored(tmp_path / "a.wav", tone, 22050, "FLOAT"), 22050, 1.0).sounding == sounding


def test_share_of_sounding_blocks(tmp_path):
    samples = noise(2.0)
    samples[6615:] = 0  # 3 of 40 blocks of 50 ms remain
    assert read_clip(stored(tmp_path / "a.wav", samples), 22050, 2.0).sounding == 0.075


def test_digest_is_of_the_sound(tmp_path):
    samples = (noise(1.0) * 32767).astype(np.int16)
    files = [stored(tmp_path / f"a.{suffix}", samples, subtype="PCM_16") for suffix in ("wav", "flac", "au")]
    files.append(stored(tmp_path / "b.wav", samples, subtype="PCM_24"))
    digests = {read_clip(path, 22050, 1.0).digest for path in files}
    assert len(digests) == 1
    assert {read_clip(files[0], 16000, 1.0).digest} == digests  # whatever is made of it

    samples[30000, 1] += 1
    changed = stored(tmp_path / "c.wav", samples)
    assert read_clip(changed, 22050, 1.0).digest not in digests
    assert read_clip(files[0], 22050, 0.5).digest == read_clip(changed, 22050, 0.5).digest not in digests
    swapped = stored(tmp_path / "d.wav", samples[:, ::-1])  # the same mean
    assert read_clip(swapped, 22050, 1.0).digest != read_clip(changed, 22050, 1.0).digest


def test_silenced_process_keeps_quiet():
    code = "import os; from genre.audio import silence_decoder; silence_decoder(); os.write(2, b'noise'); print('done')"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (process.stdout, process.stderr) == ("done\n", "")


@pytest.mark.parametrize("length", [4, 11])
def test_refuses_a_stub_of_an_au_file(tmp_path, length):
    path = tmp_path / "a.au"
    path.write_bytes((b".snd" + bytes(20))[:length])
    assert refusal(path) == "undecodable"


@pytest.mark.parametrize("content", NO_SOUND, ids=NO_SOUND_NAMES)
def test_refuses_what_is_no_au_file(tmp_path, content):
    path = tmp_path / "a.au"
    path.write_bytes(content)
    assert refusal(path) == "undecodable"


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_file_of_unknown_size(tmp_path, size):
    path = stored(tmp_path / "a.wav", noise(2.0), subtype="PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(content)
    clip = read_clip(path, 22050, 1.0)
    assert clip.decoded == 1.0
    assert clip.duration == pytest.approx(2.0)


def test_an_au_file_of_unknown_size(tmp_path):
    path = stored(tmp_path / "a.au", noise(2.0), subtype="PCM_16")
    content = path.read_bytes()
    path.write_bytes(content[:8] + b"\xff\xff\xff\xff" + content[12:])
    clip = read_clip(path, 22050, 1.0, "middle")
    assert clip.decoded == 1.0
    assert clip.duration == pytest.approx(2.0)


def of_unknown_length(path):
    """A FLAC file as an encoder leaves it that wrote into a pipe."""
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # the lower 36 bits of STREAMINFO's bytes 13 to 17: how many samples there are, or 0
    content[22:26] = bytes(4)
    unknown = path.with_stem("unknown")
    unknown.write_bytes(content)
    return unknown


@pytest.mark.parametrize("start", [0.0, 0.5])
def test_a_flac_file_of_unknown_length(tmp_path, start):
    path = stored(tmp_path / "a.flac", noise(2.0))
    clip, known = read_clip(of_unknown_length(path), 22050, 1.0, start), read_clip(path, 22050, 1.0, start)
    np.testing.assert_array_equal(clip.samples, known.samples)
    assert clip.decoded == 1.0
    assert 1.0 <= clip.duration <= 2.0  # as far as was read


def test_refuses_samples_whose_power_is_not_finite(tmp_path):
    samples = noise(1.0)
    samples[1000] = 1e30
    assert refusal(stored(tmp_path / "a.wav", samples, subtype="FLOAT")) == "not_finite"


@pytest.mark.parametrize("seconds", [1.0, 2.0])
def test_a_flac_file_of_unknown_length_shorter_than_the_clip(tmp_path, seconds):
    path = stored(tmp_path / "a.flac", noise(seconds))
    clip = read_clip(of_unknown_length(path), 22050, 3.0)
    assert clip.duration == pytest.approx(seconds, abs=0.02)  # libsndfile loses the block in which the end comes
    assert clip.decoded == 1.0
