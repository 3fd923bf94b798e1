"""What is searched, what cannot be, and the command that trains the best trial with the same score."""

import shlex
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import yaml
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from optuna.distributions import (
    CategoricalDistribution,
    DiscreteUniformDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
    UniformDistribution,
)

from genre.config.diff import training_values
from genre.errors import GenreError
from genre.pipeline import train_and_test
from genre.search.space import n_points
from genre.search.trial import run_trial
from tests.composing import compose
from tests.search.conftest import Tasks, folder_of, recorded, study_of, sweep

Search = Callable[..., optuna.Study]
STUDYS = {
    "data.batch_size": [16, 32, 64, 128],
    "model.learning_rate": [1e-4, 3e-4, 5e-4, 7e-4, 1e-3],
    "model.net.hidden_dim": [64, 128, 256],
    "model.net.dropout": [0.2, 0.3, 0.4, 0.5],
    "model.net.num_layers": [1, 2],
}


def test_the_space_is_the_studys_and_tpe_finds_its_best(home: Path, search: Search) -> None:
    study = search(Tasks(), "tpe", "search.n_trials=20")
    assert {name: list(d.choices) for name, d in study.trials[0].distributions.items()} == STUDYS
    assert study.best_value < 0.21
    best = yaml.safe_load((folder_of(home / "tpe") / "best.yaml").read_text())
    assert best.items() >= study.best_params.items()
    assert best["model.name"] == "cnn1d_gru"
    assert best["scheduler"]["plateau"]["factor"] == 0.7


def test_fixed_and_replaced_parameters(search: Search) -> None:
    tasks = Tasks()
    given = ("model.net.dropout=0.1", "model.learning_rate=interval(1e-4,1e-2)", "search.n_trials=2")
    study = search(tasks, "given", *given)
    assert "model.net.dropout" not in study.trials[0].params
    assert all(config.model.net.dropout == 0.1 for config in tasks.configs)
    assert 1e-4 <= study.trials[0].params["model.learning_rate"] <= 1e-2
    command = shlex.split(study.user_attrs["command"])
    assert "model.net.dropout=0.1" in command
    assert not any("learning_rate" in word or word.startswith("search.") for word in command)
    assert command[:3] == ["python", "train.py", "model=cnn1d_gru"]


def test_lists_and_epochs_can_be_searched(music_folder: Path, home: Path) -> None:
    space = ("model.net.pool_sizes=choice([2,2],[4,4])", "trainer.max_epochs=choice(3,4)")
    given = (f"paths.cache={home}/cache", "model=cnn2d_gru", "search.n_trials=2", *space)
    sweep(recorded(Tasks()), music_folder, home / "lists", *given)
    study = study_of(home / "lists", "cnn2d_gru")
    best = yaml.safe_load((folder_of(home / "lists", "cnn2d_gru") / "best.yaml").read_text())
    assert best["model.net.pool_sizes"] in ([2, 2], [4, 4])
    assert best["trainer.max_epochs"] == study.best_params["trainer.max_epochs"]
    assert "max_epochs" not in study.user_attrs["command"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=majority"], "model=majority has no search space: add one, such as"),
        (["model=cnn2d_gru", "scheduler=none", "~scheduler.step"], "names scheduler.plateau.factor, which this"),
        (["seed=1,2"], r"seed cannot be searched: give one value, and another search\.study for another value"),
        (["+model.net.hidden_dim=choice(4,8)"], r"write model\.net\.hidden_dim=\.\.\., without the \+"),
        (["model=glob(cnn1*)"], r"model=glob\(cnn1\*\) cannot be searched: list the choices"),
        (["data.batch_size=interval(2,8)"], r"data\.batch_size is a whole number: search it with range"),
        (["model.learning_rate=interval(1e-2,1e-4)"], "the search space cannot be read: The `?low`? value must be"),
        (["experiment=ablation"], "the search space cannot be read"),
        (["features.n_mels=16", "features.n_mels=choice(8,12)"], "features.n_mels is given twice, as one value and"),
        (
            ["+hydra.sweeper.search_space={}"],
            r"hydra\.sweeper\.search_space is ignored here: use hydra\.sweeper\.params",
        ),
    ],
)
def test_a_space_that_cannot_be_searched_is_one_line(
    home: Path, search: Search, overrides: list[str], message: str
) -> None:
    with pytest.raises(GenreError, match=message):
        search(Tasks(), "wrong", *overrides)
    assert not (home / "wrong").exists()


@pytest.mark.parametrize(
    ("distribution", "count"),
    [
        (CategoricalDistribution([1, "a", None]), 3),
        (IntUniformDistribution(2, 8, step=3), 3),
        (IntLogUniformDistribution(1, 8), 8),
        (DiscreteUniformDistribution(0.0, 0.3, 0.1), 4),
        (UniformDistribution(0.0, 1.0), float("inf")),
        (UniformDistribution(1.0, 1.0), 1),
    ],
)
def test_the_points_of_a_space_are_counted(distribution: object, count: float) -> None:
    assert n_points({"a": distribution, "b": CategoricalDistribution([1, 2])}) == 2 * count  # type: ignore[dict-item]


MINE = """# @package _global_
defaults:
  - /scheduler/step@_global_.scheduler
hydra:
  sweeper:
    params:
      model.net.dropout: choice(0.1,0.5)
model:
  learning_rate: 0.02
  net:
    pooling: last
early_stopping:
  patience: null
"""
KINDS = {
    "trainer": ["trainer.max_epochs=choice(2,3)"],
    "features": ["features=mel", "features.n_mels=choice(8,12)", "trainer.max_epochs=1"],
    "data": ["data.batch_size=choice(3,5)", "data.segment_seconds=choice(1.6,1.8)", "trainer.max_epochs=1"],
    "model": ["model.learning_rate=interval(1e-3,1e-2)", "model.net.pooling=choice(mean,last)", "trainer.max_epochs=1"],
    "scheduler": ["scheduler=step", "scheduler.step.step_size=1", "scheduler.step.gamma=choice(0.1,0.2)"],
    "rate of a cycle": ["scheduler=one_cycle", "model.learning_rate=interval(1e-3,1e-2)", "trainer.max_epochs=2"],
    "space": ["search_space=mine", "trainer.max_epochs=2"],
}
"""Kinds of keys, searched."""


def train(config: DictConfig) -> float:
    job = HydraConfig.get()
    return run_trial(config, Path(job.runtime.output_dir), list(job.overrides.task))


@pytest.mark.parametrize("kind", KINDS)
def test_the_printed_command_reproduces_the_best_score(
    music_folder: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    (tmp_path / "conf/search_space").mkdir(parents=True)
    (tmp_path / "conf/search_space/mine.yaml").write_text(MINE)
    (tmp_path / "conf/search_space/none.yaml").write_text("# @package _global_\n{}")
    space = [] if kind == "space" else ["search_space=none"]
    more = [f"hydra.searchpath=[file://{tmp_path}/conf]", "model=cnn1d_lstm", "search.n_trials=2", *KINDS[kind]]
    sweep(train, music_folder, tmp_path, f"paths.cache={home}/cache", *more, *space)
    printed = capsys.readouterr().out
    (line,) = [line for line in printed.splitlines() if line.startswith("train the best: python train.py ")]
    again = shlex.split(line.removeprefix("train the best: python train.py "))
    config = compose([*again, f"run_dir={tmp_path}/run"])
    study = study_of(tmp_path, "cnn1d_lstm")
    assert train_and_test(config, tmp_path / "run", again) == study.best_value
    values = training_values(config)
    assert {key: values[key] for key in study.best_params} == study.best_params
