"""The features against a spectrogram that was stored once.

Where the numbers are meant to change: raise `VERSION` in genre/features.py and store the spectrogram again with
`python -m tests.features.test_stored`.
"""

import numpy as np
import torch

from genre.audio.features import FEATURES_VERSION, LogMel, Mfcc
from tests.features.conftest import RATE, STORED, librosa_logmel


def pinned_signal() -> np.ndarray:
    """One second of a falling chirp, a chord, a click and silence, of a formula and no random numbers."""
    time = np.arange(RATE) / RATE
    wave = 0.4 * np.sin(2 * np.pi * (6000 * time - 2500 * time**2))
    wave += 0.1 * np.sin(2 * np.pi * 220 * time) + 0.05 * np.sin(2 * np.pi * 277.2 * time)
    wave += 1e-3 * (np.modf(np.sin(np.arange(RATE) * 12.9898) * 43.758)[0] - 0.5)
    wave[RATE // 2] += 0.8
    wave[3 * RATE // 4 :] = 0
    return wave.astype(np.float32)


def pinned_features() -> dict[str, np.ndarray]:
    """What tests/data_files/logmel.npz holds: features and range of `pinned_signal`, and their version."""
    wave = torch.from_numpy(pinned_signal())[None]
    made = {"version": np.array(FEATURES_VERSION)}
    for name, features in {"logmel": LogMel(), "mfcc": Mfcc(), "small": LogMel(n_mels=32, hop_length=1024)}.items():
        values, low, high = features.forward_with_range(wave)
        made[name] = values[0].numpy()
        made[f"{name}_range"] = np.array([low.item(), high.item()])
    return made


def store() -> None:
    """Write tests/data_files/logmel.npz anew."""
    STORED.parent.mkdir(exist_ok=True)
    np.savez_compressed(STORED, **pinned_features())


def test_features_are_what_they_were():
    stored = np.load(STORED)
    made = pinned_features()
    assert set(stored) == set(made)
    assert stored["version"] == FEATURES_VERSION, "store the spectrogram again: python -m tests.features.test_stored"
    assert stored["logmel"].shape == (44, 128)
    for name, values in made.items():
        atol = 0.005 if name.endswith("_range") else 1e-4
        np.testing.assert_allclose(values, stored[name], atol=atol, rtol=0, err_msg=name)


def test_stored_spectrogram_is_librosas():
    np.testing.assert_allclose(np.load(STORED)["logmel"], librosa_logmel(pinned_signal()), atol=2e-4)


if __name__ == "__main__":
    store()
