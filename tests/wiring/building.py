"""What a command line builds, up to the call of `Trainer.fit`."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers.logger import DummyLogger
from omegaconf import DictConfig
from torch import nn

from genre.config.schema import TrainConfig
from genre.config.validate import validate
from genre.data.datamodule import GenreDataModule
from genre.errors import GenreError
from genre.pipeline import train_and_test
from genre.training.components import Components, build_components
from tests.composing import compose

REMOTE = ("WandbLogger", "MLFlowLogger")


class NotTrainedError(Exception):
    """What `lightning.Trainer.fit` was called with."""

    def __init__(self, trainer: "Spy", classifier: Any, data: GenreDataModule) -> None:
        super().__init__("training would begin here")
        self.trainer, self.classifier, self.data = trainer, classifier, data


class Spy(lightning.Trainer):
    """Keeps its arguments, runs on the CPU whatever they are, and does not train."""

    def __init__(self, **given: Any) -> None:
        self.given = given
        super().__init__(**{**given, "accelerator": "cpu", "devices": 1, "strategy": "auto"})

    def fit(self, model: Any, *args: Any, **given: Any) -> None:
        raise NotTrainedError(self, model, given["datamodule"])


class Remote(DummyLogger):
    """A logger that keeps its arguments."""

    def __init__(self, **given: Any) -> None:
        super().__init__()
        self.given = given


def composed(overrides: Sequence[str], hydra_too: bool = False) -> DictConfig:
    """The configuration of a command; unless that names an executor, extraction stays in this process."""
    config = compose(list(overrides), hydra_too=hydra_too)
    if not any(text.startswith("executor") and text != "executor.workers=1" for text in overrides):
        config.executor = {"_target_": "concurrent.futures.ThreadPoolExecutor", "max_workers": 1}
    return config


class Built:
    """What a command builds; each part is made at its first use.

    Args:
        overrides: The command line's.
        folder: For a run folder.
    """

    def __init__(self, overrides: Sequence[str], folder: Path) -> None:
        self.overrides = list(overrides)
        self.folder = folder

    @cached_property
    def config(self) -> DictConfig:
        return composed([*self.overrides, f"run_dir={self.folder}"])

    @cached_property
    def settings(self) -> TrainConfig:
        return validate(self.config.copy())

    @cached_property
    def parts(self) -> Components:
        return build_components(self.settings)

    @cached_property
    def begun(self) -> NotTrainedError:
        """Run the command until training would begin."""
        self.folder.mkdir(parents=True, exist_ok=True)  # Hydra does
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lightning, "Trainer", Spy)
            patch.setattr("genre.training.components.resolve_device", lambda accelerator: "cpu")
            for name in REMOTE:
                patch.setattr(f"lightning.pytorch.loggers.{name}", type(name, (Remote,), {}))
            with pytest.raises(NotTrainedError) as caught:
                train_and_test(self.config.copy(), self.folder, self.overrides)
        return caught.value

    def repeated(self) -> float | str:
        """Run the command on the folder of a run of the same settings that has ended with a score of 0.25."""
        _ = self.begun
        (self.folder / "scores.json").write_text('{"val/loss": 0.25}')
        try:
            return train_and_test(self.config.copy(), self.folder, self.overrides)
        except GenreError as error:
            return str(error).partition(":")[0].removeprefix(f"{self.folder} ")

    def run_dir(self) -> str:
        """The folder that Hydra would make."""
        return str(composed(self.overrides, hydra_too=True).hydra.run.dir)

    @property
    def given(self) -> dict[str, Any]:
        """Arguments of the trainer."""
        return self.begun.trainer.given

    @property
    def net(self) -> nn.Module:
        return self.begun.classifier.net

    @property
    def data(self) -> GenreDataModule:
        return self.begun.data

    @property
    def optimizer(self) -> dict[str, Any]:
        """The optimizer's one group of parameters."""
        (group,) = self.configured[0].param_groups
        return group

    @property
    def schedulers(self) -> list[Any]:
        return self.configured[1]

    @property
    def configured(self) -> tuple[torch.optim.Optimizer, list[Any]]:
        """The optimizer and the schedulers, as training makes them."""
        epochs, classifier = self.given["max_epochs"], self.begun.classifier
        steps = epochs * len(self.data.train_dataloader())
        classifier._trainer = SimpleNamespace(estimated_stepping_batches=steps, max_epochs=epochs)
        optimizer = classifier.configure_optimizers()
        classifier._trainer = None
        return optimizer, classifier.schedulers

    @property
    def loss(self) -> nn.CrossEntropyLoss:
        """Of training."""
        return found(self.begun.classifier, nn.CrossEntropyLoss)[0]

    @property
    def stopping(self) -> EarlyStopping:
        (callback,) = [c for c in self.begun.trainer.callbacks if isinstance(c, EarlyStopping)]
        return callback

    @property
    def stoppings(self) -> list[EarlyStopping]:
        return [callback for callback in self.begun.trainer.callbacks if isinstance(callback, EarlyStopping)]

    @property
    def selected(self) -> list[str]:
        """Checkpoints that are written."""
        return [c.filename for c in self.begun.trainer.callbacks if isinstance(c, ModelCheckpoint)]

    @property
    def best(self) -> ModelCheckpoint:
        """What keeps the best epoch."""
        callbacks = [c for c in self.begun.trainer.callbacks if isinstance(c, ModelCheckpoint)]
        (callback,) = [c for c in callbacks if c.monitor]
        return callback

    @property
    def loggers(self) -> dict[str, Any]:
        return {type(logger).__name__: logger for logger in self.begun.trainer.loggers}

    def train_batch(self) -> Any:
        return next(iter(self.data.train_dataloader()))


def found(module: nn.Module, *kinds: type[nn.Module]) -> list[Any]:
    """Modules of these classes, in order."""
    return [inner for inner in module.modules() if isinstance(inner, kinds)]


See = Callable[[Built], Any]
