"""The features against librosa."""

import librosa
import numpy as np
import pytest
import scipy.fft
import soundfile
import torch

from genre.audio.decoding import load_clip
from genre.audio.features import LogMel, Mfcc
from tests.features.conftest import (
    RATE,
    REAL,
    extracted,
    in_librosas_terms,
    librosa_logmel,
    librosa_mel,
    librosa_mfcc,
    min_max,
    signals,
)


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
    _, low, high = LogMel(top_db=top_db).forward_with_range(torch.from_numpy(wave)[None])
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
    together, low, high = features.forward_with_range(waves)
    for i, wave in enumerate(waves):
        alone, alone_low, alone_high = features.forward_with_range(wave[None])
        torch.testing.assert_close(together[i], alone[0], atol=1e-5, rtol=0)
        assert low[i].item() == pytest.approx(alone_low.item(), abs=1e-3)
        assert high[i].item() == pytest.approx(alone_high.item(), abs=1e-3)


def test_louder_by_20_db_changes_the_range_only():
    wave = torch.from_numpy(signals()["noise"])[None]
    values, low, high = LogMel().forward_with_range(wave)
    louder, louder_low, louder_high = LogMel().forward_with_range(10 * wave)
    torch.testing.assert_close(louder, values, atol=1e-5, rtol=0)
    assert (louder_low - low).item() == pytest.approx(20, abs=1e-3)
    assert (louder_high - high).item() == pytest.approx(20, abs=1e-3)


def test_measured_range_is_that_of_librosas_decibels():
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


def test_bands_are_where_librosa_puts_them() -> None:
    expected = librosa.mel_frequencies(n_mels=130, fmin=0, fmax=11025)[1:-1]
    assert np.abs(np.array(LogMel().mel_frequencies) / expected - 1).max() < 0.06
    assert Mfcc().mel_frequencies == []
