"""A persistent Optuna study that several processes share, tolerant of crashes."""

import math
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.storages import RetryFailedTrialCallback, fail_stale_trials
from optuna.trial import FrozenTrial, Trial, TrialState

from genre import run_folder
from genre.config.diff import first_difference, without_places
from genre.config.errors import one_line
from genre.config.schema import SearchConfig
from genre.config.stored import with_added_values
from genre.errors import GenreError
from genre.files import missing_folders, remove_empty
from genre.search.space import SamplerFactory, Space, n_points, suggest_unique, used_points, with_references
from genre.search.storage import CONFIG, CONNECTION_ERRORS, DATA, HEARTBEAT, REASON, open_study, open_trial

MAX_RETRIES = 1  # of a trial whose process died: if it kills another one, the trial is likely the cause
STORAGE_ATTEMPTS = 10  # to record a result while the storage is away, as far apart as heartbeats
LOCK, TRIALS = "lock", "trials"  # in a search's folder; the trials' folder as in conf/hparams_search


def counted_trials(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that count towards `search.n_trials`: started, and not retried later."""
    first = RetryFailedTrialCallback.retried_trial_number
    last = {trial.number if first(trial) is None else first(trial): trial for trial in trials}
    # Older versions marked a trial that two processes had started beyond the last one as surplus
    return [t for t in last.values() if t.state != TrialState.WAITING and "surplus" not in t.user_attrs]


def tell(study: optuna.Study, number: int, result: object, pause: float) -> bool:
    """Record what a trial returned or raised; return False if it has ended already, as one that was taken for dead.

    While the storage is away, it is tried again after `pause` seconds: hours of training depend on it.
    """
    state, score, reason = TrialState.FAIL, None, f"the score is {result}"
    if isinstance(result, optuna.TrialPruned):
        state, reason = TrialState.PRUNED, str(result)
    elif isinstance(result, Exception):
        reason = ("" if isinstance(result, GenreError) else f"{type(result).__name__}: ") + one_line(result)
    elif isinstance(result, float) and math.isfinite(result):
        state, score, reason = TrialState.COMPLETE, result, ""
    for attempt in range(1, STORAGE_ATTEMPTS + 1):
        try:
            open_trial(study, number).set_user_attr(REASON, reason)
            study.tell(number, score, state)
            return True
        except RuntimeError:
            return False
        except CONNECTION_ERRORS:
            if attempt == STORAGE_ATTEMPTS:
                raise
            time.sleep(pause)
    raise AssertionError


class ResumableStudy:
    """Hands out trials to any number of processes, until the study has `search.n_trials`.

    A study whose trials share other values than `shared`, by dotted keys, is refused.
    """

    def __init__(
        self, search: SearchConfig, direction: str, space: Space, make_sampler: SamplerFactory, shared: dict[str, Any]
    ) -> None:
        self.search, self.space, self.make_sampler = search, space, make_sampler
        self.folder = Path(search.folder)
        created = missing_folders(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(self.folder / LOCK)
        create = {"direction": direction, "load_if_exists": True}
        options: dict[str, Any] = {"heartbeat_interval": search.heartbeat_seconds, "failed_trial_callback": self._retry}
        try:
            with self.lock:
                self.study = open_study(search.storage, search.study, create, **options)
                self._check(shared)
        except GenreError:
            if [path.name for path in self.folder.iterdir()] == [LOCK]:
                (self.folder / LOCK).unlink()
                remove_empty(created)
            raise

    def _check(self, shared: dict[str, Any]) -> None:
        if not self.trials and (self.folder / TRIALS).exists():
            gone = f"{self.folder} holds trials of a study that is not in search.storage"
            raise GenreError(f"{gone}: delete the folder, or choose another search.study")
        if CONFIG not in self.study.user_attrs:
            self.study.set_user_attr(CONFIG, shared)
        stored = self.study.user_attrs[CONFIG]
        known = with_references(stored, shared)
        old = without_places(with_added_values(known, shared))
        if key := first_difference(shared, old):
            other = f"{self.search.study} is a search with {key}={old.get(key)}, not {shared.get(key)}"
            raise GenreError(f"{other}: choose another search.study")
        if known != stored:
            self.study.set_user_attr(CONFIG, known)  # best.yaml is made of it

    def check_data(self, data_id: str) -> None:
        """Refuse a study of other data; one of an earlier version does not know its data, and takes these.

        Args:
            data_id: As returned by `provenance.data_id`.

        Raises:
            GenreError: The data differ.
        """
        stored = self.study.user_attrs.setdefault(DATA, data_id)
        if stored != data_id:
            raise GenreError(
                f"{self.search.study} is a search on other tracks or another split (data id {stored}, not {data_id}): "
                "choose another search.study"
            )
        self.study.set_user_attr(DATA, data_id)

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, by number."""
        return self.study.get_trials(deepcopy=False)

    @property
    def n_remaining(self) -> int:
        """Number of trials that are still to be started."""
        return max(self.search.n_trials - len(counted_trials(self.trials)), 0)

    def ask(self, on_wait: Callable[[int], None]) -> Trial | None:
        """Start the next trial; return None when the study is complete, or its space is used up.

        While other processes run the last trials, it waits in case one crashes; `on_wait` receives their number.
        """
        while True:
            with self.lock:  # SQLite would hand one waiting trial to two processes
                fail_stale_trials(self.study)
                if self.n_remaining and (trial := self._start()):
                    return trial
            # A process that was asked for more trials than this one may run further ones
            counted = counted_trials(self.trials)[: self.search.n_trials]
            if not (n_running := sum(trial.state == TrialState.RUNNING for trial in counted)):
                return None
            on_wait(n_running)
            time.sleep(self.search.heartbeat_seconds)

    def _start(self) -> Trial | None:
        trials = self.trials
        is_retry = any(trial.state == TrialState.WAITING for trial in trials)
        if not is_retry and len(used_points(trials, self.space)) >= n_points(self.space):
            return None
        self.study.sampler = self.make_sampler(len(trials), 0)  # for samplers that choose all parameters at once
        trial = self.study.ask()
        self.study._storage.record_heartbeat(trial._trial_id)
        trial.set_user_attr(HEARTBEAT, self.search.heartbeat_seconds)
        suggest_unique(self.study, trial, self.space, self.make_sampler)
        return trial

    @contextmanager
    def heartbeat(self, trial: Trial) -> Iterator[None]:
        """Send heartbeats: other processes consider a trial without them dead."""
        is_over = threading.Event()

        def beat() -> None:
            while not is_over.wait(self.search.heartbeat_seconds):
                with suppress(*CONNECTION_ERRORS):  # a database that restarts is back by the next heartbeat
                    self.study._storage.record_heartbeat(trial._trial_id)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def fail_or_retry(self, number: int, reason: str, max_retry: int | None = MAX_RETRIES) -> None:
        """Fail a trial that has not recorded its result, and have it retried at most `max_retry` times."""
        if tell(self.study, number, GenreError(reason), self.search.heartbeat_seconds):
            self._retry(self.study, self.study.trials[number], max_retry)

    def _retry(self, study: optuna.Study, trial: FrozenTrial, max_retry: int | None = MAX_RETRIES) -> None:
        trial.user_attrs = {}  # of the failed attempt
        RetryFailedTrialCallback(max_retry)(study, trial)
        shutil.rmtree((self.folder / TRIALS / str(trial.number) / run_folder.BEST).parent, ignore_errors=True)
