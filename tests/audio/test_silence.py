"""How much of a clip sounds, and the digest of its sound."""

import subprocess
import sys

import numpy as np
import pytest

from genre.audio.decoding import SILENCE_DB, load_clip
from tests.audio.conftest import FORMATS, noise, stored


@pytest.mark.parametrize("suffix", FORMATS)
def test_silence(tmp_path, suffix):
    clip = load_clip(stored(tmp_path / f"a.{suffix}", np.zeros((44100, 2), np.float32)), 22050, 1.0)
    assert clip.active_fraction == 0.0
    assert np.abs(clip.samples).max() < 1e-6
    assert clip.decoded_fraction == 1.0


@pytest.mark.parametrize(("above", "sounding"), [(1.0, 1.0), (-1.0, 0.0)])
def test_a_tone_at_the_edge_of_silence(tmp_path, above, sounding):
    assert SILENCE_DB == -60
    amplitude = np.sqrt(2) * 10 ** ((-60 + above) / 20)  # a sine's power is half its amplitude squared
    tone = amplitude * np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    assert load_clip(stored(tmp_path / "a.wav", tone, 22050, "FLOAT"), 22050, 1.0).active_fraction == sounding


def test_share_of_sounding_blocks(tmp_path):
    samples = noise(2.0)
    samples[6615:] = 0  # 3 of 40 blocks of 50 ms remain
    assert load_clip(stored(tmp_path / "a.wav", samples), 22050, 2.0).active_fraction == 0.075


def test_digest_is_of_the_sound(tmp_path):
    samples = (noise(1.0) * 32767).astype(np.int16)
    files = [stored(tmp_path / f"a.{suffix}", samples, subtype="PCM_16") for suffix in ("wav", "flac", "au")]
    files.append(stored(tmp_path / "b.wav", samples, subtype="PCM_24"))
    digests = {load_clip(path, 22050, 1.0).audio_digest for path in files}
    assert len(digests) == 1
    assert {load_clip(files[0], 16000, 1.0).audio_digest} == digests  # whatever is made of it

    samples[30000, 1] += 1
    changed = stored(tmp_path / "c.wav", samples)
    assert load_clip(changed, 22050, 1.0).audio_digest not in digests
    assert load_clip(files[0], 22050, 0.5).audio_digest == load_clip(changed, 22050, 0.5).audio_digest not in digests
    swapped = stored(tmp_path / "d.wav", samples[:, ::-1])  # the same mean
    assert load_clip(swapped, 22050, 1.0).audio_digest != load_clip(changed, 22050, 1.0).audio_digest


def test_silenced_process_keeps_quiet():
    code = (
        "import os; from genre.audio.decoding import suppress_decoder_output; suppress_decoder_output(); "
        "os.write(2, b'noise'); print('done')"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (process.stdout, process.stderr) == ("done\n", "")
