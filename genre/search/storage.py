"""Open studies in any database that SQLAlchemy supports."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import DateTime, Integer, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from genre.errors import GenreError

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)  # heartbeats and retries

# User attributes of a trial: seconds between heartbeats, (epochs, seconds) trained, why it failed
HEARTBEAT, TRAINED, REASON = "beat", "trained", "reason"
CONFIG, COMMAND = "config", "command"  # of a study: values that its trials share, how to train its best trial
DATA = "data_id"  # of a study: its tracks and their split
MAX_MISSED_HEARTBEATS = 3  # a trial that misses more has died
CONNECTION_ERRORS = (SQLAlchemyError, StorageInternalError)  # the database may be back in a moment
RUNNING = text(
    "SELECT trials.trial_id, heartbeat FROM trials LEFT JOIN trial_heartbeats USING (trial_id) "
    "WHERE study_id = :study_id AND state = 'RUNNING'"
).columns(trial_id=Integer, heartbeat=DateTime)


class HeartbeatStorage(RDBStorage):
    """Optuna's storage, with trials in order and a reliable check of heartbeats.

    PostgreSQL returns rows in the order of their last change, and Optuna 2 does not sort them. Optuna 2 also takes a
    heartbeat that is ahead of the clock for one a day old, and never fails a trial without a heartbeat.
    """

    def get_all_trials(self, *args: Any, **kwargs: Any) -> list[FrozenTrial]:
        """Return all trials, sorted by number."""
        return sorted(super().get_all_trials(*args, **kwargs), key=lambda trial: trial.number)

    def fail_stale_trials(self, study_id: int) -> list[int]:
        """Fail the trials whose process died; return their ids."""
        with self.engine.begin() as connection:
            now = connection.execute(select(func.now())).scalar().replace(tzinfo=None)
            heartbeats = connection.execute(RUNNING, {"study_id": study_id}).fetchall()
        failed = []
        for trial_id, heartbeat in heartbeats:
            interval = self.get_trial_user_attrs(trial_id).get(HEARTBEAT, self.heartbeat_interval)
            if heartbeat is None:  # the process may have died before the first heartbeat: count from now
                self.record_heartbeat(trial_id)
            elif (now - heartbeat).total_seconds() > MAX_MISSED_HEARTBEATS * (interval or 1):
                with suppress(RuntimeError):  # another process has just ended it
                    self.set_trial_user_attr(trial_id, REASON, "its process died")
                    self.set_trial_state(trial_id, TrialState.FAIL)
                    failed.append(trial_id)
        return failed


@contextmanager
def storage_errors(url: str, *more: type[Exception]) -> Iterator[None]:
    """Turn the errors of a storage, and `more`, into a `GenreError` of one line without the password."""
    try:
        yield
    except (*CONNECTION_ERRORS, *more) as error:
        with suppress(ArgumentError):
            url = make_url(url).render_as_string(hide_password=True)
        cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        raise GenreError(f"search.storage={url} cannot be used: {str(cause).strip().splitlines()[0]}") from error


def open_study(url: str, name: str, create: dict[str, Any] | None = None, **options: Any) -> optuna.Study:
    """Load a study, or create it with the arguments `create`; `options` are the storage's."""
    with storage_errors(url, ImportError, RuntimeError):  # a driver is missing; the tables are of another version
        database = make_url(url)
        is_sqlite = database.get_backend_name() == "sqlite"
        if create is None and is_sqlite and not Path(database.database or "").exists():
            raise GenreError(f"search.storage={url} does not exist: the search was moved, deleted or never started")
        engine: dict[str, Any] = {"connect_args": {"timeout": 60}} if is_sqlite else {"pool_pre_ping": True}
        storage = HeartbeatStorage(url, engine, **options)
        try:
            open_it = optuna.load_study if create is None else optuna.create_study
            study = open_it(study_name=name, storage=storage, **(create or {}))
        except KeyError as error:
            raise GenreError(f"search.storage has no study {name}: it was deleted or never started") from error
    study._storage = storage  # Optuna's cache in front of it misses what other processes write
    return study


def open_trial(study: optuna.Study, number: int) -> Trial:
    """Return a trial that was started elsewhere."""
    return Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)
