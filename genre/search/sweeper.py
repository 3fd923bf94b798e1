"""Hydra sweeper that runs a resumable Optuna study per model, one trial at a time."""

import functools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra.core.plugins import Plugins
from hydra.experimental.callback import Callback
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, open_dict
from optuna.trial import Trial, TrialState

from genre.config.errors import one_line
from genre.config.validate import validate
from genre.errors import GenreError
from genre.reports.search import SearchResult, print_summary, print_trial
from genre.search import space
from genre.search.results import load_result, write_folder, write_search_file
from genre.search.storage import COMMAND, storage_errors
from genre.search.study import ResumableStudy

PLUGIN = "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"


class ResumableSearch(Callback):
    """Puts `ResumableSweeper` in the place of hydra-optuna-sweeper's; Hydra finds no plug-ins in editable installs."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Replace the sweeper just before Hydra makes it."""
        Plugins.instance().class_name_to_class[PLUGIN] = ResumableSweeper


class ResumableSweeper(Sweeper):
    """Completes a study per model to `search.n_trials`, however often it was interrupted."""

    def __init__(self, **settings: Any) -> None:
        """Ignore the settings, which are read from the configuration of each model."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Store Hydra's context, configuration and task function."""
        self.context, self.task, self.hydra = hydra_context, task_function, config.hydra

    def sweep(self, arguments: list[str]) -> None:
        """Search for each model that the overrides name."""
        space.reject_sweeper_keys(self.hydra.overrides.hydra)
        searches = {model: Search(self, overrides) for model, overrides in space.split_models(arguments).items()}
        if len({search.settings.study for search in searches.values()}) < len(searches):
            raise GenreError("search.study is the same for several models: use ${model.name} in it, or leave it out")
        results, failed = [], []
        with _workers(max(search.settings.n_jobs for search in searches.values()) - 1):
            for model, search in searches.items():
                try:
                    results.append(search.run())
                except GenreError as error:
                    if len(searches) == 1:
                        raise
                    failed.append(f"{model}: {error}")
                    print(failed[-1])
        if results:
            print_summary(results)
        if failed:
            raise GenreError(f"{len(failed)} of {len(searches)} searches ended early: {'; '.join(failed)}")

    def compose(self, overrides: list[str], mode: RunMode = RunMode.RUN) -> tuple[DictConfig, DictConfig]:
        """Compose the configuration of a run, or of a search; return it without Hydra's part, and whole."""
        own = [text for text in self.hydra.overrides.hydra if mode == RunMode.MULTIRUN or "hydra.searchpath=" in text]
        whole = self.context.config_loader.load_configuration(self.hydra.job.config_name, [*own, *overrides], mode)
        with open_dict(config := whole.copy()):
            del config["hydra"]
        return config, whole


class Search:
    """The search of one model. Raises a GenreError if the configuration cannot be searched."""

    def __init__(self, sweeper: ResumableSweeper, overrides: list[str]) -> None:
        self.sweeper, self.overrides = sweeper, overrides
        self.config, self.whole_config = sweeper.compose(overrides, RunMode.MULTIRUN)
        self.hydra = self.whole_config.hydra
        self.train_settings = validate(self.config)
        self.settings = self.train_settings.search
        sampler = self.hydra.sweeper.sampler
        if "seed" not in sampler:
            name = self.hydra.runtime.choices["hydra/sweeper/sampler"]
            raise GenreError(f"hydra/sweeper/sampler={name} cannot be resumed: use tpe, random, nsgaii or cmaes")
        if self.config.best is not None:
            raise GenreError("best= cannot be combined with a search: leave it out")
        self.make_sampler = functools.partial(space.make_sampler, sampler, self.settings.seed)
        self.space, self.fixed = space.read_space(self.hydra.sweeper.params, overrides, self.config)

    def run(self) -> SearchResult:
        """Run trials until the study is complete, and return its result."""
        from genre import logging_setup  # torch takes seconds to load
        from genre.provenance import data_id
        from genre.training.components import build_components

        logging_setup.configure_logging()
        data = build_components(self.train_settings).datamodule.data  # fills the cache; fails for all trials at once
        shared = space.study_config(self.config, self.space)
        study = ResumableStudy(self.settings, str(self.hydra.sweeper.direction), self.space, self.make_sampler, shared)
        study.check_data(data_id(data.tracks))
        of_search = (self.hydra.runtime.choices.model, self.overrides, self.config, self.space)
        study.study.set_user_attr(COMMAND, space.retrain_command(*of_search, self.sweeper.compose))
        write_search_file(self.settings)
        n_trials, metric = self.settings.n_trials, self.train_settings.monitor.metric
        started = f", {n_trials - study.n_remaining} of them started" if study.n_remaining < n_trials else ""
        print(f"{self.config.model.name}: {n_trials} trials for the best {metric} in {study.folder}{started}")
        with storage_errors(self.settings.storage):
            self._run_trials(study)
            if study.n_remaining:
                print(f"the search space is used up: it has {space.n_points(self.space):.0f} points")
            return write_folder(load_result(study.study, study.folder))

    def _run_trials(self, study: ResumableStudy) -> None:
        started, n_run, n_failed = time.perf_counter(), 0, 0
        on_wait = functools.cache(lambda count: print(f"waiting for {count} trials running in other processes"))
        while trial := study.ask(on_wait):
            self._launch(study, trial)
            result = write_folder(load_result(study.study, study.folder), report=False)
            n_run += 1
            print_trial(result, trial.number, (time.perf_counter() - started) / n_run * study.n_remaining)
            n_failed = n_failed + 1 if study.trials[trial.number].state == TrialState.FAIL else 0
            if n_failed >= self.settings.failures_in_a_row:
                write_folder(result)
                last = f"the last one with: {result.trials['reason'][trial.number]}"
                how = "rerun the same command to resume; with other settings, choose another search.study"
                raise GenreError(f"{n_failed} trials in a row failed, {last}; {how}")

    def _launch(self, study: ResumableStudy, trial: Trial) -> None:
        launcher = Plugins.instance().instantiate_launcher(self.sweeper.context, self.sweeper.task, self.whole_config)
        given = {**self.fixed, **trial.params, "search.trial": trial.number}
        reason = "it recorded no result"
        with study.heartbeat(trial):
            try:
                (job,) = launcher.launch([[f"{key}={v}" for key, v in given.items()]], initial_job_idx=trial.number)
                if not study.trials[trial.number].state.is_finished():
                    _ = job.return_value  # raises what kept the trial from recording its result
            except KeyboardInterrupt:
                study.fail_or_retry(trial.number, "interrupted", max_retry=None)
                raise
            except Exception as error:  # launchers raise anything when a worker dies
                reason = f"{type(error).__name__}: {one_line(error)}"
        study.fail_or_retry(trial.number, reason)


@contextmanager
def _workers(count: int) -> Iterator[None]:
    """Start further processes with the same command, which share its trials."""
    command = [sys.executable, *sys.argv, "search.n_jobs=1"]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
        for process in processes:
            process.wait()
    finally:
        for process in processes:
            process.send_signal(signal.SIGINT)  # ends as by Ctrl-C, and does nothing where it has ended
