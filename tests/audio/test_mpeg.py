"""MP3 files whose length libsndfile estimates; the header, or the number of frames, gives the correct one."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from genre.audio.decoding import load_clip
from genre.audio.mpeg import FrameHeader, Mp3
from tests.audio.conftest import cut_off, noise

RATE = 16000


def written(path: Path, samples: np.ndarray, rate: int = RATE, mode: str = "VARIABLE") -> Path:
    soundfile.write(path, samples, rate, format="MP3", bitrate_mode=mode, compression_level=0.5)
    return path


def fading(first: float, rest: float, rate: int = RATE, seconds: float = 6.0) -> np.ndarray:
    """One second at one level and the rest at another, so that the first frame's bit rate differs from the others."""
    samples = noise(seconds, rate, 1)
    samples[:rate] *= first
    samples[rate:] *= rest
    return samples


def without_header(path: Path) -> Path:
    """Remove LAME's first frame, which contains the frame count."""
    content = path.read_bytes()
    assert b"Xing" in content[:64] or b"Info" in content[:64]
    header = FrameHeader.parse(content[:4])
    assert header is not None
    bare = path.with_stem(f"{path.stem} bare")
    bare.write_bytes(content[header.size :])
    return bare


def ignored_header(path: Path) -> Path:
    """Change a byte so that libmpg123 decodes the header as audio."""
    content = bytearray(path.read_bytes())
    content[8] = 1  # in the side information, which is zero in a frame without audio
    ignored = path.with_stem(f"{path.stem} ignored")
    ignored.write_bytes(content)
    return ignored


def counted_by_lame(path: Path) -> int:
    """Frames according to LAME's own header."""
    content = path.read_bytes()
    at = max(content.find(b"Xing", 0, 64), content.find(b"Info", 0, 64))
    assert content[at + 7] & 1
    return int.from_bytes(content[at + 8 : at + 12])


@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("spoil", [without_header, ignored_header])
def test_an_estimate_that_is_too_short_is_corrected(tmp_path, rate, spoil):
    whole = written(tmp_path / "a.mp3", fading(1.0, 0.001, rate), rate)
    path = spoil(whole)
    assert soundfile.info(path).duration < 4.0  # libsndfile reads no further
    clip = load_clip(path, rate, 6.0)
    assert clip.duration == pytest.approx(6.0, abs=0.15)
    assert clip.decoded_fraction == 1.0
    expected = soundfile.read(whole, dtype="float32")[0]
    shift = 576  # the delay in LAME's header; that of the decoder is removed in both
    length = min(len(expected), 6 * rate) - shift
    np.testing.assert_allclose(clip.samples[shift : shift + length], expected[:length], atol=1e-5)


@pytest.mark.parametrize("start", [0.0, 2.0, "middle"])
def test_an_estimate_that_is_too_long_is_corrected(tmp_path, start):
    whole = written(tmp_path / "a.mp3", fading(0.0, 1.0))
    path = without_header(whole)
    assert soundfile.info(path).duration > 7.0
    clip = load_clip(path, RATE, 3.0, start)
    assert clip.decoded_fraction == 1.0
    assert clip.duration == counted_by_lame(whole) * 576 / RATE


def test_the_middle_of_a_file_that_libsndfile_reads_partly(tmp_path):
    path = without_header(written(tmp_path / "a.mp3", fading(1.0, 0.5)))
    content = path.read_bytes()
    whole = load_clip(path, RATE, 7.0).samples
    clip = load_clip(path, RATE, 2.0, "middle")
    first = (round(clip.duration * RATE) - 2 * RATE) // 2
    np.testing.assert_allclose(clip.samples, whole[first : first + 2 * RATE], atol=1e-3)
    assert path.read_bytes() == content


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_truncated_file_whose_header_is_ignored(tmp_path, share):
    path = cut_off(ignored_header(written(tmp_path / "a.mp3", fading(1.0, 0.5))), tmp_path, share)
    clip = load_clip(path, RATE, 6.0)
    assert clip.decoded_fraction < 0.9
    assert clip.duration == pytest.approx(6.0, abs=0.15)


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT", "AVERAGE"])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_frame_counts_equal_those_of_lame(tmp_path, mode, rate, channels):
    path = written(tmp_path / "a.mp3", noise(1.0, rate, channels), rate, mode)
    frames = counted_by_lame(path)
    mp3 = Mp3.read(path)
    assert mp3 is not None
    assert (mp3.declared_frames, mp3.count_frames()) == (frames, frames)
    bare = Mp3.read(without_header(path))
    assert bare is not None
    assert (bare.declared_frames, bare.count_frames()) == (None, frames)
    assert mp3.header.samples == (1152 if rate >= 32000 else 576)


def test_tags_and_junk_are_not_frames(tmp_path):
    path = without_header(written(tmp_path / "a.mp3", noise(1.0, RATE, 1)))
    frames = path.read_bytes()
    expected = Mp3.read(path).count_frames()
    tag = b"ID3\x04\0\0" + bytes([0, 0, 2, 10]) + (b"\xff\xf3\x48\xc0" * 100)[: 2 * 128 + 10]
    path.write_bytes(tag + b"junk\xff\xfe" + frames + b"TAG" + b"\xff" * 125)
    mp3 = Mp3.read(path)
    assert mp3.start == len(tag) + 6
    assert mp3.count_frames() == expected
    half = len(frames) // 2
    path.write_bytes(frames[:half] + frames[half + 40 :])  # a gap damages one or two frames
    assert expected - 2 <= Mp3.read(path).count_frames() < expected


def test_a_vbri_header(tmp_path):
    whole = written(tmp_path / "a.mp3", fading(1.0, 0.5))
    frames = counted_by_lame(whole)
    path = without_header(whole)
    content = path.read_bytes()
    raw = content[:1] + bytes([content[1] | 1, 0x80 | content[2] & 0x0C, content[3]])  # 64 kbit/s
    header = FrameHeader.parse(raw)
    vbri = (raw + bytes(32) + b"VBRI" + bytes(10) + frames.to_bytes(4)).ljust(header.size, b"\0")
    path.write_bytes(vbri + content)
    assert Mp3.read(path).declared_frames == frames
    assert load_clip(path, RATE, 6.0).duration == pytest.approx(frames * 576 / RATE, abs=0.04)
    assert load_clip(cut_off(path, tmp_path, 0.5), RATE, 6.0).decoded_fraction < 0.9


def test_a_header_after_a_checksum(tmp_path):
    path = written(tmp_path / "a.mp3", noise(1.0, RATE, 1))
    content, frames = path.read_bytes(), counted_by_lame(path)
    size = FrameHeader.parse(content[:4]).size
    first = content[:1] + bytes([content[1] & 0xFE]) + content[2:4] + b"\x12\x34" + content[4 : size - 2]
    path.write_bytes(first + content[size:])
    assert Mp3.read(path).declared_frames == frames


def test_invalid_frame_headers():
    for raw in (
        b"",
        b"\xff\xfb\x90",
        b"\xfe\xfb\x90\x00",
        b"\xff\xf9\x90\x00",
        b"\xff\xfb\xf0\x00",
        b"\xff\xfb\x9c\x00",
    ):
        assert FrameHeader.parse(raw) is None
    # 128 kbit/s at 44.1 kHz: 144 * 128,000 / 44,100 = 417.96; with padding one more
    assert FrameHeader.parse(b"\xff\xfb\x90\x00").size == 417
    assert FrameHeader.parse(b"\xff\xfb\x92\x00").size == 418
    # MPEG-2, 24 kbit/s at 16 kHz, and MPEG-2.5, 8 kbit/s at 8 kHz
    assert FrameHeader.parse(b"\xff\xf3\x38\xc0").size == 108
    assert FrameHeader.parse(b"\xff\xe3\x18\xc0").size == 72


def test_layer_ii_is_left_to_the_decoder(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"\xff\xfd\x80\x00" * 1000)
    assert Mp3.read(path) is None
