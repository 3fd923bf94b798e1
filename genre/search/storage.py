"""Where studies are kept: any database that SQLAlchemy knows."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.storages import RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from genre.errors import GenreError

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)  # heartbeats and repeats


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Say in one line, without its password, that a storage does not work."""
    try:
        yield
    except (SQLAlchemyError, ImportError, RuntimeError) as error:
        try:
            shown = make_url(url).render_as_string(hide_password=True)
        except ArgumentError:
            shown = url
        text = str(error).strip().splitlines()[0]
        raise GenreError(f"search.storage={shown} cannot be used: {text}") from error


def connect(url: str, name: str, pruner: BasePruner | None = None, **heartbeat: Any) -> optuna.Study:
    """Open a study that exists.

    Args:
        url: Of its storage, as SQLAlchemy writes it.
        name: Of the study.
        pruner: Ends its trials early.
        heartbeat: For `RDBStorage`.

    Returns:
        The study.

    Raises:
        GenreError: The storage cannot be reached, or has no such study.
    """
    with storage_errors(url):
        storage = open_storage(url, **heartbeat)
        try:
            study = optuna.load_study(study_name=name, storage=storage, pruner=pruner)
        except KeyError as error:
            raise GenreError(f"there is no study {name} in search.storage: it was deleted, or never begun") from error
    study._storage = storage  # Optuna puts a cache before it that misses what other processes write of a trial
    return study


def open_storage(url: str, **heartbeat: Any) -> RDBStorage:
    """Open a storage, and make its tables where they are missing; `heartbeat` is for `RDBStorage`."""
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {"connect_args": {"timeout": 60}} if sqlite else {"pool_pre_ping": True}
    return RDBStorage(url, engine_kwargs=options, **heartbeat)
