"""Audio files made with numpy and soundfile."""

import numpy as np
import pytest
import soundfile

from genre.audio.decoding import SUFFIXES, AudioError, load_clip

NOT_AUDIO = [b"This is no music.\n" * 5000, b"RIFF" + bytes(40), bytes(5000)]
NOT_AUDIO_NAMES = ["text", "stub", "zeros"]
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
    """A copy of the first bytes."""
    content = path.read_bytes()
    short = folder / f"short{path.suffix}"
    short.write_bytes(content[: int(share * len(content))])
    return short


def decoded_mono(path) -> np.ndarray:
    """Mean of the channels that soundfile decodes, in float64."""
    return soundfile.read(path, always_2d=True, dtype="float32")[0].mean(axis=1, dtype=np.float64)


def rejection(path, seconds: float = 1.0, start: float = 0.0) -> str:
    with pytest.raises(AudioError) as caught:
        load_clip(path, 22050, seconds, start)
    assert caught.value.detail
    return caught.value.reason
