"""The sweep of a durable study: Optuna's plug-in parses the space and launches, this begins trials and ends them."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import HydraContext, RunMode, TaskFunction
from hydra.utils import instantiate
from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl, create_params_from_overrides
from omegaconf import DictConfig, open_dict
from optuna.distributions import BaseDistribution, LogUniformDistribution, UniformDistribution
from optuna.trial import Trial, TrialState

from genre.config.diff import training_values
from genre.config.schema import SearchConfig, TrainConfig
from genre.config.validate import validate
from genre.errors import GenreError
from genre.search import outcome, report, screen
from genre.search.drawing import points
from genre.search.notes import judged
from genre.search.outcome import Outcome
from genre.search.plan import Plan, command, description, models_of, refuse_others_words
from genre.search.storage import storage_errors
from genre.search.study import DurableStudy

TRIAL = "search.trial"


class DurableSweeper(OptunaSweeperImpl):
    """Finishes a study to `n_trials` in all, however often it is begun; of several models, one study each."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what the search of another model needs."""
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.hydra, self.context, self.task = config.hydra, hydra_context, task_function
        self.task_config = config.copy()
        with open_dict(self.task_config):
            del self.task_config["hydra"]

    def sweep(self, arguments: list[str]) -> None:
        """Search, for each model that the command line names."""
        models, others = models_of(arguments)
        if not models:
            screen.finished([self.search(self.plan(arguments))])
            return
        found, failed = [], []
        sweepers = {model: self._sweeper_of(model, others) for model in models}
        plans = {model: sweeper.plan([f"model={model}", *others]) for model, sweeper in sweepers.items()}
        if len({plan.settings.search.study for plan in plans.values()}) < len(plans):
            raise GenreError("search.study is the same for several models: put ${model.name} into it, or leave it out")
        for model, sweeper in sweepers.items():  # what is wrong in one of them has ended all before they begin
            try:
                found.append(sweeper.search(plans[model]))
            except GenreError as error:
                failed.append(f"{model}: {error}")
                screen.say(failed[-1])
        if found:
            screen.finished(found)
        if failed:
            raise GenreError(f"{len(failed)} of {len(models)} searches ended early: {'; '.join(failed)}")

    def plan(self, arguments: list[str]) -> Plan:
        """See whether one model can be searched.

        Args:
            arguments: The command line's overrides.

        Returns:
            The search.

        Raises:
            GenreError: It cannot begin.
        """
        refuse_others_words(self.hydra.overrides.hydra)
        settings = validate(self.task_config)
        if "seed" not in self.hydra.sweeper.sampler:
            name = self.hydra.runtime.choices["hydra/sweeper/sampler"]
            raise GenreError(f"hydra/sweeper/sampler={name} cannot be resumed: use tpe, random, nsgaii or cmaes")
        if self.task_config.best is not None:
            raise GenreError("best= is for runs: a search finds it anew, leave it out")
        return Plan(settings, *self._space(arguments, self.task_config), arguments)

    def search(self, plan: Plan) -> Outcome:
        """Search for one model.

        Args:
            plan: What and where.

        Returns:
            What came out.

        Raises:
            GenreError: The data or the study cannot be used, or too many trials failed in a row.
        """
        config, settings, space = self.task_config, plan.settings, plan.space
        search: SearchConfig = settings.search
        _prepare(settings)
        study = DurableStudy(search, self._get_directions()[0], self._sampler)
        study.describe(description(config, space), self._command(plan))
        outcome.note(search)
        screen.begins(settings.model.name, settings.monitor.metric, search, study.left())
        with storage_errors(search.storage):
            self._trials(study, space, plan.fixed)
            if study.left():
                size = f"{points(space):.0f} points"
                screen.say(f"the search space is used up: it has {size}, and search.n_trials={search.n_trials}")
            found = outcome.read(study.study, Path(search.folder))
        outcome.write_best(found)
        report.write(found)
        return found

    def _command(self, plan: Plan) -> str:
        """The command that trains the best."""

        def compose(given: list[str]) -> DictConfig:
            config = self.context.config_loader.load_configuration(
                self.hydra.job.config_name, given, run_mode=RunMode.RUN
            )
            with open_dict(config):
                del config["hydra"]
            return config

        own = [text for text in self.hydra.overrides.hydra if text.startswith("hydra.searchpath=")]
        others = [text for text in plan.arguments if not text.startswith("model=")]
        given = [f"model={self.hydra.runtime.choices.model}", *own, *others]
        return command(given, self.task_config, plan.space, compose)

    def _trials(self, study: DurableStudy, space: dict[str, BaseDistribution], fixed: dict[str, Any]) -> None:
        """Take trials and run them, until there are enough."""
        search = study.search
        started, begun, failures = time.perf_counter(), 0, 0
        while trials := study.take(search.n_jobs, space, screen.waits):
            given = [{**fixed, **trial.params, TRIAL: trial.number} for trial in trials]
            overrides = [tuple(f"{name}={value}" for name, value in one.items()) for one in given]
            for state in self._launch(study, trials, overrides):
                failures = failures + 1 if state == TrialState.FAIL else 0
            begun += len(trials)
            found = outcome.read(study.study, Path(search.folder))
            outcome.write_best(found)
            rest = (time.perf_counter() - started) / begun * study.left()
            for trial in trials:
                screen.ended(found, trial.number, rest)
            if failures >= search.failures_in_a_row:
                report.write(found)
                raise GenreError(
                    f"{failures} trials in a row failed, the last one with: {found.reason(trials[-1].number)}; mend "
                    f"it, and the same command goes on in {search.folder}"
                )

    def _launch(self, study: DurableStudy, trials: list[Trial], overrides: list[Any]) -> list[TrialState]:
        """Run trials, and write down how they ended."""
        assert self.launcher is not None
        with study.beating(trials):
            try:
                jobs = self.launcher.launch(overrides, initial_job_idx=trials[0].number)
            except KeyboardInterrupt:
                study.give_up(trials, "interrupted", always=True)
                raise
            except Exception as error:  # launchers raise whatever they like when a worker dies
                study.give_up(trials, judged(error).reason)
                return [TrialState.FAIL]  # one failure, whose it is nobody knows
        # The public name of `_return_value` prints an exception, and raises it
        return [study.end(trial, judged(job._return_value)) for trial, job in zip(trials, jobs, strict=True)]

    def _space(self, arguments: list[str], config: DictConfig) -> tuple[dict[str, BaseDistribution], dict[str, Any]]:
        """What is to be suggested, and what is given."""
        self._process_searchspace_config()
        try:
            space, fixed = create_params_from_overrides([*self._parse_sweeper_params_config(), *arguments])
            twice = set.intersection(*map(set, create_params_from_overrides(arguments)))
        except (AssertionError, NotImplementedError, ValueError, HydraException) as error:
            raise GenreError(f"the search space cannot be read: {str(error) or 'an unknown kind of choice'}") from error
        if twice:
            raise GenreError(f"{min(twice)} is given twice, as one value and as several: leave one of them out")
        space = {name: distribution for name, distribution in space.items() if name not in fixed}
        leaves = training_values(config)
        for name, distribution in space.items():
            if "." not in name:
                raise GenreError(
                    f"{name} cannot be searched: give one value, and another search.study to a search with another"
                )
            if (plain := name.lstrip("+")) != name:
                raise GenreError(f"{name} cannot be searched: write {plain}=..., without the +")
            if name not in leaves:
                raise GenreError(f"the search space names {name}, which this configuration does not have")
            if isinstance(leaves[name], int) and isinstance(distribution, UniformDistribution | LogUniformDistribution):
                raise GenreError(f"{name} is a whole number: search it with range(...) or choice(...)")
        if not space:
            raise GenreError(
                f"model={config.model.name} has no search space: give one, such as "
                "'model.learning_rate=choice(1e-3,1e-4)'"
            )
        return space, fixed

    def _sampler(self, number: int, attempt: int) -> optuna.samplers.BaseSampler:
        """A sampler of its own for each trial; TPE chooses among fewer candidates, so less greedily, in each try."""
        spec = self.hydra.sweeper.sampler
        seed = self.task_config.search.seed if spec.seed is None else spec.seed
        mixed = np.random.SeedSequence([seed or 0, number, attempt]).generate_state(1)[0]
        fewer = {"n_ei_candidates": max(spec.n_ei_candidates >> attempt, 1)} if "n_ei_candidates" in spec else {}
        calm = {"warn_independent_sampling": False} if "warn_independent_sampling" in spec else {}
        return instantiate(spec, seed=int(mixed), **fewer, **calm)

    def _sweeper_of(self, model: str, others: list[str]) -> "DurableSweeper":
        """The sweeper of the same command for one model: its search space is composed anew."""
        given = [*self.hydra.overrides.hydra, f"model={model}", *others]
        config = self.context.config_loader.load_configuration(
            self.hydra.job.config_name, given, run_mode=RunMode.MULTIRUN
        )
        plugin: Any = Plugins.instance().instantiate_sweeper(
            config=config, hydra_context=self.context, task_function=self.task
        )
        return plugin.sweeper


def _prepare(settings: TrainConfig) -> None:
    """Try everything once, and fill the cache: what is wrong for all trials is said before the first one."""
    from genre import logging_setup  # torch takes seconds to load
    from genre.training.components import build_components

    logging_setup.configure_logging()
    _ = build_components(settings).datamodule.data
