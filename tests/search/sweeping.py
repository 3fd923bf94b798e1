"""Searches in this process: Hydra's multirun as train.py starts it, with a task that a test writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from hydra_plugins.hydra_optuna_sweeper import _impl
from omegaconf import DictConfig

from tests.composing import CONF, TINY

OWN = _impl.OptunaSweeperImpl


def search(task: Callable[[DictConfig], Any], music: Path, home: Path, *overrides: str) -> None:
    """Sweep: `python train.py -m hparams_search=optuna ...`, with another task than training.

    Args:
        task: What a trial does.
        music: A folder of music.
        home: For cache and runs.
        overrides: Further ones; they come last.
    """
    others = {"model", "data.batch_size", *(text.partition("=")[0] for text in overrides)}
    tiny = [text for text in TINY if text.partition("=")[0] not in others]
    given = [*tiny, f"data.root={music}", f"paths.data={home}", f"paths.runs={home}/runs", "hparams_search=optuna"]
    model = [] if any(text.startswith("model=") for text in overrides) else ["model=cnn1d_gru"]
    GlobalHydra.instance().clear()
    version.setbase("1.3")
    hydra = Hydra.create_main_hydra2("train", create_config_search_path(str(CONF)))
    try:
        hydra.multirun("train", task, [*given, *model, *overrides])
    finally:
        GlobalHydra.instance().clear()
        _impl.OptunaSweeperImpl = OWN


def folder(home: Path, model: str = "cnn1d_gru") -> Path:
    """Where a search of `search` is."""
    return home / "runs/search" / f"{model}-folder"


def study(home: Path, model: str = "cnn1d_gru") -> optuna.Study:
    """The study of a search of `search`."""
    return optuna.load_study(f"{model}-folder", f"sqlite:///{folder(home, model)}/study.db")


def loss(config: DictConfig) -> float:
    """A made-up score that is best at a learning rate of 5e-4, dropout 0.3 and two layers."""
    net = config.model.net
    return abs(config.model.learning_rate - 5e-4) * 1000 + abs(net.dropout - 0.3) + 2 - net.num_layers


class Tasks:
    """A task that counts its calls and lets a test choose how each ends."""

    def __init__(self, *ends: Any) -> None:
        self.ends = list(ends)
        self.configs: list[DictConfig] = []

    def __call__(self, config: DictConfig) -> Any:
        end = self.ends[len(self.configs)] if len(self.configs) < len(self.ends) else None
        self.configs.append(config)
        Path(config.search.folder, "trials", str(config.search.trial), "metrics.csv").touch()  # as any trial does
        if isinstance(end, BaseException):
            raise end
        return loss(config) if end is None else end


def go(tasks: Any, music: Path, home: Path, name: str, *overrides: str) -> optuna.Study:
    """Search in a study of its own, on the shared cache."""
    own = home / name
    search(tasks, music, own, f"paths.cache={home}/cache", *overrides)
    return study(own)


def states(found: optuna.Study) -> list[str]:
    return [trial.state.name for trial in found.trials]
