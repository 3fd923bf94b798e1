from pathlib import Path

import torch

from genre.audio.features import Mfcc
from genre.config.instantiate import instantiate
from tests.test_scripts import assert_refused, script

LINEAR = {"_target_": "torch.nn.Linear", "in_features": 3, "out_features": 2}


def test_the_target_is_called_with_the_rest_as_arguments():
    linear = instantiate("net", LINEAR)
    assert type(linear) is torch.nn.Linear
    assert linear.weight.shape == (2, 3)
    features = instantiate("features", {"_target_": "genre.audio.features.Mfcc", "n_mfcc": 13, "n_mels": 40})
    assert type(features) is Mfcc
    assert (features.cache_key["n_mfcc"], features.cache_key["n_mels"]) == (13, 40)


def own_class(path: str, target: int) -> tuple[str, int]:
    return path, target


def test_an_argument_may_have_any_name():
    spec = {"_target_": f"{__name__}.own_class", "path": "here", "target": 3}
    assert instantiate("logger.own", spec) == ("here", 3)


def test_hydras_convert_is_ignored():
    assert type(instantiate("net", LINEAR | {"_convert_": "all"})) is torch.nn.Linear


def test_the_argument_is_not_changed():
    spec = dict(LINEAR)
    instantiate("net", spec)
    assert spec == LINEAR


def test_a_key_that_an_own_network_does_not_take(tmp_path: Path) -> None:
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/own.yaml").write_text(
        "name: own\nnet: {_target_: genre.models.crnn.CRNN, cnn: 1d, rnn: gru}\n"
    )
    given = [
        "--config-dir",
        str(tmp_path / "conf"),
        "model=own",
        f"paths.data={tmp_path}",
        f"paths.runs={tmp_path}/runs",
    ]
    for typed in ("model.net.hiden_dim=3", "+model.net.hiden_dim=3"):
        done = script("train.py", *given, typed)
        assert_refused(done, "did you mean model.net.hidden_dim?")
        assert "model.net.hiden_dim" in done.stderr
    assert not (tmp_path / "runs").exists()
