"""The features against librosa, and against a spectrogram that was stored once.

Where the numbers are meant to change: raise `VERSION` in genre/features.py and store the spectrogram again with
`python -m tests.test_features`.
"""

import json
from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.fft
import soundfile
import torch

from genre.audio import read_clip
from genre.features import VERSION, LogMel, Mfcc

STORED = Path(__file__).parent / "data_files" / "logmel.npz"
REAL = Path(__file__).parents[1].parent / "shared" / "data" / "emotify"
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


@pytest.mark.parametrize("name", signals(0.1))
def test_logmel_is_librosas(name):
    wave = signals()[name]
    ours = extracted(LogMel(), wave)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, librosa_logmel(wave), atol=2e-4)
    np.testing.assert_allclose(ours.astype(np.float16).astype(np.float32), librosa_logmel(wave), atol=1e-3)


@pytest.mark.parametrize("name", signals(0.1))
def test_mfcc_is_librosas(name):
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


def in_librosas_terms(settings: dict) -> dict:
    names = {"sample_rate": "sr", "f_min": "fmin", "f_max": "fmax"}
    return {names.get(name, name): value for name, value in settings.items()}


@pytest.mark.parametrize("settings", OTHER_SETTINGS, ids=str)
def test_other_settings_are_librosas(settings):
    for name in ("noise", "chirp", "click"):
        wave = signals()[name]
        theirs = in_librosas_terms(settings)
        np.testing.assert_allclose(extracted(LogMel(**settings), wave), librosa_logmel(wave, **theirs), atol=2e-4)
        np.testing.assert_allclose(extracted(Mfcc(**settings), wave), librosa_mfcc(wave, **theirs), atol=2e-4)


@pytest.mark.parametrize("top_db", [20.0, 60.0, 100.0])
def test_floor(top_db):
    wave = signals()["chirp"]
    np.testing.assert_allclose(extracted(LogMel(top_db=top_db), wave), librosa_logmel(wave, top_db), atol=2e-4)
    _, low, high = LogMel(top_db=top_db).measured(torch.from_numpy(wave)[None])
    assert (high - low).item() == pytest.approx(top_db, abs=1e-3)


def test_amin_is_the_least_power():
    wave = 1e-3 * signals()["noise"]
    power = librosa_mel(wave)
    amin = float(np.median(power))
    expected = min_max(10 * np.log10(np.maximum(amin, power)).T)
    np.testing.assert_allclose(extracted(LogMel(amin=amin, top_db=200.0), wave), expected, atol=2e-4)


@pytest.mark.parametrize("n_mfcc", [1, 13, 128])
def test_coefficients_are_scipys(n_mfcc):
    wave = signals()["chord"]
    decibels = librosa.power_to_db(librosa_mel(wave), ref=1.0, top_db=80.0)
    expected = min_max(scipy.fft.dct(decibels, axis=0, type=2, norm="ortho")[:n_mfcc].T)
    np.testing.assert_allclose(extracted(Mfcc(n_mfcc=n_mfcc), wave), expected, atol=2e-4)


@pytest.mark.parametrize("features", [LogMel(), Mfcc()], ids=["mel", "mfcc"])
def test_a_clip_s_features_do_not_depend_on_its_batch(features):
    # One maximum over the batch instead of one a clip would raise the quiet clips' floor above all that they hold
    waves = torch.from_numpy(np.stack([wave * factor for wave in signals().values() for factor in (1.0, 1e-4)]))
    together, low, high = features.measured(waves)
    for i, wave in enumerate(waves):
        alone, alone_low, alone_high = features.measured(wave[None])
        torch.testing.assert_close(together[i], alone[0], atol=1e-5, rtol=0)
        assert low[i].item() == pytest.approx(alone_low.item(), abs=1e-3)
        assert high[i].item() == pytest.approx(alone_high.item(), abs=1e-3)


def test_louder_by_20_db_changes_the_range_only():
    wave = torch.from_numpy(signals()["noise"])[None]
    values, low, high = LogMel().measured(wave)
    louder, louder_low, louder_high = LogMel().measured(10 * wave)
    torch.testing.assert_close(louder, values, atol=1e-5, rtol=0)
    assert (louder_low - low).item() == pytest.approx(20, abs=1e-3)
    assert (louder_high - high).item() == pytest.approx(20, abs=1e-3)


def test_measured_range_is_that_of_librosas_decibels():
    wave = signals()["chord"]
    decibels = librosa.power_to_db(librosa_mel(wave), ref=1.0, top_db=80.0)
    values, low, high = LogMel().measured(torch.from_numpy(wave)[None])
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
    assert features.bins == bins
    assert features.frames(30.0) == 1292
    assert values.min() == 0
    assert 1 - 1e-6 < values.max() <= 1
    half = values.half()
    assert (half.shape, half.min().item(), half.max().item()) == ((1, 1292, bins), 0.0, 1.0)


@pytest.mark.parametrize("seconds", [0.01, 0.0232, 0.0233, 0.5, 1.0, 1.4861, 3.0])
@pytest.mark.parametrize("settings", [{}, {"hop_length": 500}, {"sample_rate": 16000, "hop_length": 160}], ids=str)
def test_frames(seconds, settings):
    features = LogMel(**settings)
    wave = torch.zeros(2, round(seconds * features.sample_rate))
    assert features(wave).shape == (2, features.frames(seconds), 128)


@pytest.mark.parametrize("features", [LogMel(), Mfcc()], ids=["mel", "mfcc"])
def test_silence_is_finite(features):
    values, low, high = features.measured(torch.zeros(2, RATE))
    for tensor in (values, low, high, values.half()):
        assert tensor.isfinite().all()


def test_silence_is_zero():
    values, low, high = LogMel().measured(torch.stack([torch.zeros(RATE), torch.from_numpy(signals(1.0)["noise"])]))
    assert not values[0].any()
    assert low[0] == high[0] == -100  # amin
    assert values[1].max() > 0.99


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
]


@pytest.mark.parametrize("kind", [LogMel, Mfcc])
@pytest.mark.parametrize("settings", BAD, ids=str)
def test_refuses_impossible_settings(kind, settings):
    with pytest.raises(ValueError, match=next(reversed(settings))):
        kind(**settings)


@pytest.mark.parametrize("settings", [{"n_mfcc": 0}, {"n_mfcc": 129}, {"n_mfcc": 41, "n_mels": 40}], ids=str)
def test_refuses_an_impossible_number_of_coefficients(settings):
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


def test_identity_changes_with_each_setting():
    made = [LogMel(**change) for change in [{}, *CHANGES]]
    made += [Mfcc(**change) for change in [{}, *CHANGES, {"n_mfcc": 13}]]
    identities = [json.dumps(features.identity, sort_keys=True) for features in made]  # plain values, as a name needs
    assert len(set(identities)) == len(identities) == 19
    assert json.dumps(LogMel(top_db=60.0).identity, sort_keys=True) in identities  # and with nothing else
    assert LogMel().identity["version"] == VERSION
    assert (LogMel().identity["kind"], Mfcc().identity["kind"]) == ("LogMel", "Mfcc")


def test_modules_have_no_weights():
    for features in (LogMel(), Mfcc()):
        assert not list(features.parameters())


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
    made = {"version": np.array(VERSION)}
    for name, features in {"logmel": LogMel(), "mfcc": Mfcc(), "small": LogMel(n_mels=32, hop_length=1024)}.items():
        values, low, high = features.measured(wave)
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
    assert stored["version"] == VERSION, "store the spectrogram again: python -m tests.test_features"
    assert stored["logmel"].shape == (44, 128)
    for name, values in made.items():
        atol = 0.005 if name.endswith("_range") else 1e-4
        np.testing.assert_allclose(values, stored[name], atol=atol, rtol=0, err_msg=name)


def test_stored_spectrogram_is_librosas():
    np.testing.assert_allclose(np.load(STORED)["logmel"], librosa_logmel(pinned_signal()), atol=2e-4)


@pytest.mark.slow
def test_real_music():
    paths = sorted(REAL.glob("*/*.mp3"))[::7]
    if not paths:
        pytest.skip(f"real music is not here: {REAL}")
    assert len(paths) == 40
    mel, mfcc = LogMel(), Mfcc()
    for path in paths:
        samples = read_clip(path, RATE, 30.0).samples
        sound, rate = soundfile.read(path, always_2d=True, dtype="float32")
        assert rate == 44100
        wave = librosa.resample(sound[: 30 * rate].mean(axis=1), orig_sr=rate, target_sr=RATE)
        wave = librosa.util.fix_length(wave, size=661500)
        for features, expected in ((mel, librosa_logmel(wave)), (mfcc, librosa_mfcc(wave))):
            ours = extracted(features, samples)
            assert ours.shape == expected.shape == (1292, features.bins)
            assert np.abs(ours - expected).max() < 1e-3, path
            assert np.abs(ours.astype(np.float16).astype(np.float32) - expected).max() < 1e-3, path


@pytest.mark.parametrize("settings", [{"sample_rate": 11025}, {"n_fft": 2047}], ids=str)
def test_odd_settings_are_librosas_or_refused(settings):
    wave = signals()["noise"]
    try:
        features = LogMel(**settings)
    except ValueError:
        return
    expected = librosa_logmel(wave, **in_librosas_terms(settings))
    np.testing.assert_allclose(extracted(features, wave), expected, atol=1e-3)


def test_refuses_a_highest_frequency_of_0():
    with pytest.raises(ValueError, match="f_max"):
        LogMel(f_max=0.0)


def test_silence_is_finite_or_amin_refused():
    try:
        features = LogMel(amin=1e-50)
    except ValueError:
        return
    assert features(torch.zeros(1, RATE)).isfinite().all()


if __name__ == "__main__":
    store()


def test_bands_are_where_librosa_puts_them() -> None:
    expected = librosa.mel_frequencies(n_mels=130, fmin=0, fmax=11025)[1:-1]
    assert np.abs(np.array(LogMel().band_hz) / expected - 1).max() < 0.06
    assert Mfcc().band_hz == []
