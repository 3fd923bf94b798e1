"""What a search does with trials that end well, badly or not at all; training is replaced by made-up scores."""

import shlex
import threading
import time
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
import yaml
from hydra.errors import ConfigCompositionException, MissingConfigException
from omegaconf import DictConfig
from optuna.trial import TrialState

from genre.errors import GenreError
from genre.search.study import DurableStudy
from tests.composing import compose
from tests.search.sweeping import folder, loss, search, study

STUDYS = {
    "data.batch_size": [8, 16, 32, 64],
    "model.learning_rate": [1e-4, 3e-4, 5e-4, 7e-4, 1e-3],
    "model.net.hidden_dim": [16, 32, 64],
    "model.net.dropout": [0.2, 0.3, 0.4, 0.5],
    "model.net.num_layers": [1, 2],
}


@pytest.fixture(scope="module")
def home(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the cache, so that it is filled once."""
    home = tmp_path_factory.mktemp("searches")
    search(loss, music_folder, home, "search.n_trials=1")
    return home


class Tasks:
    """A task that counts its calls and lets a test choose how each ends."""

    def __init__(self, *ends: Any) -> None:
        self.ends = list(ends)
        self.configs: list[DictConfig] = []

    def __call__(self, config: DictConfig) -> Any:
        end = self.ends[len(self.configs)] if len(self.configs) < len(self.ends) else None
        self.configs.append(config)
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


def test_the_same_command_finishes_to_n_trials_in_all(music_folder: Path, home: Path) -> None:
    first, second = Tasks(), Tasks()
    go(first, music_folder, home, "twice", "search.n_trials=3")
    found = go(second, music_folder, home, "twice", "search.n_trials=5")
    assert (len(first.configs), len(second.configs)) == (3, 2)
    assert states(found) == ["COMPLETE"] * 5
    assert [config.search.trial for config in first.configs + second.configs] == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in (folder(home / "twice") / "trials").iterdir()) == list("01234")
    third = Tasks()
    go(third, music_folder, home, "twice", "search.n_trials=5")
    assert third.configs == []


def test_an_interrupted_search_suggests_what_an_undisturbed_one_does(music_folder: Path, home: Path) -> None:
    whole = go(Tasks(), music_folder, home, "whole", "search.n_trials=12")
    go(Tasks(), music_folder, home, "parts", "search.n_trials=4")
    parts = go(Tasks(), music_folder, home, "parts", "search.n_trials=12")
    assert [t.params for t in whole.trials] == [t.params for t in parts.trials]
    other = go(Tasks(), music_folder, home, "other", "search.n_trials=4", "search.seed=1")
    assert [t.params for t in other.trials] != [t.params for t in whole.trials[:4]]


def test_the_space_is_the_studys_and_tpe_finds_its_best(music_folder: Path, home: Path) -> None:
    found = go(Tasks(), music_folder, home, "tpe", "search.n_trials=20")
    choices = {name: list(d.choices) for name, d in found.trials[0].distributions.items()}
    assert choices == STUDYS | {"model.net.hidden_dim": [64, 128, 256], "data.batch_size": [16, 32, 64, 128]}
    assert found.best_value < 0.21
    best = yaml.safe_load((folder(home / "tpe") / "best.yaml").read_text())
    assert best.items() >= found.best_params.items()
    assert best["model.name"] == "cnn1d_gru"
    assert best["scheduler"]["plateau"]["factor"] == 0.5


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (float("nan"), "the score is nan"),
        (None, None),
        ("much", "the score is much"),
        (GenreError("training diverged"), "training diverged"),
        (MemoryError("Unable to allocate 3 GiB"), "MemoryError: Unable to allocate 3 GiB"),
        (RuntimeError("CUDA out of memory.\nTried"), "RuntimeError: CUDA out of memory."),
        (KeyError(), "KeyError: KeyError"),
    ],
)
def test_a_trial_that_fails_is_noted_and_the_search_goes_on(
    music_folder: Path, home: Path, tmp_path: Path, end: Any, reason: str | None
) -> None:
    found = go(Tasks(end), music_folder, home, tmp_path.name, "search.n_trials=2")
    assert states(found) == ["COMPLETE" if reason is None else "FAIL", "COMPLETE"]
    assert found.trials[0].user_attrs["reason"] == (reason or "")


def test_pruned_trials_are_pruned_and_count(music_folder: Path, home: Path) -> None:
    found = go(Tasks(None, optuna.TrialPruned("worse")), music_folder, home, "pruned", "search.n_trials=3")
    assert states(found) == ["COMPLETE", "PRUNED", "COMPLETE"]


def test_failures_in_a_row_end_the_search_which_goes_on_later(music_folder: Path, home: Path) -> None:
    broken = Tasks(None, GenreError("a"), None, GenreError("b"), GenreError("c"), GenreError("d"))
    with pytest.raises(GenreError, match="3 trials in a row failed, the last one with: d; mend it"):
        go(broken, music_folder, home, "row", "search.n_trials=9", "search.failures_in_a_row=3")
    assert states(study(home / "row")) == ["COMPLETE", "FAIL", "COMPLETE", "FAIL", "FAIL", "FAIL"]
    assert (folder(home / "row") / "report/index.html").is_file()
    found = go(Tasks(), music_folder, home, "row", "search.n_trials=9", "search.failures_in_a_row=3")
    assert len(found.trials) == 9


def test_a_search_that_was_stopped_by_hand_repeats_the_trial(music_folder: Path, home: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        go(Tasks(None, KeyboardInterrupt()), music_folder, home, "hand", "search.n_trials=3")
    with pytest.raises(KeyboardInterrupt):  # and once more
        go(Tasks(KeyboardInterrupt()), music_folder, home, "hand", "search.n_trials=3")
    found = go(Tasks(), music_folder, home, "hand", "search.n_trials=3")
    assert states(found) == ["COMPLETE", "FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert [trial.user_attrs["reason"] for trial in found.trials[1:4]] == ["interrupted", "interrupted", ""]
    assert found.trials[1].params == found.trials[2].params == found.trials[3].params
    shown = pd.read_csv(folder(home / "hand") / "report/tables/trials.csv")
    assert shown["state"].tolist() == ["complete", "interrupted", "interrupted", "complete", "complete"]


def test_a_dead_neighbours_trial_is_repeated_and_a_living_ones_is_waited_for(
    music_folder: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ("search.n_trials=3", "search.heartbeat_seconds=1")
    go(Tasks(), music_folder, home, "dead", "search.n_trials=1", "search.heartbeat_seconds=1")
    neighbours = study(home / "dead")
    dead, alive = neighbours.ask(), neighbours.ask()
    for trial in (dead, alive):
        neighbours._storage.record_heartbeat(trial._trial_id)
    over = threading.Event()

    def live() -> None:
        until = time.monotonic() + 8
        while time.monotonic() < until and not over.wait(0.5):
            neighbours._storage.record_heartbeat(alive._trial_id)
        neighbours.tell(alive, 1.0)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        found = go(Tasks(), music_folder, home, "dead", *quick)
    finally:
        over.set()
        thread.join()
    assert states(found) == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert found.trials[3].system_attrs["failed_trial"] == 1
    assert "waiting for 2 trials of other processes" in capsys.readouterr().out
    assert found.trials[2].value == 1.0


def test_a_trial_that_kills_its_process_twice_has_failed(music_folder: Path, home: Path) -> None:
    quick = ("search.n_trials=2", "search.heartbeat_seconds=1")
    go(Tasks(), music_folder, home, "killer", "search.n_trials=1", "search.heartbeat_seconds=1")
    for _ in range(2):
        neighbours = study(home / "killer")
        neighbours._storage.record_heartbeat(neighbours.ask()._trial_id)
        time.sleep(5)
        settings = compose(["hparams_search=optuna", *quick, "search.study=cnn1d_gru-folder"]).search
        settings.folder = str(folder(home / "killer"))
        DurableStudy(settings, "minimize", lambda number, attempt: optuna.samplers.RandomSampler())._end_dead()
    found = go(Tasks(), music_folder, home, "killer", *quick)
    assert states(found) == ["COMPLETE", "FAIL", "FAIL"]
    shown = pd.read_csv(folder(home / "killer") / "report/tables/trials.csv")
    assert shown["state"].tolist() == ["complete", "interrupted", "failed"]
    assert shown["reason"].tolist()[1:] == ["its process died"] * 2


def test_lists_and_epochs_can_be_searched(music_folder: Path, home: Path) -> None:
    given = ("model=cnn2d_gru", "search.n_trials=2")
    space = ("model.net.pool_sizes=choice([2,2],[4,4])", "trainer.max_epochs=choice(3,4)")
    search(Tasks(), music_folder, home / "lists", f"paths.cache={home}/cache", *given, *space)
    found = study(home / "lists", "cnn2d_gru")
    best = yaml.safe_load((folder(home / "lists", "cnn2d_gru") / "best.yaml").read_text())
    assert best["model.net.pool_sizes"] in ([2, 2], [4, 4])
    assert best["trainer.max_epochs"] == found.best_params["trainer.max_epochs"]
    assert "max_epochs" not in found.user_attrs["command"]


def test_the_trials_of_a_study_that_is_gone_are_not_mixed_with_others(music_folder: Path, home: Path) -> None:
    go(Tasks(), music_folder, home, "gone", "search.n_trials=1")
    (folder(home / "gone") / "study.db").unlink()
    with pytest.raises(GenreError, match=r"holds trials of a study that is not in search\.storage"):
        go(Tasks(), music_folder, home, "gone", "search.n_trials=1")


def test_machines_may_keep_their_music_elsewhere(music_folder: Path, home: Path, tmp_path: Path) -> None:
    go(Tasks(), music_folder, home, "elsewhere", "search.n_trials=1")
    (tmp_path / "music").symlink_to(music_folder)
    found = go(Tasks(), tmp_path / "music", home, "elsewhere", "search.n_trials=2")
    assert states(found) == ["COMPLETE"] * 2


def test_a_launcher_that_fails_costs_its_trials_only(
    music_folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hydra._internal.core_plugins.basic_launcher import BasicLauncher

    launch, calls = BasicLauncher.launch, []

    def once(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == 1:
            raise ChildProcessError("a worker was killed")
        return launch(self, *args, **kwargs)

    monkeypatch.setattr(BasicLauncher, "launch", once)
    many = ("search.n_trials=3", "search.n_jobs=3", "search.failures_in_a_row=2")
    found = go(Tasks(), music_folder, home, "launcher", *many)
    assert states(found) == ["FAIL"] * 3 + ["COMPLETE"] * 3
    assert found.trials[0].user_attrs["reason"] == "ChildProcessError: a worker was killed"
    assert [t.params for t in found.trials[:3]] == [t.params for t in found.trials[3:]]
    shown = pd.read_csv(folder(home / "launcher") / "report/tables/trials.csv")
    assert shown["state"].tolist() == ["interrupted"] * 3 + ["complete"] * 3


def test_what_ended_before_a_launcher_failed_is_kept(
    music_folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hydra._internal.core_plugins.basic_launcher import BasicLauncher

    def noted(config: DictConfig) -> float:
        found = study(home / "noted")
        (trial,) = [t for t in found.trials if t.number == config.search.trial]
        if config.search.trial == 0:
            found._storage.set_trial_user_attr(trial._trial_id, "value", 0.25)
        return 1.0

    launch, calls = BasicLauncher.launch, []

    def fails_at_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(launch(self, *args, **kwargs))
        if len(calls) == 1:
            raise ChildProcessError("the second of two jobs was killed")
        return calls[-1]

    monkeypatch.setattr(BasicLauncher, "launch", fails_at_first)
    found = go(noted, music_folder, home, "noted", "search.n_trials=2", "search.n_jobs=2")
    assert states(found) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert [found.trials[0].value, found.trials[2].value] == [0.25, 1.0]


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
    with pytest.raises(ConfigCompositionException, match="Key 'seed' not in 'SamplerConfig'"):
        go(Tasks(), music_folder, home, "wrong", "hydra/sweeper/sampler=grid")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model=majority"], "model=majority has no search space"),
        (["model=cnn2d_gru", "scheduler=none", "~scheduler.step"], "names scheduler.plateau.factor, which this"),
        (["seed=1,2"], "seed cannot be searched"),
        (["model=glob(cnn1*)"], r"model=glob\(cnn1\*\) cannot be searched: list the choices"),
        (["experiment=ablation"], "the search space cannot be read"),
        (["best=runs/search"], "best= is for runs: a search finds it anew, leave it out"),
        (["search.n_trials=0"], "search.n_trials=0 is too small: the least is 1"),
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


def test_a_study_of_something_else_is_not_gone_on_with(music_folder: Path, home: Path) -> None:
    go(Tasks(), music_folder, home, "same", "search.n_trials=1")
    for other, key in (
        ("trainer.max_epochs=7", "trainer.max_epochs=30, not 7"),
        ("model.net.dropout=0.3", "model.net.dropout=None, not 0.3"),
        ("seed=7", "seed=42, not 7"),
    ):
        with pytest.raises(GenreError, match=f"cnn1d_gru-folder is a search with .*{key}"):
            go(Tasks(), music_folder, home, "same", "search.n_trials=2", other)
    assert len(study(home / "same").trials) == 1


def test_more_is_better_where_the_monitor_says_so(music_folder: Path, home: Path) -> None:
    largest = ("monitor.metric=val/accuracy", "monitor.mode=max")
    found = go(Tasks(), music_folder, home, "max", "search.n_trials=3", *largest)
    assert found.best_value == max(t.value for t in found.trials)
    assert all(t.state == TrialState.COMPLETE for t in found.trials)


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
