"""What is searched, for which models, and what cannot be; training is replaced by made-up scores."""

import shlex
from pathlib import Path

import pytest
import yaml
from hydra.errors import MissingConfigException
from optuna.trial import TrialState

from genre.errors import GenreError
from tests.search.sweeping import Tasks, folder, go, search, states, study

STUDYS = {
    "data.batch_size": [16, 32, 64, 128],
    "model.learning_rate": [1e-4, 3e-4, 5e-4, 7e-4, 1e-3],
    "model.net.hidden_dim": [64, 128, 256],
    "model.net.dropout": [0.2, 0.3, 0.4, 0.5],
    "model.net.num_layers": [1, 2],
}


def test_the_space_is_the_studys_and_tpe_finds_its_best(music_folder: Path, home: Path) -> None:
    found = go(Tasks(), music_folder, home, "tpe", "search.n_trials=20")
    choices = {name: list(d.choices) for name, d in found.trials[0].distributions.items()}
    assert choices == STUDYS
    assert found.best_value < 0.21
    best = yaml.safe_load((folder(home / "tpe") / "best.yaml").read_text())
    assert best.items() >= found.best_params.items()
    assert best["model.name"] == "cnn1d_gru"
    assert best["scheduler"]["plateau"]["factor"] == 0.5


def test_fixed_and_replaced_parameters(music_folder: Path, home: Path) -> None:
    given = ("model.net.dropout=0.1", "model.learning_rate=interval(1e-4,1e-2)", "search.n_trials=2")
    tasks = Tasks()
    found = go(tasks, music_folder, home, "given", *given)
    assert "model.net.dropout" not in found.trials[0].params
    assert all(config.model.net.dropout == 0.1 for config in tasks.configs)
    assert 1e-4 <= found.trials[0].params["model.learning_rate"] <= 1e-2
    command = shlex.split(found.user_attrs["command"])
    assert "model.net.dropout=0.1" in command
    assert not any("learning_rate" in word or word.startswith("search.") for word in command)
    assert command[:3] == ["python", "train.py", "model=cnn1d_gru"]


def test_lists_and_epochs_can_be_searched(music_folder: Path, home: Path) -> None:
    given = ("model=cnn2d_gru", "search.n_trials=2")
    space = ("model.net.pool_sizes=choice([2,2],[4,4])", "trainer.max_epochs=choice(3,4)")
    search(Tasks(), music_folder, home / "lists", f"paths.cache={home}/cache", *given, *space)
    found = study(home / "lists", "cnn2d_gru")
    best = yaml.safe_load((folder(home / "lists", "cnn2d_gru") / "best.yaml").read_text())
    assert best["model.net.pool_sizes"] in ([2, 2], [4, 4])
    assert best["trainer.max_epochs"] == found.best_params["trainer.max_epochs"]
    assert "max_epochs" not in found.user_attrs["command"]


def test_more_is_better_where_the_monitor_says_so(music_folder: Path, home: Path) -> None:
    largest = ("monitor.metric=val/accuracy", "monitor.mode=max")
    found = go(Tasks(), music_folder, home, "max", "search.n_trials=3", *largest)
    assert found.best_value == max(t.value for t in found.trials)
    assert all(t.state == TrialState.COMPLETE for t in found.trials)


def test_each_model_has_a_search_of_its_own(music_folder: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    four = "model=cnn1d_gru,cnn1d_lstm,cnn2d_gru,cnn2d_lstm"
    go(Tasks(), music_folder, home, "four", four, "search.n_trials=2")
    for model in four.removeprefix("model=").split(","):
        found = study(home / "four", model)
        assert states(found) == ["COMPLETE"] * 2
        schedulers = {name for name in found.trials[0].params if name.startswith("scheduler")}
        expected = {"scheduler.plateau.factor", "scheduler.step.step_size", "scheduler.step.gamma"}
        assert schedulers == (set() if model == "cnn1d_gru" else expected)
    said = capsys.readouterr().out
    (line,) = [line for line in said.splitlines() if line.startswith("compare their bests: ")]
    assert line.startswith("compare their bests: python train.py -m experiment=compare data=folder data.clip_seconds=2")
    assert line.endswith(f"best={home}/four/runs/search paths.runs={home}/four/runs/tuned")
    assert said.count("train the best: python train.py model=") == 4


def test_a_misspelt_model_ends_the_command_before_any_search(music_folder: Path, home: Path) -> None:
    tasks = Tasks()
    with pytest.raises(MissingConfigException, match="Could not find 'model/cnn3d'"):
        go(tasks, music_folder, home, "misspelt", "model=cnn1d_gru,cnn3d")
    assert tasks.configs == []
    assert not (home / "misspelt").exists()


def test_one_models_failure_does_not_end_the_others(music_folder: Path, home: Path) -> None:
    broken = Tasks(GenreError("no"))
    ends_first = ("model=cnn1d_gru,cnn1d_lstm", "search.n_trials=2", "search.failures_in_a_row=1")
    with pytest.raises(GenreError, match=r"1 of 2 searches ended early: cnn1d_gru: 1 trials in a row failed"):
        go(broken, music_folder, home, "partly", *ends_first)
    assert states(study(home / "partly", "cnn1d_lstm")) == ["COMPLETE"] * 2


def test_a_sampler_without_a_seed_is_refused(music_folder: Path, home: Path) -> None:
    with pytest.raises(GenreError, match="hydra/sweeper/sampler=grid cannot be resumed: use tpe, random, nsgaii or"):
        go(Tasks(), music_folder, home, "wrong", "hydra/sweeper/sampler=grid")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=majority"], "model=majority has no search space"),
        (["model=cnn1d_gru,majority"], "model=majority has no search space"),
        (["model=cnn1d_gru,cnn1d_lstm", "search.study=night"], r"search\.study is the same for several models"),
        (["model=cnn2d_gru", "scheduler=none", "~scheduler.step"], "names scheduler.plateau.factor, which this"),
        (["seed=1,2"], r"seed cannot be searched: give one value, and another search\.study to a search"),
        (["+model.net.hidden_dim=choice(4,8)"], r"write model\.net\.hidden_dim=\.\.\., without the \+"),
        (["model=glob(cnn1*)"], r"model=glob\(cnn1\*\) cannot be searched: list the choices"),
        (["data.batch_size=interval(2,8)"], r"data\.batch_size is a whole number: search it with range"),
        (["model.learning_rate=interval(1e-2,1e-4)"], "the search space cannot be read: The `?low`? value must be"),
        (["experiment=ablation"], "the search space cannot be read"),
        (["features.n_mels=16", "features.n_mels=choice(8,12)"], "features.n_mels is given twice, as one value and"),
        (["best=runs/search"], "best= is for runs: a search finds it anew, leave it out"),
        (["hydra.sweeper.n_trials=2"], r"hydra\.sweeper\.n_trials has no effect here: give search\.n_trials"),
        (["search.n_trials=0"], "search.n_trials=0 must be at least 1"),
        (["search.storage=sqlite:////no/such/folder/x.db"], "search.storage=sqlite:////no/such/folder/x.db cannot be"),
        (["search.storage=nosql://me:secret@host/x"], r"search.storage=nosql://me:\*\*\*@host/x cannot be used"),
        (["data.segment_seconds=0.1"], "the networks need 64"),
    ],
)
def test_what_cannot_be_searched_is_one_line_and_begins_no_trial(
    music_folder: Path, home: Path, overrides: list[str], message: str
) -> None:
    tasks = Tasks()
    with pytest.raises(GenreError, match=message):
        go(tasks, music_folder, home, "wrong", *overrides)
    assert tasks.configs == []
    assert not (home / "wrong").exists()


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsgaii"])
def test_a_space_that_is_used_up_ends_the_search(
    music_folder: Path, home: Path, capsys: pytest.CaptureFixture[str], sampler: str
) -> None:
    fixed = ("data.batch_size=4", "model.net.hidden_dim=4", "model.learning_rate=1e-3", "model.net.num_layers=1")
    given = (*fixed, "search.n_trials=9", f"hydra/sweeper/sampler={sampler}")
    tasks = Tasks()
    found = go(tasks, music_folder, home, f"used-{sampler}", *given)
    assert sorted(trial.params["model.net.dropout"] for trial in found.trials) == [0.2, 0.3, 0.4, 0.5]
    assert "the search space is used up: it has 4 points, and search.n_trials=9" in capsys.readouterr().out
    go(tasks, music_folder, home, f"used-{sampler}", *given)
    assert len(tasks.configs) == 4


def test_a_study_of_something_else_is_not_gone_on_with(music_folder: Path, home: Path) -> None:
    go(Tasks(), music_folder, home, "same", "search.n_trials=1")
    for other, key in (
        ("trainer.max_epochs=7", "trainer.max_epochs=30, not 7"),
        ("model.net.dropout=0.3", "model.net.dropout=choice\\(0.2,0.3,0.4,0.5\\), not 0.3"),
        ("seed=7", "seed=42, not 7"),
    ):
        with pytest.raises(GenreError, match=f"cnn1d_gru-folder is a search with .*{key}"):
            go(Tasks(), music_folder, home, "same", "search.n_trials=2", other)
    assert len(study(home / "same").trials) == 1
