"""What a search does with trials that end well, badly or not at all; training is replaced by made-up scores."""

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from hydra.errors import MissingConfigException

from genre.errors import GenreError
from genre.search.storage import DATA
from tests.search.conftest import Tasks, folder_of, recorded, states, study_of, sweep

Search = Callable[..., optuna.Study]
REPORTED = "report/tables/trials.csv"


@pytest.fixture
def launcher(home: Path) -> Any:
    """The launcher that Hydra uses, whose module it loads again when it first looks for plug-ins."""
    from hydra._internal.core_plugins.basic_launcher import BasicLauncher

    return BasicLauncher


def test_the_same_command_completes_the_study(home: Path, search: Search) -> None:
    first, second, third = Tasks(), Tasks(), Tasks()
    search(first, "twice", "search.n_trials=3")
    study = search(second, "twice", "search.n_trials=5")
    assert (len(first.configs), len(second.configs)) == (3, 2)
    assert states(study) == ["COMPLETE"] * 5
    assert [config.search.trial for config in first.configs + second.configs] == [0, 1, 2, 3, 4]
    assert sorted(path.name for path in (folder_of(home / "twice") / "trials").iterdir()) == list("01234")
    search(third, "twice", "search.n_trials=5")
    assert third.configs == []


def test_a_search_on_other_tracks_is_refused(search: Search) -> None:
    search(Tasks(), "moved", "search.n_trials=1").set_user_attr(DATA, "other")
    with pytest.raises(GenreError, match="is a search on other tracks or another split"):
        search(Tasks(), "moved", "search.n_trials=2")


@pytest.mark.slow
def test_a_resumed_search_suggests_what_an_uninterrupted_one_does(search: Search) -> None:
    whole = search(Tasks(), "whole", "search.n_trials=12")
    search(Tasks(), "resumed", "search.n_trials=4")
    resumed = search(Tasks(), "resumed", "search.n_trials=12")
    assert [trial.params for trial in whole.trials] == [trial.params for trial in resumed.trials]
    other = search(Tasks(), "other", "search.n_trials=4", "search.seed=1")
    assert [trial.params for trial in other.trials] != [trial.params for trial in whole.trials[:4]]


def test_parameters_are_those_that_the_first_version_suggested(search: Search) -> None:
    names = ("data.batch_size", "model.learning_rate", "model.net.dropout", "model.net.hidden_dim")
    study = search(Tasks(), "seed", "search.n_trials=3")
    found = [tuple(trial.params[name] for name in names) for trial in study.trials]
    assert found == [(64, 5e-4, 0.2, 256), (64, 5e-4, 0.3, 64), (32, 1e-4, 0.3, 64)]


def test_failed_and_pruned_trials_count_and_the_search_continues(search: Search) -> None:
    ends = (float("nan"), GenreError("training diverged"), None, optuna.TrialPruned("worse"))
    study = search(Tasks(*ends), "ends", "search.n_trials=5")
    assert states(study) == ["FAIL", "FAIL", "COMPLETE", "PRUNED", "COMPLETE"]
    reasons = ["the score is nan", "training diverged", "", "worse", ""]
    assert [trial.user_attrs["reason"] for trial in study.trials] == reasons


def test_failures_in_a_row_end_the_search_which_resumes_later(home: Path, search: Search) -> None:
    broken = Tasks(None, GenreError("a"), None, GenreError("b"), GenreError("c"), GenreError("d"))
    given = ("search.n_trials=9", "search.failures_in_a_row=3")
    with pytest.raises(GenreError, match="3 trials in a row failed, the last one with: d; rerun the same command"):
        search(broken, "row", *given)
    assert states(study_of(home / "row")) == ["COMPLETE", "FAIL", "COMPLETE", "FAIL", "FAIL", "FAIL"]
    assert (folder_of(home / "row") / "report/index.html").is_file()
    assert len(search(Tasks(), "row", *given).trials) == 9


def test_a_search_that_was_interrupted_retries_the_trial(home: Path, search: Search) -> None:
    for ends in ((None, KeyboardInterrupt()), (KeyboardInterrupt(),)):
        with pytest.raises(KeyboardInterrupt):
            search(Tasks(*ends), "hand", "search.n_trials=3")
    study = search(Tasks(), "hand", "search.n_trials=3")
    assert states(study) == ["COMPLETE", "FAIL", "FAIL", "COMPLETE", "COMPLETE"]
    assert [trial.user_attrs["reason"] for trial in study.trials[1:4]] == ["interrupted", "interrupted", ""]
    assert study.trials[1].params == study.trials[2].params == study.trials[3].params
    shown = pd.read_csv(folder_of(home / "hand") / REPORTED)
    assert shown["state"].tolist() == ["complete", "interrupted", "interrupted", "complete", "complete"]


def test_a_result_that_was_recorded_is_kept_when_the_launcher_fails_afterwards(
    search: Search, launcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch, calls = launcher.launch, []

    def fails(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(launch(self, *args, **kwargs))
        raise ChildProcessError("a worker was killed")

    monkeypatch.setattr(launcher, "launch", fails)
    assert states(search(Tasks(), "kept", "search.n_trials=2")) == ["COMPLETE"] * 2
    assert len(calls) == 2


def test_a_launcher_that_fails_costs_a_retry(
    home: Path, search: Search, launcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch, calls = launcher.launch, []

    def once(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == 1:
            raise ChildProcessError("a worker was killed")
        return launch(self, *args, **kwargs)

    monkeypatch.setattr(launcher, "launch", once)
    study = search(Tasks(), "launcher", "search.n_trials=2")
    assert states(study) == ["FAIL", "COMPLETE", "COMPLETE"]
    assert study.trials[0].user_attrs["reason"] == "ChildProcessError: a worker was killed"
    assert study.trials[0].params == study.trials[1].params
    shown = pd.read_csv(folder_of(home / "launcher") / REPORTED)
    assert shown["state"].tolist() == ["interrupted", "complete", "complete"]


def test_a_trial_that_cannot_start_is_retried_and_fails(
    music_folder: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(config: Any) -> float:
        raise GenreError("no GPU")

    given = ("search.n_trials=2", "search.failures_in_a_row=2", f"paths.cache={home}/cache")
    with pytest.raises(GenreError, match="2 trials in a row failed, the last one with: GenreError: no GPU"):
        sweep(broken, music_folder, home / "start", *given)
    assert states(study_of(home / "start")) == ["FAIL"] * 2


def test_a_dead_processs_trial_is_retried_and_a_living_ones_is_waited_for(
    home: Path, search: Search, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = "search.heartbeat_seconds=1"
    neighbor = search(Tasks(), "dead", "search.n_trials=1", quick)
    dead, alive = neighbor.ask(), neighbor.ask()
    for trial in (dead, alive):
        neighbor._storage.record_heartbeat(trial._trial_id)
    is_over = threading.Event()

    def live() -> None:
        while "COMPLETE" not in states(neighbor)[3:] and not is_over.wait(0.5):  # the retry of the dead one
            neighbor._storage.record_heartbeat(alive._trial_id)
        for _ in range(6):  # long enough to be waited for
            neighbor._storage.record_heartbeat(alive._trial_id)
            time.sleep(0.5)
        neighbor.tell(alive, 1.0)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        study = search(Tasks(), "dead", "search.n_trials=3", quick)
    finally:
        is_over.set()
        thread.join()
    assert states(study) == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert study.trials[3].system_attrs["failed_trial"] == 1
    assert re.search("waiting for [12] trials running in other processes", capsys.readouterr().out)
    assert study.trials[2].value == 1.0


def test_machines_may_keep_their_music_elsewhere(
    music_folder: Path, home: Path, search: Search, tmp_path: Path
) -> None:
    search(Tasks(), "elsewhere", "search.n_trials=1")
    (tmp_path / "music").symlink_to(music_folder)
    given = ("search.n_trials=2", f"paths.cache={home}/cache")
    sweep(recorded(Tasks()), tmp_path / "music", home / "elsewhere", *given)
    assert states(study_of(home / "elsewhere")) == ["COMPLETE"] * 2


def test_each_model_has_a_search_of_its_own(home: Path, search: Search, capsys: pytest.CaptureFixture[str]) -> None:
    models = ("cnn1d_gru", "cnn1d_lstm", "cnn2d_gru", "cnn2d_lstm")
    search(Tasks(), "four", f"model={','.join(models)}", "search.n_trials=2")
    for model in models:
        study = study_of(home / "four", model)
        assert states(study) == ["COMPLETE"] * 2
        schedulers = {name for name in study.trials[0].params if name.startswith("scheduler")}
        expected = {"scheduler.plateau.factor", "scheduler.step.step_size", "scheduler.step.gamma"}
        assert schedulers == (set() if model == "cnn1d_gru" else expected)
    assert capsys.readouterr().out.count("train the best: python train.py model=") == 4


def test_a_misspelt_model_ends_the_command_before_any_search(home: Path, search: Search) -> None:
    tasks = Tasks()
    with pytest.raises(MissingConfigException, match="Could not find 'model/cnn3d'"):
        search(tasks, "misspelt", "model=cnn1d_gru,cnn3d")
    assert tasks.configs == []
    assert not (home / "misspelt").exists()


def test_one_models_failure_does_not_end_the_others(home: Path, search: Search) -> None:
    given = ("model=cnn1d_gru,cnn1d_lstm", "search.n_trials=2", "search.failures_in_a_row=1")
    with pytest.raises(GenreError, match=r"1 of 2 searches ended early: cnn1d_gru: 1 trials in a row failed"):
        search(Tasks(GenreError("no")), "partly", *given)
    assert states(study_of(home / "partly", "cnn1d_lstm")) == ["COMPLETE"] * 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra/sweeper/sampler=grid"], "hydra/sweeper/sampler=grid cannot be resumed: use tpe, random, nsgaii or"),
        (["model=cnn1d_gru,majority"], "model=majority has no search space"),
        (["model=cnn1d_gru,cnn1d_lstm", "search.study=night"], r"search\.study is the same for several models"),
        (["best=runs/search"], "best= cannot be combined with a search: leave it out"),
        (["hydra.sweeper.n_trials=2"], r"hydra\.sweeper\.n_trials is ignored here: use search\.n_trials"),
        (["search.n_trials=0"], "search.n_trials=0 must be at least 1"),
        (["search.storage=sqlite:////no/such/folder/x.db"], "search.storage=sqlite:////no/such/folder/x.db cannot be"),
        (["data.segment_seconds=0.1"], "the networks need at least 64"),
    ],
)
def test_an_invalid_search_is_one_line_and_starts_no_trial(
    home: Path, search: Search, overrides: list[str], message: str
) -> None:
    tasks = Tasks()
    with pytest.raises(GenreError, match=message):
        search(tasks, "wrong", *overrides)
    assert tasks.configs == []
    assert not (home / "wrong").exists()


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsgaii"])
def test_a_space_that_is_used_up_ends_the_search(
    search: Search, capsys: pytest.CaptureFixture[str], sampler: str
) -> None:
    fixed = ("data.batch_size=4", "model.net.hidden_dim=4", "model.learning_rate=1e-3", "model.net.num_layers=1")
    given = (*fixed, "search.n_trials=9", f"hydra/sweeper/sampler={sampler}")
    tasks = Tasks()
    study = search(tasks, f"used-{sampler}", *given)
    assert sorted(trial.params["model.net.dropout"] for trial in study.trials) == [0.2, 0.3, 0.4, 0.5]
    assert "the search space is used up: it has 4 points" in capsys.readouterr().out
    search(tasks, f"used-{sampler}", *given)
    assert len(tasks.configs) == 4


def test_a_search_of_something_else_is_refused(home: Path, search: Search) -> None:
    search(Tasks(), "same", "search.n_trials=1")
    for other, key in (
        ("trainer.max_epochs=7", "trainer.max_epochs=30, not 7"),
        ("model.net.dropout=0.3", "model.net.dropout=choice\\(0.2,0.3,0.4,0.5\\), not 0.3"),
        ("seed=7", "seed=42, not 7"),
    ):
        with pytest.raises(GenreError, match=f"cnn1d_gru-folder is a search with .*{key}"):
            search(Tasks(), "same", "search.n_trials=2", other)
    assert len(study_of(home / "same").trials) == 1


def test_more_is_better_where_the_monitor_says_so(search: Search) -> None:
    largest = ("monitor.metric=val/accuracy", "monitor.mode=max")
    study = search(Tasks(), "max", "search.n_trials=3", *largest)
    assert study.best_value == max(trial.value for trial in study.trials)
