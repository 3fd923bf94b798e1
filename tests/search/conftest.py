"""Searches in this process: Hydra's multirun as train.py starts it, with a task that a test writes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import yaml
from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial

from genre.reports.search import SearchResult
from genre.search.results import load_result
from genre.search.storage import COMMAND, CONFIG, open_study
from genre.search.study import ResumableStudy
from genre.search.trial import record_result
from tests.composing import CONF, TINY, search_settings

SPACE = {"x": CategoricalDistribution(list(range(1000)))}


def random_sampler(number: int, attempt: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.RandomSampler(seed=99 * number + attempt)


def make_study(
    home: Path, space: Any = SPACE, shared: dict[str, Any] | None = None, **search: object
) -> ResumableStudy:
    """A study in a folder, `x` of which is searched from 1,000 choices."""
    given: dict[str, Any] = {"storage": f"sqlite:///{home}/study.db", **search}
    return ResumableStudy(
        search_settings(study="s", folder=str(home), **given), "minimize", space, random_sampler, shared or {}
    )


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


def recorded(task: Callable[[DictConfig], Any]) -> Callable[[DictConfig], Any]:
    """A task whose result is recorded in the study, as that of a training is."""
    return lambda config: record_result(config, lambda trial: task(config))


def sweep(task: Callable[[DictConfig], Any], music: Path, home: Path, *overrides: str) -> None:
    """Run `python train.py -m hparams_search=study ...` with another task than training; later overrides win."""
    others = {"model", "data.batch_size", *(text.partition("=")[0] for text in overrides)}
    tiny = [text for text in TINY if text.partition("=")[0] not in others]
    given = [*tiny, f"data.root={music}", f"paths.data={home}", f"paths.runs={home}/runs", "hparams_search=study"]
    model = [] if any(text.startswith("model=") for text in overrides) else ["model=cnn1d_gru"]
    GlobalHydra.instance().clear()
    version.setbase("1.3")
    hydra = Hydra.create_main_hydra2("train", create_config_search_path(str(CONF)))
    try:
        hydra.multirun("train", task, [*given, *model, *overrides])
    finally:
        GlobalHydra.instance().clear()


def folder_of(home: Path, model: str = "cnn1d_gru") -> Path:
    return home / "runs/search" / f"{model}-folder"


def study_of(home: Path, model: str = "cnn1d_gru") -> optuna.Study:
    return open_study(f"sqlite:///{folder_of(home, model)}/study.db", f"{model}-folder")


def states(study: optuna.Study) -> list[str]:
    return [trial.state.name for trial in study.trials]


MADE_SPACE = {
    "data.batch_size": [16, 32, 64],
    "model.learning_rate": [1e-4, 1e-3],
    "model.net.dropout": [0.2, 0.3],
    "scheduler.step.gamma": [0.5, 0.7],
}


def made_search(home: Path, states: str, maximize: bool = False) -> SearchResult:
    """A study of as many trials as `states` has letters: c(omplete), p(runed), f(ailed), r(unning), w(aiting)."""
    url = f"sqlite:///{home}/study.db"
    study = optuna.create_study(url, study_name="s", direction="maximize" if maximize else "minimize")
    config = {"monitor.metric": "val/loss", "model.name": "cnn1d_gru", "scheduler.step.gamma": 0.9}
    study.set_user_attr(CONFIG, {**config, "scheduler.step.step_size": 10})
    study.set_user_attr(COMMAND, "python train.py model=cnn1d_gru")
    random = np.random.default_rng(0)
    kinds = {"c": "COMPLETE", "p": "PRUNED", "f": "FAIL", "r": "RUNNING", "w": "WAITING"}
    distributions = {name: CategoricalDistribution(choices) for name, choices in MADE_SPACE.items()}
    for letter in states:
        params = {name: choices[random.integers(len(choices))] for name, choices in MADE_SPACE.items()}
        value = 1.0 - 500 * params["model.learning_rate"] + 0.01 * random.random()
        study.add_trial(
            create_trial(
                state=TrialState[kinds[letter]],
                params={} if letter == "w" else params,
                distributions={} if letter == "w" else distributions,
                value=value if letter == "c" else None,
                user_attrs={"trained": (20 if letter == "c" else 6, 30.0), "reason": "no" * (letter in "pf")},
            )
        )
    (home / "search.yaml").write_text(yaml.safe_dump({"storage": url, "study": "s"}))
    return load_result(study, home)


@pytest.fixture(scope="module")
def home(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the cache, so that it is filled once."""
    home = tmp_path_factory.mktemp("searches")
    sweep(recorded(loss), music_folder, home, "search.n_trials=1")
    return home


@pytest.fixture
def search(music_folder: Path, home: Path) -> Callable[..., optuna.Study]:
    """Searches in a folder of its own, on the shared cache: `search(task, "name", *overrides)` returns the study."""

    def search(task: Callable[[DictConfig], Any], name: str, *overrides: str) -> optuna.Study:
        sweep(recorded(task), music_folder, home / name, f"paths.cache={home}/cache", *overrides)
        return study_of(home / name)

    return search
