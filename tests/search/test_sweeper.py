"""What a search does with trials that end well, badly or not at all; training is replaced by made-up scores."""

import threading
import time
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from omegaconf import DictConfig

from genre.errors import GenreError
from genre.search.notes import ENDED, as_note, judged
from genre.search.study import DurableStudy
from tests.composing import compose
from tests.search.sweeping import Tasks, folder, go, states, study


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


@pytest.mark.slow
def test_an_interrupted_search_suggests_what_an_undisturbed_one_does(music_folder: Path, home: Path) -> None:
    whole = go(Tasks(), music_folder, home, "whole", "search.n_trials=12")
    go(Tasks(), music_folder, home, "parts", "search.n_trials=4")
    parts = go(Tasks(), music_folder, home, "parts", "search.n_trials=12")
    assert [t.params for t in whole.trials] == [t.params for t in parts.trials]
    other = go(Tasks(), music_folder, home, "other", "search.n_trials=4", "search.seed=1")
    assert [t.params for t in other.trials] != [t.params for t in whole.trials[:4]]


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


def test_what_ended_in_a_batch_that_was_stopped_is_kept(music_folder: Path, home: Path) -> None:
    ends = [optuna.TrialPruned("worse"), GenreError("diverged"), KeyboardInterrupt()]

    def task(config: DictConfig) -> float:
        found = study(home / "batch")
        if not ends:
            return 1.0
        (trial,) = [t for t in found.trials if t.number == config.search.trial]
        end = ends.pop(0)
        if isinstance(end, Exception):
            found._storage.set_trial_user_attr(trial._trial_id, ENDED, as_note(judged(end)))
        raise end

    with pytest.raises(KeyboardInterrupt):
        go(task, music_folder, home, "batch", "search.n_trials=3", "search.n_jobs=3")
    found = go(task, music_folder, home, "batch", "search.n_trials=3", "search.n_jobs=3")
    assert states(found) == ["PRUNED", "FAIL", "FAIL", "COMPLETE"]
    assert [trial.user_attrs["reason"] for trial in found.trials] == ["worse", "diverged", "interrupted", ""]


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


@pytest.mark.slow
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


@pytest.mark.parametrize("end", [ChildProcessError, KeyboardInterrupt])
def test_what_ended_before_a_launcher_failed_or_was_stopped_is_kept(
    music_folder: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    from hydra._internal.core_plugins.basic_launcher import BasicLauncher

    def noted(config: DictConfig) -> float:
        found = study(home / tmp_path.name)
        (trial,) = [t for t in found.trials if t.number == config.search.trial]
        if config.search.trial == 0:
            found._storage.set_trial_user_attr(trial._trial_id, "ended", ["COMPLETE", 0.25, ""])
        return 1.0

    launch, calls = BasicLauncher.launch, []

    def fails_at_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(launch(self, *args, **kwargs))
        if len(calls) == 1:
            raise end("in the second of two jobs")
        return calls[-1]

    monkeypatch.setattr(BasicLauncher, "launch", fails_at_first)
    both = (noted, music_folder, home, tmp_path.name, "search.n_trials=2", "search.n_jobs=2")
    if end is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            go(*both)
    found = go(*both)
    assert states(found) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert [found.trials[0].value, found.trials[2].value] == [0.25, 1.0]
