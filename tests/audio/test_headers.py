"""Headers that are incomplete or do not declare a length."""

import struct

import numpy as np
import pytest

from genre.audio.decoding import load_clip
from tests.audio.conftest import NOT_AUDIO, NOT_AUDIO_NAMES, noise, rejection, stored


@pytest.mark.parametrize("length", [4, 11])
def test_an_incomplete_au_header_is_rejected(tmp_path, length):
    path = tmp_path / "a.au"
    path.write_bytes((b".snd" + bytes(20))[:length])
    assert rejection(path) == "undecodable"


@pytest.mark.parametrize("content", NOT_AUDIO, ids=NOT_AUDIO_NAMES)
def test_other_content_in_an_au_file_is_rejected(tmp_path, content):
    path = tmp_path / "a.au"
    path.write_bytes(content)
    assert rejection(path) == "undecodable"


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_file_of_unknown_size(tmp_path, size):
    path = stored(tmp_path / "a.wav", noise(2.0), subtype="PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(content)
    clip = load_clip(path, 22050, 1.0)
    assert clip.decoded_fraction == 1.0
    assert clip.duration == pytest.approx(2.0)


def test_an_au_file_of_unknown_size(tmp_path):
    path = stored(tmp_path / "a.au", noise(2.0), subtype="PCM_16")
    content = path.read_bytes()
    path.write_bytes(content[:8] + b"\xff\xff\xff\xff" + content[12:])
    clip = load_clip(path, 22050, 1.0, "middle")
    assert clip.decoded_fraction == 1.0
    assert clip.duration == pytest.approx(2.0)


def of_unknown_length(path):
    """A FLAC file as an encoder writes it to a pipe."""
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0  # lower 36 bits of bytes 13 to 17 of STREAMINFO: number of samples, 0 if unknown
    content[22:26] = bytes(4)
    unknown = path.with_stem("unknown")
    unknown.write_bytes(content)
    return unknown


@pytest.mark.parametrize("start", [0.0, 0.5])
def test_a_flac_file_of_unknown_length(tmp_path, start):
    path = stored(tmp_path / "a.flac", noise(2.0))
    clip, known = load_clip(of_unknown_length(path), 22050, 1.0, start), load_clip(path, 22050, 1.0, start)
    np.testing.assert_array_equal(clip.samples, known.samples)
    assert clip.decoded_fraction == 1.0
    assert 1.0 <= clip.duration <= 2.0  # the part that was read


@pytest.mark.parametrize("seconds", [1.0, 2.0])
def test_a_flac_file_of_unknown_length_shorter_than_the_clip(tmp_path, seconds):
    path = stored(tmp_path / "a.flac", noise(seconds))
    clip = load_clip(of_unknown_length(path), 22050, 3.0)
    assert clip.duration == pytest.approx(seconds, abs=0.02)  # libsndfile drops the last block
    assert clip.decoded_fraction == 1.0
