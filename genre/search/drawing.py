"""What a trial is given to try."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    DiscreteUniformDistribution,
    IntLogUniformDistribution,
    IntUniformDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, Trial

TRIES = 12
"""Samples of the study's sampler that other trials had; after these the choice is random."""

MakeSampler = Callable[[int, int], BaseSampler]
"""A sampler for the trial of a number, and for the how-manieth try."""


def points(space: dict[str, BaseDistribution]) -> float:
    """How many points a search space has; infinite with an interval in it."""
    sizes: dict[Any, Callable[[Any], float]] = {
        CategoricalDistribution: lambda d: len(d.choices),
        IntUniformDistribution: lambda d: (d.high - d.low) // d.step + 1,
        IntLogUniformDistribution: lambda d: d.high - d.low + 1,
        DiscreteUniformDistribution: lambda d: round((d.high - d.low) / d.q) + 1,
    }
    return math.prod(sizes.get(type(d), lambda d: 1 if d.single() else math.inf)(d) for d in space.values())


def tried(trials: list[FrozenTrial], space: dict[str, BaseDistribution]) -> set[tuple[Any, ...]]:
    """The points of a search space that trials have or had."""
    return {tuple(t.params[name] for name in space) for t in trials if space.keys() <= t.params.keys()}


def draw(study: optuna.Study, trial: Trial, space: dict[str, BaseDistribution], make_sampler: MakeSampler) -> None:
    """Give a trial its parameters, ones that no other trial has had: training is deterministic.

    On a space of few choices TPE proposes its favourite again and again, and the same again would say nothing.

    Args:
        study: Of the trial.
        trial: Just begun; a repeat has its parameters.
        space: What is to be suggested.
        make_sampler: Makes a sampler for each try.
    """
    frozen = study._storage.get_trial(trial._trial_id)
    if not frozen.params and (drawn := _new(study, trial, space, make_sampler)):
        # As Optuna gives the parameters of a trial that was enqueued
        study._storage.set_trial_system_attr(trial._trial_id, "fixed_params", drawn)
    for name, distribution in space.items():
        trial._suggest(name, distribution)


def _new(
    study: optuna.Study, trial: Trial, space: dict[str, BaseDistribution], make_sampler: MakeSampler
) -> dict[str, object]:
    """Parameters that no trial has, where there are any left."""
    frozen = study._storage.get_trial(trial._trial_id)
    known = tried([other for other in study.get_trials(deepcopy=False) if other.number != trial.number], space)
    all_tried = len(known) >= points(space)
    for attempt in itertools.count():
        if attempt < TRIES:
            sampler = study.sampler = make_sampler(trial.number, attempt)
        elif attempt == TRIES:
            sampler = RandomSampler(seed=trial.number)
        relative = trial.relative_params if attempt == 0 else {}  # of samplers that draw all parameters at once
        drawn = {
            name: relative[name] if name in relative else sampler.sample_independent(study, frozen, name, distribution)
            for name, distribution in space.items()
        }
        if all_tried or tuple(drawn.values()) not in known:
            return drawn
    raise AssertionError
