"""What settings of the features are possible, and what they change."""

import json

import pytest
import torch

from genre.audio.features import FEATURES_VERSION, LogMel, Mfcc
from tests.features.conftest import RATE

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
    identities = [json.dumps(features.cache_key, sort_keys=True) for features in made]  # plain values, as a name needs
    assert len(set(identities)) == len(identities) == 19
    assert json.dumps(LogMel(top_db=60.0).cache_key, sort_keys=True) in identities  # and with nothing else
    assert LogMel().cache_key["version"] == FEATURES_VERSION
    assert (LogMel().cache_key["kind"], Mfcc().cache_key["kind"]) == ("LogMel", "Mfcc")


def test_refuses_a_highest_frequency_of_0():
    with pytest.raises(ValueError, match="f_max"):
        LogMel(f_max=0.0)


def test_silence_is_finite_at_the_least_amin():
    features = LogMel(amin=torch.finfo(torch.float32).tiny)
    assert features(torch.zeros(1, RATE)).isfinite().all()


def test_modules_have_no_weights():
    for features in (LogMel(), Mfcc()):
        assert not list(features.parameters())
