"""The search space: read it from overrides, suggest points of it that are not used yet, write what was searched."""

import itertools
import math
import shlex
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ValueType
from hydra.errors import HydraException
from hydra.utils import instantiate
from hydra_plugins.hydra_optuna_sweeper._impl import create_params_from_overrides
from omegaconf import DictConfig, OmegaConf
from optuna import distributions as of
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, Trial

from genre.config.best import REFERENCE
from genre.config.diff import MACHINE_KEYS, leaves, training_values
from genre.config.overrides import overrides_between
from genre.errors import GenreError, train_command

Space = dict[str, of.BaseDistribution]  # of each searched key of the configuration
SamplerFactory = Callable[[int, int], BaseSampler]  # for a trial's number and an attempt's
MAX_ATTEMPTS = 12  # with the study's sampler to find an unused point; further attempts are random
REPLACED_KEYS = {  # keys of hydra-optuna-sweeper, and those that replace them here
    "n_trials": "search.n_trials",
    "n_jobs": "search.n_jobs",
    "study_name": "search.study",
    "storage": "search.storage",
    "max_failure_rate": "search.failures_in_a_row",
    "search_space": "hydra.sweeper.params",
    "custom_search_space": "hydra.sweeper.params",
}


def reject_sweeper_keys(overrides: list[str]) -> None:
    """Raise a `GenreError` where Hydra's overrides give a key of the plug-in that has no effect."""
    for text in overrides:
        key = text.lstrip("+").partition("=")[0].removeprefix("hydra.sweeper.")
        if key in REPLACED_KEYS:
            raise GenreError(f"hydra.sweeper.{key} is ignored here: use {REPLACED_KEYS[key]}")


def split_models(arguments: list[str]) -> dict[str, list[str]]:
    """Return the overrides of each model that the command line lists; `{"": arguments}` where it lists none."""
    for text, override in zip(arguments, OverridesParser.create().parse_overrides(arguments), strict=True):
        if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
            raise GenreError(f"{text} cannot be searched: list the choices")
        if override.key_or_group == "model" and override.is_sweep_override():
            others = [other for other in arguments if other != text]
            return {model: [f"model={model}", *others] for model in override.sweep_string_iterator()}
    return {"": arguments}


def read_space(params: DictConfig | None, arguments: list[str], config: DictConfig) -> tuple[Space, dict[str, Any]]:
    """Read what `hydra.sweeper.params` and the overrides, which win, search, and the values that the overrides fix."""
    typed = [f"{key!s}={text}" for key, text in (params or {}).items()]
    try:
        space, fixed = create_params_from_overrides([*typed, *arguments])
        twice = set.intersection(*map(set, create_params_from_overrides(arguments)))
    except (AssertionError, NotImplementedError, ValueError, HydraException) as error:
        raise GenreError(f"the search space cannot be read: {str(error) or 'an unknown kind of choice'}") from error
    if twice:
        raise GenreError(f"{min(twice)} is given twice, as one value and as several: leave one of them out")
    space = {key: distribution for key, distribution in space.items() if key not in fixed}
    known = training_values(config)
    for key, distribution in space.items():
        if "." not in key:
            raise GenreError(f"{key} cannot be searched: give one value, and another search.study for another value")
        if key.startswith("+"):
            raise GenreError(f"{key} cannot be searched: write {key.lstrip('+')}=..., without the +")
        if key not in known:
            raise GenreError(f"the search space names {key}, which this configuration does not have")
        if isinstance(known[key], int) and isinstance(distribution, of.UniformDistribution | of.LogUniformDistribution):
            raise GenreError(f"{key} is a whole number: search it with range(...) or choice(...)")
    if not space:
        example = "'model.learning_rate=choice(1e-3,1e-4)'"
        raise GenreError(f"model={config.model.name} has no search space: add one, such as {example}")
    return space, fixed


def make_sampler(spec: DictConfig, seed: int, number: int, attempt: int) -> BaseSampler:
    """Make the sampler of a trial: each trial has its own seed, so that a resumed search suggests the same."""
    entropy = [seed if spec.seed is None else spec.seed, number, attempt]
    options: dict[str, Any] = {"seed": int(np.random.SeedSequence(entropy).generate_state(1)[0])}
    if "n_ei_candidates" in spec:
        options["n_ei_candidates"] = max(spec.n_ei_candidates >> attempt, 1)  # TPE is less greedy in each attempt
    if "warn_independent_sampling" in spec:
        options["warn_independent_sampling"] = False
    return instantiate(spec, **options)


def n_points(space: Space) -> float:
    """Count the points of a space; infinite where it has an interval."""
    sizes: dict[Any, Callable[[Any], float]] = {
        of.CategoricalDistribution: lambda d: len(d.choices),
        of.IntUniformDistribution: lambda d: (d.high - d.low) // d.step + 1,
        of.IntLogUniformDistribution: lambda d: d.high - d.low + 1,
        of.DiscreteUniformDistribution: lambda d: round((d.high - d.low) / d.q) + 1,
    }
    return math.prod(sizes.get(type(d), lambda d: 1 if d.single() else math.inf)(d) for d in space.values())


def used_points(trials: list[FrozenTrial], space: Space) -> set[tuple[Any, ...]]:
    """Return the points of a space that trials have used."""
    return {tuple(t.params[key] for key in space) for t in trials if space.keys() <= t.params.keys()}


def suggest_unique(study: optuna.Study, trial: Trial, space: Space, sampler_for: SamplerFactory) -> None:
    """Suggest parameters that no other trial has, where any are left; a retry keeps those of its first attempt."""
    trials = study.get_trials(deepcopy=False)
    frozen = trials.pop(trial.number)
    if not frozen.params:
        used = used_points(trials, space)
        attempts = (sampler_for(trial.number, attempt) for attempt in range(MAX_ATTEMPTS))
        chosen = trial.relative_params  # by samplers that choose all parameters at once, when the trial was created
        for sampler in itertools.chain(attempts, itertools.repeat(RandomSampler(seed=trial.number))):
            params = {
                key: chosen[key] if key in chosen else sampler.sample_independent(study, frozen, key, distribution)
                for key, distribution in space.items()
            }
            if tuple(params.values()) not in used or len(used) >= n_points(space):
                break
            chosen = {}
        trial.set_system_attr("fixed_params", params)  # as `Study.enqueue_trial` does
    for key, distribution in space.items():
        trial._suggest(key, distribution)


def study_config(config: DictConfig, space: Space) -> dict[str, Any]:
    """Return what all trials of a study share, by dotted keys: values, and for searched keys the choices."""
    shared = {key: value for key, value in training_values(config).items() if key not in MACHINE_KEYS}
    for key, value in leaves(OmegaConf.to_container(config.scheduler), "scheduler"):
        if (found := REFERENCE.fullmatch(str(value))) and found[1] in space:
            shared[key] = value  # such as max_lr: ${model.learning_rate}, which differs between trials
    for key, distribution in space.items():
        if isinstance(distribution, of.CategoricalDistribution):
            shared[key] = f"choice({','.join(map(str, distribution.choices))})"
        else:
            limits = {name: value for name, value in distribution._asdict().items() if value not in (None, False)}
            shared[key] = f"interval({','.join(f'{name}={value}' for name, value in limits.items())})"
    return shared


def with_references(old: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Replace the values of an earlier version where `study_config` now has a reference to a searched key."""
    return old | {key: value for key, value in shared.items() if key in old and REFERENCE.fullmatch(str(value))}


def retrain_command(model: str, arguments: list[str], config: DictConfig, space: Space, compose: Any) -> str:
    """Return the command that trains the best trial again, without `best=`, which sets the space and the schedulers.

    It has the overrides of the search, and those that make what `compose` composes of them the same as `config`.
    """

    def fixed(config: DictConfig) -> dict[str, Any]:
        values = training_values(config)
        return {key: values[key] for key in values if key not in space and not key.startswith("scheduler.")}

    dropped = {"model", "hparams_search", "search_space", "scheduler", *space}
    keys = {text: text.lstrip("+~").partition("=")[0] for text in arguments}
    kept = [text for text, key in keys.items() if key not in dropped and not key.startswith(("search.", "scheduler."))]
    kept = [f"model={model}", *kept]
    changed = overrides_between(fixed(compose(kept)[0]), fixed(config))
    return f"{train_command()} {shlex.join([*kept, *changed])}"
