"""Trials are taken once, however many processes take them, and a crash's are found by their silence."""

import threading
import time
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from genre.config.schema import SearchConfig
from genre.errors import GenreError
from genre.search.notes import AGAIN, ENDED, Ending, as_note, counted
from genre.search.storage import connect
from genre.search.study import DurableStudy

SPACE = {"x": CategoricalDistribution(list(range(1000)))}


def durable(home: Path, **search: object) -> DurableStudy:
    settings = SearchConfig(study="s", folder=str(home), storage=f"sqlite:///{home}/study.db", **search)

    def sampler(number: int, attempt: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.RandomSampler(seed=99 * number + attempt)

    return DurableStudy(settings, "minimize", sampler)


def work_off(home: Path, workers: int, **search: object) -> list[tuple[int, int]]:
    """Finish a study by several workers at once; the number and the parameter of each trial that one of them took."""
    taken: list[tuple[int, int]] = []

    def work() -> None:
        own = durable(home, **search)
        while trials := own.take(1, SPACE, lambda count: None):
            taken.append((trials[0].number, trials[0].params["x"]))
            own.end(trials[0], Ending(TrialState.COMPLETE, 1.0))

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def test_many_processes_take_each_trial_once(tmp_path: Path) -> None:
    durable(tmp_path)
    taken = work_off(tmp_path, 4, n_trials=12)
    study = connect(f"sqlite:///{tmp_path}/study.db", "s")
    assert len(taken) == len({number for number, _ in taken}) == 12
    assert len(counted(study.get_trials())) == 12
    assert sum(trial.state == TrialState.COMPLETE for trial in study.get_trials()) == 12
    assert len({value for _, value in taken}) > 9  # no two of them draw the same chance


def test_a_surplus_trial_is_given_back(tmp_path: Path) -> None:
    one = durable(tmp_path, n_trials=1)
    other = durable(tmp_path, n_trials=2)
    assert len(other.take(1, SPACE, lambda count: None)) == 1
    other.search.n_trials = 1
    assert one._begin(SPACE) is None
    assert len(counted(one.trials())) == 1
    assert one.trials()[1].user_attrs["reason"] == "another process took the last trial"


def test_a_beating_trial_is_left_alone_and_a_silent_one_is_not(tmp_path: Path) -> None:
    owner, neighbour = (durable(tmp_path, n_trials=3, heartbeat_seconds=1) for _ in range(2))
    beating, silent = owner.take(2, SPACE, lambda count: None)
    (tmp_path / "trials/1/checkpoints").mkdir(parents=True)
    with owner.beating([beating]):
        time.sleep(5)
        neighbour._end_dead()
    states = {trial.number: trial.state for trial in neighbour.trials()}
    assert states == {0: TrialState.RUNNING, 1: TrialState.FAIL, 2: TrialState.WAITING}
    assert owner.end(silent, Ending(TrialState.COMPLETE, 1.0)) == TrialState.FAIL  # too late: it has a repeat
    assert owner.trials()[2].params == silent.params
    assert not (tmp_path / "trials/1/checkpoints").exists()


def test_a_neighbour_with_another_heartbeat_leaves_living_trials_alone(tmp_path: Path) -> None:
    slow, quick = (
        durable(tmp_path, n_trials=3, heartbeat_seconds=10),
        durable(tmp_path, n_trials=3, heartbeat_seconds=1),
    )
    slow.take(1, SPACE, lambda count: None)
    time.sleep(5)
    quick._end_dead()
    assert [trial.state for trial in quick.trials()] == [TrialState.RUNNING]


@pytest.mark.parametrize(
    "ending",
    [
        Ending(TrialState.COMPLETE, 0.25),
        Ending(TrialState.PRUNED, reason="worse"),
        Ending(TrialState.FAIL, reason="diverged"),
    ],
)
def test_a_dead_process_trial_ends_as_it_noted_itself(tmp_path: Path, ending: Ending) -> None:
    owner = durable(tmp_path, n_trials=2, heartbeat_seconds=1)
    (trial,) = owner.take(1, SPACE, lambda count: None)
    trial.set_user_attr(ENDED, as_note(ending))
    time.sleep(5)
    owner._end_dead()
    (found,) = owner.trials()
    assert (found.state, found.value, found.user_attrs["reason"]) == ending


def test_a_process_that_dies_before_it_has_a_trial_repeated_is_made_up_for(tmp_path: Path) -> None:
    owner = durable(tmp_path, n_trials=2, heartbeat_seconds=1)
    (trial,) = owner.take(1, SPACE, lambda count: None)
    trial.set_user_attr(AGAIN, False)
    owner.end(trial, Ending(TrialState.FAIL, reason="its process died"))
    owner._end_dead()
    assert len(owner.trials()) == 1  # another process may just be about it
    time.sleep(4)
    for _ in range(2):
        owner._end_dead()
    assert [t.state for t in owner.trials()] == [TrialState.FAIL, TrialState.WAITING]
    assert owner.trials()[1].params == trial.params


def test_who_wants_no_more_waits_for_nobodys_further_trials(tmp_path: Path) -> None:
    many = durable(tmp_path, n_trials=3)
    first, *_ = many.take(3, SPACE, lambda count: None)
    many.end(first, Ending(TrialState.COMPLETE, 1.0))
    modest = durable(tmp_path, n_trials=1)
    assert modest.take(1, SPACE, lambda count: pytest.fail("it waits")) == []


def test_processes_that_find_the_same_dead_trials_repeat_each_once(tmp_path: Path) -> None:
    owner = durable(tmp_path, n_trials=6, heartbeat_seconds=1)
    lost = owner.take(3, SPACE, lambda count: None)
    time.sleep(5)
    taken = work_off(tmp_path, 3, n_trials=6, heartbeat_seconds=1)
    assert sorted(number for number, _ in taken) == [3, 4, 5, 6, 7, 8]
    repeats = [trial.params for trial in owner.trials() if "failed_trial" in trial.system_attrs]
    assert sorted(p["x"] for p in repeats) == sorted(trial.params["x"] for trial in lost)


def test_a_trial_whose_process_died_before_its_first_beat_is_found_too(tmp_path: Path) -> None:
    owner = durable(tmp_path, n_trials=2, heartbeat_seconds=1)
    owner.study.ask()
    owner._end_dead()
    time.sleep(5)
    owner._end_dead()
    assert [trial.state for trial in owner.trials()] == [TrialState.FAIL, TrialState.WAITING]


def test_a_beat_that_is_ahead_of_the_clock_is_no_silence(tmp_path: Path) -> None:
    owner = durable(tmp_path, n_trials=2, heartbeat_seconds=1)
    owner.take(1, SPACE, lambda count: None)
    with owner.storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE trial_heartbeats SET heartbeat = datetime('now', '+2 seconds')")
    assert max(owner.storage.silences(owner.study._study_id).values()) <= 0
    with owner.storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE trial_heartbeats SET heartbeat = datetime('now', '-1 day')")
    assert min(owner.storage.silences(owner.study._study_id).values()) >= 86400


def test_the_heart_beats_on_after_the_database_was_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = durable(tmp_path, n_trials=2, heartbeat_seconds=1)
    trials = owner.take(1, SPACE, lambda count: None)
    beats: list[int] = []

    def beat(trial_id: int) -> None:
        beats.append(trial_id)
        if len(beats) == 1:
            raise StorageInternalError("away")

    monkeypatch.setattr(owner.storage, "record_heartbeat", beat)
    with owner.beating(trials):
        time.sleep(3.5)
    assert len(beats) >= 2


def test_a_result_waits_for_a_database_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = durable(tmp_path, n_trials=2, heartbeat_seconds=1)
    (trial,) = owner.take(1, SPACE, lambda count: None)
    tell, calls = owner.study.tell, []

    def flaky(*args: object) -> None:
        calls.append(args)
        if len(calls) < 3:
            raise StorageInternalError("away")
        tell(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(owner.study, "tell", flaky)
    assert owner.end(trial, Ending(TrialState.COMPLETE, 0.5)) == TrialState.COMPLETE
    assert owner.trials()[0].value == 0.5


def test_trials_come_by_number_whatever_the_database_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = durable(tmp_path, n_trials=3)
    owner.take(3, SPACE, lambda count: None)
    given = RDBStorage.get_all_trials
    monkeypatch.setattr(RDBStorage, "get_all_trials", lambda *args, **kwargs: given(*args, **kwargs)[::-1])
    assert [trial.number for trial in owner.trials()] == [0, 1, 2]


def test_what_a_study_is_of_cannot_change(tmp_path: Path) -> None:
    study = durable(tmp_path)
    study.describe({"a": 1, "b": [1, 2]}, "python train.py")
    durable(tmp_path).describe({"a": 1, "b": [1, 2]}, "python train.py")
    with pytest.raises(GenreError, match=r"s is a search with b=\[1, 2\], not 3: give this one another search.study"):
        durable(tmp_path).describe({"a": 1, "b": 3}, "python train.py")


def test_a_study_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"search\.storage=sqlite:.*/study\.db does not exist: the search was moved"):
        connect(f"sqlite:///{tmp_path}/study.db", "s")
    assert not (tmp_path / "study.db").exists()
    durable(tmp_path)
    with pytest.raises(GenreError, match=r"there is no study other in search\.storage"):
        connect(f"sqlite:///{tmp_path}/study.db", "other")
    (tmp_path / "text.db").write_text("no database\n" * 100)
    with pytest.raises(GenreError, match=r"search.storage=sqlite:////.*/text.db cannot be used: .*not a database"):
        connect(f"sqlite:///{tmp_path}/text.db", "s")


def test_no_two_trials_are_the_same_and_a_space_is_used_up(tmp_path: Path) -> None:
    few = {"x": CategoricalDistribution([1, 2, 3]), "y": CategoricalDistribution(["a", "b"])}
    settings = SearchConfig(n_trials=7, study="s", folder=str(tmp_path), storage=f"sqlite:///{tmp_path}/study.db")

    def greedy(number: int, attempt: int) -> optuna.samplers.BaseSampler:
        candidates = max(24 >> attempt, 1)
        return optuna.samplers.TPESampler(seed=99 * number + attempt, n_startup_trials=2, n_ei_candidates=candidates)

    study = DurableStudy(settings, "minimize", greedy)
    drawn = []
    while trials := study.take(1, few, lambda count: None):
        drawn.append(tuple(trials[0].params.values()))
        study.end(trials[0], Ending(TrialState.COMPLETE, float(trials[0].params["x"])))
    assert sorted(drawn) == [(x, y) for x in (1, 2, 3) for y in ("a", "b")]
    assert study.left() == 1


def test_what_is_tried_again_is_taken_from_a_space_that_is_used_up(tmp_path: Path) -> None:
    owner = durable(tmp_path, n_trials=5, heartbeat_seconds=1)
    few = {"x": CategoricalDistribution([1, 2])}
    lost, _ = owner.take(5, few, lambda count: None)
    owner.give_up([lost], "interrupted", always=True)
    (again,) = owner.take(5, few, lambda count: None)
    assert again.params == lost.params
