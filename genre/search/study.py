"""A study in a database: any number of processes take trials from it until there are enough, and any may die."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import RetryFailedTrialCallback
from optuna.trial import FrozenTrial, Trial, TrialState

from genre import run_folder
from genre.errors import GenreError
from genre.resume import discard_empty, first_difference
from genre.search.notes import COMMAND, CONFIG, REASON, SURPLUS, TRAINED, VALUE, counted
from genre.search.storage import FAILURES, OPENING, connect, open_storage, storage_errors
from genre.settings import SearchSettings

MISSED_BEATS = 3
"""A trial that was silent for so many heartbeats is dead."""
REPEATS = 1
"""A trial whose process died is repeated so often: if that kills its process again, it is likely the trial's fault."""
TRIES = 12
"""Draws until a trial may have what another one had."""
PATIENCE = 10
"""Heartbeats that the end of a trial is held for a storage that is away."""
LOCK = "lock"
TRIALS = "trials"
"""Folder of the trials' folders; conf/hparams_search says the same."""


class DurableStudy:
    """Hands out trials, and takes their results.

    Args:
        search: Where the study is, and how many trials it is to have.
        direction: minimize or maximize.
        make_sampler: Sampler for the trial of a number, and for the how-manieth try: no two trials of a study draw the
            same chance, in whichever process they are made, and a study that was interrupted goes on as it would have.
    """

    def __init__(self, search: SearchSettings, direction: str, make_sampler: Callable[[int, int], BaseSampler]) -> None:
        self.search = search
        self.make_sampler = make_sampler
        folder = Path(search.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(folder / LOCK)
        try:
            with self.lock, storage_errors(search.storage, *OPENING):
                storage = open_storage(search.storage)  # makes the tables where they are missing
                optuna.create_study(study_name=search.study, storage=storage, direction=direction, load_if_exists=True)
        except GenreError:
            if [path.name for path in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                discard_empty(folder)
            raise
        self.study = connect(
            search.storage,
            search.study,
            heartbeat_interval=search.heartbeat_seconds,
            grace_period=MISSED_BEATS * search.heartbeat_seconds,
        )
        self.storage: Any = self.study._storage
        if not self.trials() and (folder / TRIALS).exists():
            raise GenreError(
                f"{folder} holds trials of a study that is not in search.storage: give this search another "
                "search.study, or delete the folder"
            )

    def describe(self, config: dict[str, Any], command: str) -> None:
        """Note what the study is of.

        Args:
            config: What must be the same for all of its trials.
            command: Trains its best.

        Raises:
            GenreError: It is a study of something else.
        """
        old = self.study.user_attrs.get(CONFIG)
        if old is None:
            self.study.set_user_attr(CONFIG, config)
        elif key := first_difference(config, old):
            raise GenreError(
                f"{self.search.study} is a search with {key}={old.get(key)}, not {config.get(key)}: give this one "
                "another search.study"
            )
        self.study.set_user_attr(COMMAND, command)

    def take(self, count: int, space: dict[str, BaseDistribution], waiting: Callable[[int], None]) -> list[Trial]:
        """Begin trials; while other processes run the last ones, wait in case they die.

        Args:
            count: At most so many.
            space: What is to be suggested.
            waiting: Called once with the number of trials that are waited for.

        Returns:
            The trials; none when the study is complete.
        """
        said = False
        while True:
            with self.lock:  # SQLite would give one waiting trial to two processes
                self._end_dead()
                trials: list[Trial] = []
                while len(trials) < count and self.left() > 0 and (trial := self._begin(space)):
                    trials.append(trial)
            running = [t for t in self.trials() if t.state == TrialState.RUNNING]
            if trials or not running:
                return trials
            if not said:
                waiting(len(running))
                said = True
            time.sleep(self.search.heartbeat_seconds)

    def left(self) -> int:
        """How many trials are still to be begun."""
        return max(self.search.n_trials - len(counted(self.trials())), 0)

    def trials(self) -> list[FrozenTrial]:
        """All of them, by number."""
        return self.study.get_trials(deepcopy=False)

    @contextmanager
    def beating(self, trials: list[Trial]) -> Iterator[None]:
        """Keep trials alive: other processes take those for dead that are silent."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(self.search.heartbeat_seconds):
                try:
                    self._beat(trials)
                except FAILURES:  # a database that restarts is back by the next beat
                    continue

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def end(self, trial: Trial, state: TrialState, value: float | None = None, reason: str = "") -> TrialState:
        """Write down how a trial ended, unless another process took it for dead before.

        Returns:
            How it ended.
        """
        for attempt in range(PATIENCE):
            try:
                known = self.storage.get_trial(trial._trial_id).state
                if known.is_finished():
                    return known
                trial.set_user_attr(REASON, reason)
                self.study.tell(trial, value, state)
                return state
            except FAILURES:  # a database that restarts is back in a moment, and hours of training hang on this
                if attempt == PATIENCE - 1:
                    raise
                time.sleep(self.search.heartbeat_seconds)
        raise AssertionError

    def noted_value(self, trial: Trial) -> float | None:
        """The score that a trial wrote down itself, for launchers that lose what it returned."""
        return self.storage.get_trial(trial._trial_id).user_attrs.get(VALUE)

    def repeat(self, trials: list[Trial], reason: str, always: bool = False) -> None:
        """End trials that nobody can be blamed for, and have them tried again.

        Args:
            trials: Which.
            reason: Noted.
            always: Whether also those that are repeats themselves.
        """
        again = RetryFailedTrialCallback(None if always else REPEATS)
        for trial in trials:
            if self.end(trial, TrialState.FAIL, reason=reason) == TrialState.FAIL:
                again(self.study, self.storage.get_trial(trial._trial_id))

    def _end_dead(self) -> None:
        """Mark trials failed whose processes died, and have them tried again."""
        for trial_id in self.storage.silent(self.study._study_id):
            try:
                self.storage.set_trial_state(trial_id, TrialState.FAIL)
            except RuntimeError:  # another machine was faster
                continue
            dead = self.storage.get_trial(trial_id)
            folder = Path(self.search.folder) / TRIALS / str(dead.number)
            shutil.rmtree((folder / run_folder.BEST).parent, ignore_errors=True)
            RetryFailedTrialCallback(REPEATS)(self.study, dead)

    def _begin(self, space: dict[str, BaseDistribution]) -> Trial | None:
        self.study.sampler = self.make_sampler(len(self.trials()), 0)  # for those that draw all parameters at once
        trial = self.study.ask()
        self._beat([trial])
        before = [t for t in counted(self.trials()) if t.number < trial.number]
        if len(before) >= self.search.n_trials:  # two processes took the last one
            trial.set_user_attr(SURPLUS, True)
            self.end(trial, TrialState.FAIL, reason="another process took the last trial")
            return None
        for name, nothing in ((REASON, ""), (TRAINED, (0, 0.0)), (VALUE, None)):  # a repeat has its first's
            trial.set_user_attr(name, nothing)
        self._draw(trial, space)
        for name, distribution in space.items():
            trial._suggest(name, distribution)
        return trial

    def _draw(self, trial: Trial, space: dict[str, BaseDistribution]) -> None:
        """Draw what no trial has had: training is deterministic, so the same again would say nothing.

        On a space of few choices TPE proposes its favourite again and again.
        """
        frozen = self.storage.get_trial(trial._trial_id)
        known = [other.params for other in self.trials() if other.number != trial.number]
        for attempt in range(TRIES if not frozen.params else 0):
            sampler = self.study.sampler = self.make_sampler(trial.number, attempt)
            if sampler.infer_relative_search_space(self.study, frozen):
                return  # drawn all at once, and hardly ever twice
            drawn = {name: sampler.sample_independent(self.study, frozen, name, d) for name, d in space.items()}
            if drawn not in known:
                break
        else:
            return
        # As Optuna gives the parameters of a trial that was enqueued
        self.storage.set_trial_system_attr(trial._trial_id, "fixed_params", drawn)

    def _beat(self, trials: list[Trial]) -> None:
        for trial in trials:
            self.storage.record_heartbeat(trial._trial_id)
