"""A study in a database: any number of processes take trials from it until there are enough, and any may die."""

import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from genre import run_folder
from genre.config.diff import first_difference
from genre.config.schema import SearchConfig
from genre.errors import GenreError
from genre.files import missing_folders, remove_empty
from genre.search.drawing import MakeSampler, draw, points, tried
from genre.search.notes import AGAIN, BEAT, COMMAND, CONFIG, REASON, REPEATED, SURPLUS, Ending, counted, noted, repeated
from genre.search.storage import FAILURES, OPENING, connect, open_storage, storage_errors

MISSED_BEATS = 3
"""A trial that was silent for so many heartbeats is dead."""
REPEATS = 1
"""A trial whose process died is repeated so often: if that kills its process again, it is likely the trial's fault."""
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

    def __init__(self, search: SearchConfig, direction: str, make_sampler: MakeSampler) -> None:
        self.search = search
        self.make_sampler = make_sampler
        folder = Path(search.folder)
        created = missing_folders(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(folder / LOCK)
        try:
            with self.lock, storage_errors(search.storage, *OPENING):
                storage = open_storage(search.storage)  # makes the tables where they are missing
                optuna.create_study(study_name=search.study, storage=storage, direction=direction, load_if_exists=True)
        except GenreError:
            if [path.name for path in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                remove_empty(created)
            raise
        self.study = connect(search.storage, search.study)
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
            command: Trains its best, but for `best=`.

        Raises:
            GenreError: It is a study of something else.
        """
        with self.lock:
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
            The trials; none when the study is complete, or its space is used up.
        """
        said = False
        while True:
            with self.lock:  # SQLite would give one waiting trial to two processes
                self._end_dead()
                trials: list[Trial] = []
                while len(trials) < count and self.left() > 0 and (trial := self._begin(space)):
                    trials.append(trial)
            # A neighbour that was asked for more trials has others beside those
            running = [t for t in counted(self.trials())[: self.search.n_trials] if t.state == TrialState.RUNNING]
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

    def end(self, trial: Trial, ending: Ending) -> TrialState:
        """Write down how a trial ended, unless another process took it for dead before.

        Returns:
            How it ended.
        """
        self._finish(trial, ending)
        return self.storage.get_trial(trial._trial_id).state

    def give_up(self, trials: Sequence[Trial | FrozenTrial], reason: str, always: bool = False) -> None:
        """End trials whose processes cannot tell: as they noted themselves, or to be tried again, as none is to blame.

        Args:
            trials: Which.
            reason: Noted of those that are tried again.
            always: Whether also those that are repeats themselves are.
        """
        for trial in trials:
            known = self.storage.get_trial(trial._trial_id)
            if ending := noted(known):
                self._finish(trial, ending)
            elif self._finish(trial, Ending(TrialState.FAIL, reason=reason), {AGAIN: always}):
                self._enqueue(known, always)

    def _finish(self, trial: Trial | FrozenTrial, ending: Ending, notes: dict[str, Any] | None = None) -> bool:
        """Write down an ending; whether it was this process that did so."""
        for attempt in range(PATIENCE):
            try:
                if self.storage.get_trial(trial._trial_id).state.is_finished():
                    return False
                for name, note in {REASON: ending.reason, **(notes or {})}.items():
                    self.storage.set_trial_user_attr(trial._trial_id, name, note)
                self.study.tell(trial.number, ending.value, ending.state)
                return True
            except RuntimeError:  # another process was faster
                return False
            except FAILURES:  # a database that restarts is back in a moment, and hours of training hang on this
                if attempt == PATIENCE - 1:
                    raise
                time.sleep(self.search.heartbeat_seconds)
        raise AssertionError

    def _enqueue(self, trial: FrozenTrial, always: bool) -> None:
        """Have a trial tried again, if it has not been so too often."""
        first = trial.system_attrs.get(REPEATED, trial.number)
        before = sum(other.system_attrs.get(REPEATED) == first for other in self.trials())
        if always or before < REPEATS:
            waiting = TrialState.WAITING
            attrs = {REPEATED: first}
            self.study.add_trial(
                create_trial(state=waiting, params=trial.params, distributions=trial.distributions, system_attrs=attrs)
            )

    def _end_dead(self) -> None:
        """End the trials of processes that died, and make up for those that died while they did this."""
        silences = self.storage.silences(self.study._study_id)
        for trial in self.trials():
            patience = MISSED_BEATS * trial.user_attrs.get(BEAT, self.search.heartbeat_seconds)
            if silences.get(trial._trial_id, 0) > patience:
                self.give_up([trial], "its process died")
                folder = Path(self.search.folder) / TRIALS / str(trial.number)
                shutil.rmtree((folder / run_folder.BEST).parent, ignore_errors=True)
        trials = self.trials()
        again = repeated(trials)
        before = datetime.now() - timedelta(seconds=MISSED_BEATS * self.search.heartbeat_seconds)
        for trial in trials:
            owed = AGAIN in trial.user_attrs and trial.number not in again
            if owed and trial.datetime_complete is not None and trial.datetime_complete < before:
                self._enqueue(trial, trial.user_attrs[AGAIN])

    def _begin(self, space: dict[str, BaseDistribution]) -> Trial | None:
        trials = self.trials()
        waiting = any(trial.state == TrialState.WAITING for trial in trials)  # these have their parameters
        if not waiting and len(tried(trials, space)) >= points(space):
            return None
        self.study.sampler = self.make_sampler(len(trials), 0)  # for those that draw all parameters at once
        trial = self.study.ask()
        self._beat([trial])
        trial.set_user_attr(BEAT, self.search.heartbeat_seconds)
        before = [t for t in counted(self.trials()) if t.number < trial.number]
        if len(before) >= self.search.n_trials:  # two processes took the last one
            trial.set_user_attr(SURPLUS, True)
            self.end(trial, Ending(TrialState.FAIL, reason="another process took the last trial"))
            return None
        draw(self.study, trial, space, self.make_sampler)
        return trial

    def _beat(self, trials: list[Trial]) -> None:
        for trial in trials:
            self.storage.record_heartbeat(trial._trial_id)
