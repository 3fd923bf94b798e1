"""Features compared with librosa, with scipy and with a stored spectrogram.

If values are meant to change, increase `FEATURES_VERSION` in genre/audio/features.py and store the spectrogram again
with `python -m tests.audio.test_features`.
"""

import json
from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.fft
import soundfile
import torch

from genre.audio.decoding import load_clip
from genre.audio.features import FEATURES_VERSION, LogMel, Mfcc

STORED = Path(__file__).parents[1] / "data_files" / "logmel.npz"
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "emotify"
RATE = 22050


def signals(seconds: float = 2.0, rate: int = RATE) -> dict[str, np.ndarray]:
    """Waveforms of many kinds."""
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
    """librosa's mel power with its defaults, shape (mels, time)."""
    return librosa.feature.melspectrogram(y=wave, **({"sr": RATE} | settings))


def librosa_logmel(wave: np.ndarray, top_db: float = 80.0, **settings) -> np.ndarray:
    return min_max(librosa.power_to_db(librosa_mel(wave, **settings), ref=np.max, top_db=top_db).T)


def librosa_mfcc(wave: np.ndarray, n_mfcc: int = 20, **settings) -> np.ndarray:
    """librosa's MFCC: dB relative to 1.0, clipped at 80 dB below the maximum, orthonormal DCT-II."""
    return min_max(librosa.feature.mfcc(y=wave, n_mfcc=n_mfcc, **({"sr": RATE} | settings)).T)


def extracted(features: torch.nn.Module, wave: np.ndarray) -> np.ndarray:
    return features(torch.from_numpy(wave)[None])[0].numpy()


def in_librosas_terms(settings: dict) -> dict:
    names = {"sample_rate": "sr", "f_min": "fmin", "f_max": "fmax"}
    return {names.get(name, name): value for name, value in settings.items()}


@pytest.mark.parametrize("name", signals(0.1))
def test_logmel_equals_librosa(name):
    wave = signals()[name]
    ours = extracted(LogMel(), wave)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, librosa_logmel(wave), atol=2e-4)
    np.testing.assert_allclose(ours.astype(np.float16).astype(np.float32), librosa_logmel(wave), atol=1e-3)


@pytest.mark.parametrize("name", signals(0.1))
def test_mfcc_equals_librosa(name):
    wave = signals()[name]
    ours = extracted(Mfcc(), wave)
    np.testing.assert_allclose(ours, librosa_mfcc(wave), atol=2e-4)
    np.testing.assert_allclose(ours.astype(np.float16).astype(np.float32), librosa_mfcc(wave), atol=1e-3)


OTHER_SETTINGS = [
    {"sample_rate": 44100},
    {"sample_rate": 16000, "n_fft": 1024, "hop_length": 160},
    {"n_fft": 1024, "hop_length": 256, "n_mels": 64},
    {"n_fft": 4096, "hop_length": 1000},
    {"f_min": 50.0, "f_max": 8000.0},
    {"n_mels": 20},
    {"hop_length": 3000},  # longer than the window
]


@pytest.mark.parametrize("settings", OTHER_SETTINGS, ids=str)
def test_other_settings_equal_librosa(settings):
    for name in ("noise", "chirp", "click"):
        wave = signals()[name]
        theirs = in_librosas_terms(settings)
        np.testing.assert_allclose(extracted(LogMel(**settings), wave), librosa_logmel(wave, **theirs), atol=2e-4)
        np.testing.assert_allclose(extracted(Mfcc(**settings), wave), librosa_mfcc(wave, **theirs), atol=2e-4)


@pytest.mark.parametrize("top_db", [20.0, 60.0, 100.0])
def test_top_db(top_db):
    wave = signals()["chirp"]
    np.testing.assert_allclose(extracted(LogMel(top_db=top_db), wave), librosa_logmel(wave, top_db), atol=2e-4)
    _, low, high = LogMel(top_db=top_db).forward_with_range(torch.from_numpy(wave)[None])
    assert (high - low).item() == pytest.approx(top_db, abs=1e-3)


def test_amin_is_the_minimum_power():
    wave = 1e-3 * signals()["noise"]
    power = librosa_mel(wave)
    amin = float(np.median(power))
    expected = min_max(10 * np.log10(np.maximum(amin, power)).T)
    np.testing.assert_allclose(extracted(LogMel(amin=amin, top_db=200.0), wave), expected, atol=2e-4)


@pytest.mark.parametrize("n_mfcc", [1, 13, 128])
def test_coefficients_equal_scipy(n_mfcc):
    wave = signals()["chord"]
    decibels = librosa.power_to_db(librosa_mel(wave), ref=1.0, top_db=80.0)
    expected = min_max(scipy.fft.dct(decibels, axis=0, type=2, norm="ortho")[:n_mfcc].T)
    np.testing.assert_allclose(extracted(Mfcc(n_mfcc=n_mfcc), wave), expected, atol=2e-4)


@pytest.mark.parametrize("features", [LogMel(), Mfcc()], ids=["mel", "mfcc"])
def test_features_do_not_depend_on_the_other_clips_of_a_batch(features):
    # With one maximum per batch instead of per clip, quiet clips would be below the floor
    waves = torch.from_numpy(np.stack([wave * factor for wave in signals().values() for factor in (1.0, 1e-4)]))
    together, low, high = features.forward_with_range(waves)
    for i, wave in enumerate(waves):
        alone, alone_low, alone_high = features.forward_with_range(wave[None])
        torch.testing.assert_close(together[i], alone[0], atol=1e-5, rtol=0)
        assert low[i].item() == pytest.approx(alone_low.item(), abs=1e-3)
        assert high[i].item() == pytest.approx(alone_high.item(), abs=1e-3)


def test_a_gain_of_20_db_only_changes_the_range():
    wave = torch.from_numpy(signals()["noise"])[None]
    values, low, high = LogMel().forward_with_range(wave)
    louder, louder_low, louder_high = LogMel().forward_with_range(10 * wave)
    torch.testing.assert_close(louder, values, atol=1e-5, rtol=0)
    assert (louder_low - low).item() == pytest.approx(20, abs=1e-3)
    assert (louder_high - high).item() == pytest.approx(20, abs=1e-3)


def test_the_range_equals_that_of_librosa():
    wave = signals()["chord"]
    decibels = librosa.power_to_db(librosa_mel(wave), ref=1.0, top_db=80.0)
    values, low, high = LogMel().forward_with_range(torch.from_numpy(wave)[None])
    assert low.shape == high.shape == (1,)
    assert low.item() == pytest.approx(decibels.min(), abs=1e-2)
    assert high.item() == pytest.approx(decibels.max(), abs=1e-2)
    back = values[0].numpy() * (high - low).item() + low.item()
    np.testing.assert_allclose(back, decibels.T, atol=2e-2)


@pytest.mark.parametrize(("features", "bins"), [(LogMel(), 128), (Mfcc(), 20), (LogMel(n_mels=40), 40)])
def test_shape_of_thirty_seconds(features, bins):
    wave = torch.from_numpy(np.tile(signals(3.0)["noise"], 10))[None]
    assert wave.shape == (1, 661500)
    values = features(wave)
    assert values.shape == (1, 1292, bins)
    assert features.n_features == bins
    assert features.n_frames(30.0) == 1292
    assert values.min() == 0
    assert 1 - 1e-6 < values.max() <= 1
    half = values.half()
    assert (half.shape, half.min().item(), half.max().item()) == ((1, 1292, bins), 0.0, 1.0)


@pytest.mark.parametrize("seconds", [0.01, 0.0232, 0.0233, 0.5, 1.0, 1.4861, 3.0])
@pytest.mark.parametrize("settings", [{}, {"hop_length": 500}, {"sample_rate": 16000, "hop_length": 160}], ids=str)
def test_frames(seconds, settings):
    features = LogMel(**settings)
    wave = torch.zeros(2, round(seconds * features.sample_rate))
    assert features(wave).shape == (2, features.n_frames(seconds), 128)


@pytest.mark.parametrize("features", [LogMel(), Mfcc()], ids=["mel", "mfcc"])
def test_silence_is_finite(features):
    values, low, high = features.forward_with_range(torch.zeros(2, RATE))
    for tensor in (values, low, high, values.half()):
        assert tensor.isfinite().all()


def test_silence_is_zero():
    values, low, high = LogMel().forward_with_range(
        torch.stack([torch.zeros(RATE), torch.from_numpy(signals(1.0)["noise"])])
    )
    assert not values[0].any()
    assert low[0] == high[0] == -100  # amin
    assert values[1].max() > 0.99


@pytest.mark.slow
def test_real_music():
    paths = sorted(REAL.glob("*/*.mp3"))[::7]
    if not paths:
        pytest.skip(f"real music is not here: {REAL}")
    assert len(paths) == 40
    mel, mfcc = LogMel(), Mfcc()
    for path in paths:
        samples = load_clip(path, RATE, 30.0).samples
        sound, rate = soundfile.read(path, always_2d=True, dtype="float32")
        assert rate == 44100
        wave = librosa.resample(sound[: 30 * rate].mean(axis=1), orig_sr=rate, target_sr=RATE)
        wave = librosa.util.fix_length(wave, size=661500)
        for features, expected in ((mel, librosa_logmel(wave)), (mfcc, librosa_mfcc(wave))):
            ours = extracted(features, samples)
            assert ours.shape == expected.shape == (1292, features.n_features)
            assert np.abs(ours - expected).max() < 1e-3, path
            assert np.abs(ours.astype(np.float16).astype(np.float32) - expected).max() < 1e-3, path


def test_mel_frequencies_equal_librosa() -> None:
    expected = librosa.mel_frequencies(n_mels=130, fmin=0, fmax=11025)[1:-1]
    assert np.abs(np.array(LogMel().mel_frequencies) / expected - 1).max() < 0.06
    assert Mfcc().mel_frequencies == []


BAD = [
    {"sample_rate": 0},
    {"n_fft": 0},
    {"hop_length": 0},
    {"hop_length": -512},
    {"n_mels": 0},
    {"top_db": 0.0},
    {"top_db": -80.0},
    {"amin": 0.0},
    {"f_min": -1.0},
    {"f_min": 11025.0},
    {"f_min": 5000.0, "f_max": 5000.0},
    {"f_min": 5000.0, "f_max": 4000.0},
    {"f_max": 11026.0},
    {"sample_rate": 16000, "f_max": 11025.0},
    {"n_mels": 1025},
    {"n_fft": 128, "n_mels": 65},
    {"sample_rate": 11025},  # odd: torchaudio's bands would not be librosa's
    {"n_fft": 2047},
    {"amin": 1e-50},  # 0 in float32: silence would be minus infinity
]


@pytest.mark.parametrize("kind", [LogMel, Mfcc])
@pytest.mark.parametrize("settings", BAD, ids=str)
def test_invalid_settings_are_errors(kind, settings):
    with pytest.raises(ValueError, match=next(reversed(settings))):
        kind(**settings)


@pytest.mark.parametrize("settings", [{"n_mfcc": 0}, {"n_mfcc": 129}, {"n_mfcc": 41, "n_mels": 40}], ids=str)
def test_an_invalid_number_of_coefficients_is_an_error(settings):
    with pytest.raises(ValueError, match="n_mfcc"):
        Mfcc(**settings)


CHANGES = [
    {"sample_rate": 44100},
    {"n_fft": 1024},
    {"hop_length": 256},
    {"n_mels": 64},
    {"f_min": 20.0},
    {"f_max": 8000.0},
    {"top_db": 60.0},
    {"amin": 1e-8},
]


def test_the_cache_key_depends_on_each_setting():
    made = [LogMel(**change) for change in [{}, *CHANGES]]
    made += [Mfcc(**change) for change in [{}, *CHANGES, {"n_mfcc": 13}]]
    identities = [json.dumps(features.cache_key, sort_keys=True) for features in made]  # JSON-compatible
    assert len(set(identities)) == len(identities) == 19
    assert json.dumps(LogMel(top_db=60.0).cache_key, sort_keys=True) in identities  # deterministic
    assert LogMel().cache_key["version"] == FEATURES_VERSION
    assert (LogMel().cache_key["kind"], Mfcc().cache_key["kind"]) == ("LogMel", "Mfcc")


def test_the_cache_key_tells_classes_of_others_from_those_of_this_package():
    other = type("LogMel", (LogMel,), {"__module__": "mylab.features"})
    assert other().cache_key["kind"] == "mylab.features.LogMel"
    assert other().cache_key_as_typed != LogMel().cache_key_as_typed


def test_f_max_of_0_is_an_error():
    with pytest.raises(ValueError, match="f_max"):
        LogMel(f_max=0.0)


def test_silence_is_finite_at_the_minimum_amin():
    features = LogMel(amin=torch.finfo(torch.float32).tiny)
    assert features(torch.zeros(1, RATE)).isfinite().all()


def test_features_have_no_parameters():
    for features in (LogMel(), Mfcc()):
        assert not list(features.parameters())


def pinned_signal() -> np.ndarray:
    """One second of a falling chirp, a chord, a click and silence, computed without random numbers."""
    time = np.arange(RATE) / RATE
    wave = 0.4 * np.sin(2 * np.pi * (6000 * time - 2500 * time**2))
    wave += 0.1 * np.sin(2 * np.pi * 220 * time) + 0.05 * np.sin(2 * np.pi * 277.2 * time)
    wave += 1e-3 * (np.modf(np.sin(np.arange(RATE) * 12.9898) * 43.758)[0] - 0.5)
    wave[RATE // 2] += 0.8
    wave[3 * RATE // 4 :] = 0
    return wave.astype(np.float32)


def pinned_features() -> dict[str, np.ndarray]:
    """Content of tests/data_files/logmel.npz: features and range of `pinned_signal`, and their version."""
    wave = torch.from_numpy(pinned_signal())[None]
    made = {"version": np.array(FEATURES_VERSION)}
    for name, features in {"logmel": LogMel(), "mfcc": Mfcc(), "small": LogMel(n_mels=32, hop_length=1024)}.items():
        values, low, high = features.forward_with_range(wave)
        made[name] = values[0].numpy()
        made[f"{name}_range"] = np.array([low.item(), high.item()])
    return made


def store() -> None:
    """Write tests/data_files/logmel.npz."""
    STORED.parent.mkdir(exist_ok=True)
    np.savez_compressed(STORED, **pinned_features())


def test_features_equal_the_stored_ones():
    stored = np.load(STORED)
    made = pinned_features()
    assert set(stored) == set(made)
    assert stored["version"] == FEATURES_VERSION, "store the spectrogram again: python -m tests.audio.test_features"
    assert stored["logmel"].shape == (44, 128)
    for name, values in made.items():
        atol = 0.005 if name.endswith("_range") else 1e-4
        np.testing.assert_allclose(values, stored[name], atol=atol, rtol=0, err_msg=name)


def test_the_stored_spectrogram_equals_librosa():
    np.testing.assert_allclose(np.load(STORED)["logmel"], librosa_logmel(pinned_signal()), atol=2e-4)


if __name__ == "__main__":
    store()
