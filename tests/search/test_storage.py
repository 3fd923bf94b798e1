"""Studies are opened in any database; trials come in order, and those of dead processes are found."""

import time
from pathlib import Path

import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from genre.errors import GenreError
from genre.search.storage import HeartbeatStorage, open_study
from tests.search.conftest import make_study


def set_heartbeat(home: Path, offset: str) -> HeartbeatStorage:
    storage = HeartbeatStorage(f"sqlite:///{home}/study.db", heartbeat_interval=1)
    with storage.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE trial_heartbeats SET heartbeat = datetime('now', '{offset}')")
    return storage


@pytest.mark.parametrize(
    ("offset", "is_stale"), [("+2 seconds", False), ("-2 seconds", False), ("-6 seconds", True), ("-1 day", True)]
)
def test_trials_without_heartbeats_are_failed(tmp_path: Path, offset: str, is_stale: bool) -> None:
    study = make_study(tmp_path, heartbeat_seconds=1)
    study.ask(pytest.fail)
    failed = set_heartbeat(tmp_path, offset).fail_stale_trials(1)
    assert failed == ([1] if is_stale else [])
    assert study.trials[0].state == (TrialState.FAIL if is_stale else TrialState.RUNNING)
    assert study.trials[0].user_attrs.get("reason") == ("its process died" if is_stale else None)


def test_the_interval_of_a_trials_own_process_counts(tmp_path: Path) -> None:
    make_study(tmp_path, heartbeat_seconds=10).ask(pytest.fail)
    assert set_heartbeat(tmp_path, "-20 seconds").fail_stale_trials(1) == []
    assert set_heartbeat(tmp_path, "-31 seconds").fail_stale_trials(1) == [1]


def test_a_trial_whose_process_died_before_its_first_heartbeat_is_failed(tmp_path: Path) -> None:
    study = make_study(tmp_path, heartbeat_seconds=1)
    study.study.ask()
    storage = HeartbeatStorage(f"sqlite:///{tmp_path}/study.db", heartbeat_interval=1)
    assert storage.fail_stale_trials(1) == []
    time.sleep(5)
    assert storage.fail_stale_trials(1) == [1]


def test_trials_are_in_order_whatever_the_database_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = make_study(tmp_path, n_trials=3)
    for _ in range(3):
        study.ask(pytest.fail)
    given = RDBStorage.get_all_trials
    monkeypatch.setattr(RDBStorage, "get_all_trials", lambda *args, **kwargs: given(*args, **kwargs)[::-1])
    assert [trial.number for trial in study.trials] == [0, 1, 2]


def test_a_study_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"search\.storage=sqlite:.*/study\.db does not exist: the search was moved"):
        open_study(f"sqlite:///{tmp_path}/study.db", "s")
    assert not (tmp_path / "study.db").exists()
    make_study(tmp_path)
    with pytest.raises(GenreError, match=r"search\.storage has no study other: it was deleted or never started"):
        open_study(f"sqlite:///{tmp_path}/study.db", "other")
    (tmp_path / "text.db").write_text("no database\n" * 100)
    with pytest.raises(GenreError, match=r"search\.storage=sqlite:////.*/text\.db cannot be used: .*not a database"):
        open_study(f"sqlite:///{tmp_path}/text.db", "s")
