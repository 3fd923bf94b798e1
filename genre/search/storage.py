"""Where studies are kept: any database that SQLAlchemy knows."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.pruners import BasePruner
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import TrialModel
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import func
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from genre.errors import GenreError

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)  # heartbeats and repeats

FAILURES = (SQLAlchemyError, StorageInternalError)
"""What a database that is not there raises, which may be back in a moment."""

OPENING = (ImportError, RuntimeError)
"""What else opening one raises: a driver is missing, its tables are of another version."""


@contextmanager
def storage_errors(url: str, *more: type[Exception]) -> Iterator[None]:
    """Say in one line, without its password, that a storage does not work: of `FAILURES`, and `more`."""
    try:
        yield
    except (*FAILURES, *more) as error:
        try:
            shown = make_url(url).render_as_string(hide_password=True)
        except ArgumentError:
            shown = url
        cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        text = str(cause).strip().splitlines()[0]
        raise GenreError(f"search.storage={shown} cannot be used: {text}") from error


def connect(url: str, name: str, pruner: BasePruner | None = None) -> optuna.Study:
    """Open a study that exists.

    Args:
        url: Of its storage, as SQLAlchemy writes it.
        name: Of the study.
        pruner: Ends its trials early.

    Returns:
        The study.

    Raises:
        GenreError: The storage cannot be reached, or has no such study.
    """
    with storage_errors(url, *OPENING):
        database = make_url(url)
        if database.get_backend_name() == "sqlite" and not Path(database.database or "").exists():
            raise GenreError(f"search.storage={url} does not exist: the search was moved or deleted, or never begun")
        storage = open_storage(url)
        try:
            study = optuna.load_study(study_name=name, storage=storage, pruner=pruner)
        except KeyError as error:
            raise GenreError(f"there is no study {name} in search.storage: it was deleted, or never begun") from error
    study._storage = storage  # Optuna puts a cache before it that misses what other processes write of a trial
    return study


def open_storage(url: str) -> "Storage":
    """Open a storage, and make its tables where they are missing."""
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {"connect_args": {"timeout": 60}} if sqlite else {"pool_pre_ping": True}
    return Storage(url, engine_kwargs=options)


class Storage(RDBStorage):
    """Optuna's, with trials in the order of their numbers, and with a heartbeat that does not err.

    PostgreSQL gives rows that were changed last, and Optuna 2 leaves it at that. It also takes a beat of the same
    moment for one of a day ago, and waits for ever for a trial whose process died before the first beat.
    """

    def get_all_trials(self, *args: Any, **kwargs: Any) -> list[FrozenTrial]:
        """All trials by number."""
        return sorted(super().get_all_trials(*args, **kwargs), key=lambda trial: trial.number)

    def silences(self, study_id: int) -> dict[int, float]:
        """Seconds since the last heartbeat of each running trial, by its identity; begins to count for new ones."""
        silences = {}
        with _create_scoped_session(self.scoped_session, True) as session:
            now = session.execute(func.now()).scalar().replace(tzinfo=None)
            for trial in session.query(TrialModel).filter_by(study_id=study_id, state=TrialState.RUNNING):
                beat = trial.heartbeats[0].heartbeat if trial.heartbeats else None
                silences[trial.trial_id] = None if beat is None else (now - beat).total_seconds()
        for trial_id in [trial_id for trial_id, silence in silences.items() if silence is None]:
            self.record_heartbeat(trial_id)
        return {trial_id: silence or 0.0 for trial_id, silence in silences.items()}
