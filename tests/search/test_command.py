"""The command that a search prints, run, gives the score of its best trial."""

import shlex
from pathlib import Path

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from genre.config.diff import training_values
from genre.pipeline import train_and_test
from genre.search import trial
from tests.composing import compose
from tests.search.sweeping import folder, search, study

MODEL = "cnn1d_lstm"
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
    "space": ["search_space=mine", "trainer.max_epochs=2"],
}


def train(config: DictConfig) -> float:
    job = HydraConfig.get()
    return trial.run(config, Path(job.runtime.output_dir), list(job.overrides.task))


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_trains_the_best_trial_again(
    music_folder: Path, home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    (tmp_path / "conf/search_space").mkdir(parents=True)
    (tmp_path / "conf/search_space/mine.yaml").write_text(MINE)
    more = [f"hydra.searchpath=[file://{tmp_path}/conf]", f"model={MODEL}", "search.n_trials=2", *KINDS[kind]]
    space = [] if kind == "space" else ["search_space=none"]
    (tmp_path / "conf/search_space/none.yaml").write_text("# @package _global_\n{}")
    search(train, music_folder, tmp_path, f"paths.cache={home}/cache", *more, *space)
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("train the best: python train.py ")]
    again = shlex.split(line.removeprefix("train the best: python train.py "))
    config = compose([*again, f"run_dir={tmp_path}/run"])
    found = study(tmp_path, MODEL)
    assert train_and_test(config, tmp_path / "run", again) == found.best_value
    taken = training_values(config)
    assert {key: taken[key] for key in found.best_params} == found.best_params
    assert folder(tmp_path, MODEL).is_dir()
