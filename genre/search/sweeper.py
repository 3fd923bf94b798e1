"""The sweep of a durable study: Optuna's plug-in parses the space and launches, this begins trials and ends them."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import RunMode
from hydra.utils import instantiate
from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl, create_params_from_overrides
from omegaconf import DictConfig, OmegaConf, open_dict
from optuna.distributions import BaseDistribution
from optuna.trial import Trial, TrialState

from genre.checking import checked
from genre.errors import GenreError
from genre.one_line import short
from genre.resume import first_difference, what_counts
from genre.search import outcome, report, screen
from genre.search.study import COMMAND, CONFIG, DurableStudy
from genre.settings import Settings

TRIAL = "search.trial"
SPACE = "space"


class DurableSweeper(OptunaSweeperImpl):
    """Finishes a study to `n_trials` in all, however often it is begun; of several models, one study each."""

    def setup(self, *, task_function: Any, **kwargs: Any) -> None:
        """Keep what a search of another model needs."""
        super().setup(task_function=task_function, **kwargs)
        self.task_function = task_function

    def sweep(self, arguments: list[str]) -> None:
        """Search, for each model that the command line names."""
        models, others = _models(arguments)
        if len(models) == 1:
            screen.finished([self.search(arguments)])
            return
        found, failed = [], []
        for model in models:
            try:
                found.append(self._sweeper_of(model, others).search([f"model={model}", *others]))
            except GenreError as error:
                failed.append(f"{model}: {error}")
                screen.say(failed[-1])
        screen.finished(found)
        if failed:
            raise GenreError(f"{len(failed)} of {len(models)} searches ended early: {'; '.join(failed)}")

    def search(self, arguments: list[str]) -> outcome.Outcome:
        """Search for one model.

        Args:
            arguments: The command line's overrides.

        Returns:
            What came out.

        Raises:
            GenreError: It cannot begin, or too many trials failed in a row.
        """
        config, settings = self._checked()
        folder = Path(settings.search.folder)
        space, fixed = self._space(arguments, config)
        _prepare(settings)
        study = DurableStudy(settings.search, self._get_directions()[0], self._sampler)
        _same(study.study, config, space)
        command = _command(arguments, config)
        study.study.set_user_attr(COMMAND, command)
        outcome.note(settings.search)
        screen.begins(settings, study)
        started, begun, failures = time.perf_counter(), 0, 0
        while trials := study.take(self.n_jobs, space, screen.waits):
            overrides = [
                tuple(f"{name}={value}" for name, value in {**fixed, **trial.params, TRIAL: trial.number}.items())
                for trial in trials
            ]
            results = self._launch(study, trials, overrides)
            for trial, result in zip(trials, results, strict=True):
                failures = 0 if _end(study, trial, result) else failures + 1
            begun += len(trials)
            found = outcome.read(study.study, folder)
            outcome.write_best(found)
            pace = (time.perf_counter() - started) / begun
            for trial in trials:
                screen.ended(found, trial.number, settings.search.n_trials, pace * study.left())
            if failures >= settings.search.failures_in_a_row:
                raise GenreError(
                    f"{failures} trials in a row failed, the last one with: {found.reason(trials[-1].number)}; mend "
                    f"it, and the same command goes on in {folder}"
                )
        found = outcome.read(study.study, folder)
        report.write(found)
        return found

    def _launch(
        self, study: DurableStudy, trials: list[Trial], overrides: list[Any]
    ) -> Sequence[JobReturn | Exception]:
        with study.beating(trials):
            try:
                return self.launcher.launch(overrides, initial_job_idx=trials[0].number)
            except KeyboardInterrupt:
                study.interrupt(trials)
                raise
            except Exception as error:  # launchers raise whatever they like when a worker dies
                return [error] * len(trials)

    def _checked(self) -> tuple[DictConfig, Settings]:
        """The configuration without Hydra's part, and its settings."""
        config = self.config.copy()
        with open_dict(config):
            del config["hydra"]
        return config, checked(config)

    def _space(self, arguments: list[str], config: DictConfig) -> tuple[dict[str, BaseDistribution], dict[str, Any]]:
        """What is to be suggested, and what is given."""
        self._process_searchspace_config()
        space, fixed = create_params_from_overrides([*self._parse_sweeper_params_config(), *arguments])
        space = {name: distribution for name, distribution in space.items() if name not in fixed}
        for name in space:
            if "." not in name:
                raise GenreError(f"{name} cannot be searched: make one search for each, as model=a,b does")
            if OmegaConf.select(config, name, throw_on_missing=False) is None and name not in what_counts(config):
                raise GenreError(f"the search space names {name}, which this configuration does not have")
        if not space:
            raise GenreError(
                f"model={config.model.name} has no search space: give one, such as 'model.learning_rate=interval(1e-4,"
                "1e-2)'"
            )
        return space, {name.lstrip("+"): value for name, value in fixed.items()}

    def _sampler(self, number: int) -> optuna.samplers.BaseSampler:
        spec = self.config.hydra.sweeper.sampler
        if "seed" not in spec:
            raise GenreError("hydra/sweeper/sampler has to be one that takes a seed: tpe, random, cmaes, nsgaii, motpe")
        mixed = np.random.SeedSequence([spec.seed or 0, number]).generate_state(1)[0]
        return instantiate(spec, seed=int(mixed))

    def _sweeper_of(self, model: str, others: list[str]) -> "DurableSweeper":
        """The sweeper of the same command for one model: its search space is composed anew."""
        given = [*OmegaConf.to_container(self.config.hydra.overrides.hydra), f"model={model}", *others]
        loader = self.hydra_context.config_loader
        config = loader.load_configuration(self.config.hydra.job.config_name, given, run_mode=RunMode.MULTIRUN)
        made = Plugins.instance().instantiate_sweeper(
            config=config, hydra_context=self.hydra_context, task_function=self.task_function
        )
        return made.sweeper


def _models(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Models that the command line names, and its other overrides."""
    parsed = OverridesParser.create().parse_overrides(arguments)
    for text, override in zip(arguments, parsed, strict=True):
        if override.key_or_group == "model" and override.is_sweep_override():
            return list(override.sweep_string_iterator()), [other for other in arguments if other != text]
    return [""], arguments


def _prepare(settings: Settings) -> None:
    """Try everything once, and fill the cache: what is wrong for all trials is said before the first one."""
    from genre import console  # torch takes seconds to load
    from genre.parts import assemble

    console.quiet()
    _ = assemble(settings).data.prepared


def _same(study: optuna.Study, config: DictConfig, space: dict[str, BaseDistribution]) -> None:
    """Refuse to go on with a study of something else; note what this one is of."""
    leaves = {key: value for key, value in what_counts(config).items() if key not in space}
    new = leaves | {f"{SPACE} of {name}": repr(distribution) for name, distribution in space.items()}
    old = study.user_attrs.get(CONFIG)
    if old is None:
        study.set_user_attr(CONFIG, new)
    elif key := first_difference(new, old):
        raise GenreError(
            f"{study.study_name} is a search with {key}={old.get(key)}, not {new.get(key)}: give this one another "
            "search.study"
        )


def _command(arguments: list[str], config: DictConfig) -> str:
    """The command that trains the best as its trial was trained."""
    kept = [text for text in arguments if not text.lstrip("+~").startswith(("search.", "hparams_search", "model="))]
    given = [f"model={config.model.name}", *kept, f"best={config.search.folder}"]
    if not any(text.startswith("trainer.max_epochs=") for text in kept):
        given.append(f"trainer.max_epochs={config.trainer.max_epochs}")
    return "python train.py " + " ".join(given)


def _end(study: DurableStudy, trial: Trial, result: JobReturn | Exception) -> bool:
    """Write down how a trial ended; whether it did not fail."""
    error = result if isinstance(result, Exception) else None
    if isinstance(result, JobReturn) and result.status == JobStatus.FAILED:
        error = result._return_value  # its public name prints
    if isinstance(error, optuna.TrialPruned):
        study.end(trial, TrialState.PRUNED, reason=str(error))
    elif error is not None:
        text = short(error) if str(error) else ""
        study.end(trial, TrialState.FAIL, reason=text if isinstance(error, GenreError) else _named(error, text))
    elif not isinstance(result._return_value, float) or not math.isfinite(result._return_value):
        study.end(trial, TrialState.FAIL, reason=f"the score is {result._return_value}")
    else:
        study.end(trial, TrialState.COMPLETE, result._return_value)
        return True
    return isinstance(error, optuna.TrialPruned)


def _named(error: Exception, text: str) -> str:
    return f"{type(error).__name__}: {text}".rstrip(": ")
