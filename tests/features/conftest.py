"""Sound, and the features that librosa makes of it."""

from pathlib import Path

import librosa
import numpy as np
import torch

STORED = Path(__file__).parents[1] / "data_files" / "logmel.npz"
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "emotify"
RATE = 22050


def signals(seconds: float = 2.0, rate: int = RATE) -> dict[str, np.ndarray]:
    """Waveforms as different as they come."""
    random = np.random.default_rng(0)
    frames = round(seconds * rate)
    time = np.arange(frames) / rate
    click = np.zeros(frames)
    click[frames // 2] = 1.0
    tone = np.sin(2 * np.pi * 440 * time)
    waves = {
        "noise": random.normal(scale=0.1, size=frames),
        "chirp": 0.5 * librosa.chirp(fmin=30, fmax=rate / 2 - 100, sr=rate, duration=seconds)[:frames],
        "click": click,
        "chord": 0.3 * tone + 0.2 * np.sin(2 * np.pi * 660 * time) + 1e-4 * random.normal(size=frames),
        "quiet": 1e-4 * (tone + random.normal(size=frames)),
        "loud": 30 * random.normal(size=frames) * (time > 0.5),
        "padded": np.where(time < seconds / 3, 0.2 * tone, 0.0),
        "constant": np.full(frames, 0.5),
    }
    return {name: wave.astype(np.float32) for name, wave in waves.items()}


def min_max(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (values.max() - values.min() + 1e-6)


def librosa_mel(wave: np.ndarray, **settings) -> np.ndarray:
    """librosa's own default Slaney mel power, shape (mels, time)."""
    return librosa.feature.melspectrogram(y=wave, **({"sr": RATE} | settings))


def librosa_logmel(wave: np.ndarray, top_db: float = 80.0, **settings) -> np.ndarray:
    return min_max(librosa.power_to_db(librosa_mel(wave, **settings), ref=np.max, top_db=top_db).T)


def librosa_mfcc(wave: np.ndarray, n_mfcc: int = 20, **settings) -> np.ndarray:
    """librosa's MFCC: dB relative to 1.0, 80 dB below the maximum at least, orthonormal DCT-II."""
    return min_max(librosa.feature.mfcc(y=wave, n_mfcc=n_mfcc, **({"sr": RATE} | settings)).T)


def extracted(features: torch.nn.Module, wave: np.ndarray) -> np.ndarray:
    return features(torch.from_numpy(wave)[None])[0].numpy()


def in_librosas_terms(settings: dict) -> dict:
    names = {"sample_rate": "sr", "f_min": "fmin", "f_max": "fmax"}
    return {names.get(name, name): value for name, value in settings.items()}
