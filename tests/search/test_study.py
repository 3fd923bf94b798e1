"""Each trial is started once, however many processes ask, and those of dead processes are retried."""

import threading
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState, create_trial

from genre.errors import GenreError
from genre.search.study import ResumableStudy, counted_trials, tell
from tests.search.conftest import make_study


def finish(study: ResumableStudy) -> list[FrozenTrial]:
    """Run all trials that a process is handed, and return them."""
    mine = []
    while trial := study.ask(lambda count: None):
        tell(study.study, trial.number, 1.0, 0)
        mine.append(study.study.trials[trial.number])
    return mine


def finish_together(home: Path, workers: int, **search: object) -> list[FrozenTrial]:
    mine: list[FrozenTrial] = []
    threads = [threading.Thread(target=lambda: mine.extend(finish(make_study(home, **search)))) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return mine


def states(study: ResumableStudy) -> list[str]:
    return [trial.state.name for trial in study.trials]


def test_many_processes_run_each_trial_once(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    mine = finish_together(tmp_path, 4, n_trials=12)
    assert sorted(trial.number for trial in mine) == list(range(12))
    assert states(study) == ["COMPLETE"] * 12
    assert len({trial.params["x"] for trial in mine}) > 9  # each has its own seed


def test_processes_that_find_the_same_dead_trials_retry_each_once(tmp_path: Path) -> None:
    study = make_study(tmp_path, n_trials=6, heartbeat_seconds=1)
    lost = [study.ask(pytest.fail) for _ in range(3)]
    time.sleep(5)
    mine = finish_together(tmp_path, 3, n_trials=6, heartbeat_seconds=1)
    assert sorted(trial.number for trial in mine) == [3, 4, 5, 6, 7, 8]
    retries = [trial.params["x"] for trial in study.trials if "failed_trial" in trial.system_attrs]
    assert sorted(retries) == sorted(trial.params["x"] for trial in lost if trial)


def test_a_trial_with_heartbeats_is_left_alone_and_one_without_is_retried(tmp_path: Path) -> None:
    owner, neighbor = (make_study(tmp_path, n_trials=3, heartbeat_seconds=1) for _ in range(2))
    alive, dead = owner.ask(pytest.fail), owner.ask(pytest.fail)
    assert alive is not None
    assert dead is not None
    dead.set_user_attr("trained", (3, 30.0))
    (tmp_path / "trials/1/checkpoints").mkdir(parents=True)
    with owner.heartbeat(alive):
        time.sleep(5)
        retry = neighbor.ask(pytest.fail)
    assert retry is not None
    assert (retry.number, retry.params) == (2, dead.params)
    assert "trained" not in retry.user_attrs
    assert states(owner) == ["RUNNING", "FAIL", "RUNNING"]
    assert not (tmp_path / "trials/1/checkpoints").exists()
    assert not tell(owner.study, dead.number, 1.0, 0)  # too late: it is retried
    assert owner.trials[1].state == TrialState.FAIL


def test_a_trial_that_kills_two_processes_has_failed(tmp_path: Path) -> None:
    study = make_study(tmp_path, n_trials=1, heartbeat_seconds=1)
    for _ in range(2):
        study.ask(pytest.fail)
        time.sleep(5)
    assert study.ask(pytest.fail) is None
    assert states(study) == ["FAIL", "FAIL"]
    assert study.n_remaining == 0


def test_a_trial_that_was_interrupted_is_always_retried(tmp_path: Path) -> None:
    study = make_study(tmp_path, n_trials=2, space={"x": CategoricalDistribution([1, 2])})
    for number in range(3):
        study.ask(pytest.fail)
        study.fail_or_retry(number, "interrupted", max_retry=None)
    assert states(study) == ["FAIL"] * 3 + ["WAITING"]
    assert len({trial.params["x"] for trial in study.trials}) == 1
    assert study.n_remaining == 2
    finish(study)
    assert states(study)[3:] == ["COMPLETE"] * 2


def test_heartbeats_go_on_after_the_database_was_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path, heartbeat_seconds=1)
    trial, beats = study.ask(pytest.fail), []
    assert trial is not None

    def beat(trial_id: int) -> None:
        beats.append(trial_id)
        if len(beats) == 1:
            raise StorageInternalError("away")

    monkeypatch.setattr(study.study._storage, "record_heartbeat", beat)
    with study.heartbeat(trial):
        time.sleep(3.5)
    assert len(beats) >= 2


def test_a_result_waits_for_a_database_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path).study
    study.ask()
    real, calls = study.tell, []

    def flaky(*args: Any) -> None:
        calls.append(args)
        if len(calls) < 3:
            raise StorageInternalError("away")
        real(*args)

    monkeypatch.setattr(study, "tell", flaky)
    assert tell(study, 0, 0.5, 0)
    assert study.trials[0].value == 0.5


@pytest.mark.parametrize(
    ("result", "state", "reason"),
    [
        (0.5, "COMPLETE", ""),
        (float("nan"), "FAIL", "the score is nan"),
        (float("inf"), "FAIL", "the score is inf"),
        ("much", "FAIL", "the score is much"),
        (None, "FAIL", "the score is None"),
        (optuna.TrialPruned("worse"), "PRUNED", "worse"),
        (GenreError("training diverged"), "FAIL", "training diverged"),
        (MemoryError("Unable to allocate 3 GiB"), "FAIL", "MemoryError: Unable to allocate 3 GiB"),
        (RuntimeError("CUDA out of memory.\nTried"), "FAIL", "RuntimeError: CUDA out of memory."),
        (KeyError(), "FAIL", "KeyError: KeyError"),
    ],
)
def test_what_a_trial_returns_or_raises_is_recorded(tmp_path: Path, result: Any, state: str, reason: str) -> None:
    study = make_study(tmp_path).study
    study.ask()
    assert tell(study, 0, result, 0)
    assert study.trials[0].state.name == state
    assert study.trials[0].user_attrs["reason"] == reason
    assert not tell(study, 0, 1.0, 0)
    assert study.trials[0].state.name == state


def test_a_process_does_not_wait_for_trials_beyond_its_own_number(tmp_path: Path) -> None:
    many = make_study(tmp_path, n_trials=3)
    for _ in range(3):
        many.ask(pytest.fail)
    tell(many.study, 0, 1.0, 0)
    assert make_study(tmp_path, n_trials=1).ask(pytest.fail) is None


def test_retried_and_surplus_trials_do_not_count() -> None:
    study = optuna.create_study()
    for retry_of, attrs in [(None, {}), (0, {}), (None, {"surplus": True}), (0, {}), (None, {})]:
        system = {} if retry_of is None else {"failed_trial": retry_of}
        study.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attrs, system_attrs=system))
    assert sorted(trial.number for trial in counted_trials(study.trials)) == [3, 4]


def test_a_study_of_something_else_is_refused(tmp_path: Path) -> None:
    make_study(tmp_path, shared={"a": 1, "b": [1, 2]})
    make_study(tmp_path, shared={"a": 1, "b": [1, 2]})
    with pytest.raises(GenreError, match=r"s is a search with b=\[1, 2\], not 3: choose another search\.study"):
        make_study(tmp_path, shared={"a": 1, "b": 3})


def test_a_study_of_other_data_is_refused(tmp_path: Path) -> None:
    make_study(tmp_path).check_data("abc")
    make_study(tmp_path).check_data("abc")
    message = r"s is a search on other tracks or another split \(data id abc, not abd\): choose another search\.study"
    with pytest.raises(GenreError, match=message):
        make_study(tmp_path).check_data("abd")
    make_study(tmp_path).check_data("abc")


def test_a_study_of_an_earlier_version_is_the_same(tmp_path: Path) -> None:
    make_study(tmp_path).study.set_user_attr("config", {"features._target_": "genre.features.LogMel"})
    adam = {"optimizer._target_": "torch.optim.Adam", "optimizer._partial_": True, "optimizer.lr": 0.1}
    make_study(tmp_path, shared={"features._target_": "genre.audio.features.LogMel", **adam})
    with pytest.raises(GenreError, match=r"optimizer\._target_=torch\.optim\.Adam, not torch\.optim\.SGD"):
        make_study(
            tmp_path,
            shared={
                "features._target_": "genre.audio.features.LogMel",
                "optimizer._target_": "torch.optim.SGD",
                "optimizer._partial_": True,
            },
        )


def test_no_two_trials_have_the_same_parameters_and_a_space_is_used_up(tmp_path: Path) -> None:
    few = {"x": CategoricalDistribution([1, 2, 3]), "y": CategoricalDistribution(["a", "b"])}
    study = make_study(tmp_path, few, n_trials=7)

    def greedy(number: int, attempt: int) -> optuna.samplers.BaseSampler:
        candidates = max(24 >> attempt, 1)
        return optuna.samplers.TPESampler(seed=99 * number + attempt, n_startup_trials=2, n_ei_candidates=candidates)

    study.make_sampler = greedy
    found = [tuple(trial.params.values()) for trial in finish(study)]
    assert sorted(found) == [(x, y) for x in (1, 2, 3) for y in ("a", "b")]
    assert study.n_remaining == 1


def test_a_retry_is_run_in_a_space_that_is_used_up(tmp_path: Path) -> None:
    study = make_study(tmp_path, {"x": CategoricalDistribution([1, 2])}, n_trials=5)
    lost, _ = study.ask(pytest.fail), study.ask(pytest.fail)
    assert lost is not None
    study.fail_or_retry(lost.number, "a worker was killed")
    retry = study.ask(pytest.fail)
    assert retry is not None
    assert retry.params == lost.params


def test_a_folder_whose_study_is_gone_is_refused(tmp_path: Path) -> None:
    make_study(tmp_path)
    (tmp_path / "trials/0").mkdir(parents=True)
    with pytest.raises(GenreError, match=r"holds trials of a study that is not in search\.storage: delete the folder"):
        make_study(tmp_path)


def test_a_storage_that_cannot_be_used_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"search\.storage=nosql://me:\*\*\*@host/x cannot be used"):
        make_study(tmp_path / "new/folder", storage="nosql://me:secret@host/x")
    assert list(tmp_path.iterdir()) == []


def test_a_study_of_an_earlier_version_knows_the_place_of_fetched_weights(tmp_path: Path) -> None:
    new = {"features._target_": "genre.pretrained.extractor.Musicnn", "features.frames": 2}
    old = new | {"features.weights": "data/weights/musicnn.safetensors"}
    make_study(tmp_path, shared=new).study.set_user_attr("config", old)
    make_study(tmp_path, shared=new)


def test_a_study_of_an_earlier_version_gets_the_reference_to_the_searched_rate(tmp_path: Path) -> None:
    old, new = ({"seed": 1, "scheduler.one_cycle.max_lr": peak} for peak in (0.002, "${model.learning_rate}"))
    make_study(tmp_path, shared=old)
    with pytest.raises(GenreError, match="is a search with seed=1, not 2"):
        make_study(tmp_path, shared=new | {"seed": 2})
    assert make_study(tmp_path, shared=new).study.user_attrs["config"] == new
    with pytest.raises(GenreError, match=r"is a search with scheduler\.one_cycle\.max_lr"):
        make_study(tmp_path, shared=new | {"scheduler.one_cycle.max_lr": 0.1})
