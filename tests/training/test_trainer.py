"""The arguments of lightning.Trainer."""

import inspect
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.strategies import SingleDeviceStrategy

from genre.errors import GenreError
from genre.training.checkpoints import AtomicCheckpointIO
from genre.training.trainer import RESERVED, build_trainer, check_devices, check_trainer
from tests.composing import compose

VALUES: dict[str, Any] = {
    "accelerator": "cpu",
    "strategy": {"_target_": "lightning.pytorch.strategies.SingleDeviceStrategy", "device": "cpu"},
    "devices": 1,
    "num_nodes": 2,
    "precision": "bf16-mixed",
    "max_epochs": 7,
    "min_epochs": 2,
    "min_steps": 3,
    "limit_train_batches": 0.5,
    "limit_val_batches": 3,
    "overfit_batches": 1,
    "num_sanity_val_steps": 2,
    "log_every_n_steps": 5,
    "enable_progress_bar": False,
    "enable_model_summary": True,
    "accumulate_grad_batches": 2,
    "gradient_clip_val": 0.5,
    "gradient_clip_algorithm": "value",
    "deterministic": "warn",
    "benchmark": True,
    "inference_mode": False,
    "profiler": {"_target_": "lightning.pytorch.profilers.SimpleProfiler", "filename": "profile"},
    "detect_anomaly": True,
    "plugins": {"_target_": "lightning.pytorch.plugins.environments.LightningEnvironment"},
    "sync_batchnorm": True,
    "reload_dataloaders_every_n_epochs": 1,
    "enable_autolog_hparams": False,
    "model_registry": "models",
}
ARGUMENTS = set(inspect.signature(L.Trainer.__init__).parameters) - {"self"}


class Spy(L.Trainer):
    given: dict[str, Any]

    def __init__(self, **given: Any) -> None:
        type(self).given = given
        self.profiler = given.get("profiler")


def test_every_argument_of_the_trainer_can_be_set_but_for_those_that_training_sets() -> None:
    assert VALUES.keys() | RESERVED.keys() == ARGUMENTS
    assert VALUES.keys() & RESERVED.keys() == set()


@pytest.mark.parametrize("name", VALUES)
def test_an_argument_reaches_the_trainer(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compose([f"trainer={{{name}: 1}}"]).trainer[name] == 1  # without a `+`
    monkeypatch.setattr(L, "Trainer", Spy)
    build_trainer({name: VALUES[name]}, tmp_path, [], [])
    value, given = VALUES[name], Spy.given[name]
    if name == "plugins":
        assert [type(plugin).__name__ for plugin in given] == ["AtomicCheckpointIO", "LightningEnvironment"]
    elif isinstance(value, dict):
        assert type(given).__name__ == value["_target_"].rpartition(".")[2]
    else:
        assert given == value


def test_the_trainer_gets_what_every_run_needs(tmp_path: Path) -> None:
    timer, logger = Timer(), CSVLogger(tmp_path)
    trainer = build_trainer({"max_epochs": 3, "accelerator": "cpu", "devices": 1}, tmp_path, [timer], [logger])
    assert isinstance(trainer.strategy.checkpoint_io, AtomicCheckpointIO)
    assert isinstance(trainer.strategy, SingleDeviceStrategy)
    assert timer in trainer.callbacks
    assert trainer.progress_bar_callback is None
    assert trainer.loggers == [logger]
    assert trainer.default_root_dir == str(tmp_path)
    assert (trainer.max_epochs, trainer.num_sanity_val_steps, trainer.log_every_n_steps) == (3, 0, 1)


@pytest.mark.parametrize("name", RESERVED)
def test_an_argument_that_training_sets_is_refused(name: str) -> None:
    usual, way_out = RESERVED[name]
    check_trainer({"max_epochs": 1, "accelerator": "cpu", name: usual})
    with pytest.raises(GenreError, match=rf"trainer\.{name}=other cannot be used: ") as caught:
        check_trainer({"max_epochs": 1, name: "other"})
    assert str(caught.value).endswith(way_out)


def test_a_gpu_that_is_not_there_is_named() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(GenreError, match="accelerator=gpu is not available on this machine: use auto or cpu"):
        check_trainer({"accelerator": "gpu", "devices": 1, "max_epochs": 1})


def test_several_devices_need_gpus() -> None:
    check_devices({"accelerator": "cpu", "devices": 1})
    check_devices({"accelerator": "cpu"})
    with pytest.raises(GenreError, match=r"trainer\.devices=2 requires GPUs"):
        check_devices({"accelerator": "cpu", "devices": 2})
