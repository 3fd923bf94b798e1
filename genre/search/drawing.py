"""What a trial is given to try."""

from collections.abc import Callable

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import Trial

TRIES = 12
"""Draws until a trial may have what another one had."""

MakeSampler = Callable[[int, int], BaseSampler]
"""A sampler for the trial of a number, and for the how-manieth try."""


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
    """Parameters that no trial has; none where the sampler draws all at once, or where nothing new was found."""
    frozen = study._storage.get_trial(trial._trial_id)
    known = [other.params for other in study.get_trials(deepcopy=False) if other.number != trial.number]
    for attempt in range(TRIES):
        sampler = study.sampler = make_sampler(trial.number, attempt)
        if sampler.infer_relative_search_space(study, frozen):
            return {}
        drawn = {name: sampler.sample_independent(study, frozen, name, d) for name, d in space.items()}
        if drawn not in known:
            return drawn
    return {}
