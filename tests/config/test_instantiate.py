import torch

from genre.audio.features import Mfcc
from genre.config.instantiate import instantiate

LINEAR = {"_target_": "torch.nn.Linear", "in_features": 3, "out_features": 2}


def test_the_target_is_called_with_the_rest_as_arguments():
    linear = instantiate("net", LINEAR)
    assert type(linear) is torch.nn.Linear
    assert linear.weight.shape == (2, 3)
    features = instantiate("features", {"_target_": "genre.audio.features.Mfcc", "n_mfcc": 13, "n_mels": 40})
    assert type(features) is Mfcc
    assert (features.cache_key["n_mfcc"], features.cache_key["n_mels"]) == (13, 40)


def test_hydras_convert_is_ignored():
    assert type(instantiate("net", LINEAR | {"_convert_": "all"})) is torch.nn.Linear


def test_the_argument_is_not_changed():
    spec = dict(LINEAR)
    instantiate("net", spec)
    assert spec == LINEAR
