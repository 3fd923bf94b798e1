"""What a search is of, before it begins."""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString, ValueType
from omegaconf import DictConfig
from optuna.distributions import BaseDistribution, CategoricalDistribution

from genre.config.diff import MACHINE_KEYS, training_values
from genre.config.schema import TrainConfig
from genre.errors import GenreError

OWN_WORDS = {
    "n_trials": "search.n_trials",
    "n_jobs": "search.n_jobs",
    "study_name": "search.study",
    "storage": "search.storage",
    "max_failure_rate": "search.failures_in_a_row",
    "custom_search_space": "hydra.sweeper.params",
}
"""Keys of the plug-in for which `search` has its own."""


@dataclass(frozen=True)
class Plan:
    """A search that can begin: what it is of, what it suggests, what is given, and what was typed."""

    settings: TrainConfig
    space: dict[str, BaseDistribution]
    fixed: dict[str, Any]
    arguments: list[str]


def refuse_others_words(given: list[str]) -> None:
    """Refuse the plug-in's keys for which this search has its own: Hydra would take them, and nobody would read them.

    Args:
        given: Overrides of Hydra's own configuration.

    Raises:
        GenreError: There is one.
    """
    for text in given:
        key = text.lstrip("+").partition("=")[0].removeprefix("hydra.sweeper.")
        if key in OWN_WORDS:
            raise GenreError(f"hydra.sweeper.{key} has no effect here: give {OWN_WORDS[key]}")


def models_of(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Models that the command line lists, none where it does not list them, and its other overrides."""
    for text, override in zip(arguments, OverridesParser.create().parse_overrides(arguments), strict=True):
        if override.value_type == ValueType.GLOB_CHOICE_SWEEP:
            raise GenreError(f"{text} cannot be searched: list the choices")
        if override.key_or_group == "model" and override.is_sweep_override():
            return list(override.sweep_string_iterator()), [other for other in arguments if other != text]
    return [], arguments


def description(config: DictConfig, space: dict[str, BaseDistribution]) -> dict[str, Any]:
    """What must be the same for all trials of a study, by dotted names."""
    leaves = {key: value for key, value in training_values(config).items() if key not in MACHINE_KEYS}
    return leaves | {name: _in_words(distribution) for name, distribution in space.items()}


def _in_words(distribution: BaseDistribution) -> str:
    """What is searched, about as it is written on a command line."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice({','.join(map(str, distribution.choices))})"
    values = ",".join(f"{name}={value}" for name, value in distribution._asdict().items() if value not in (None, False))
    return f"interval({values})"


def command(
    arguments: list[str], config: DictConfig, space: dict[str, BaseDistribution], compose: Callable[[list[str]], Any]
) -> str:
    """The command that trains the best as its trial was trained, but for `best=`.

    Args:
        arguments: Overrides of the search.
        config: Of the search.
        space: What it suggests, which best.yaml holds, with all of the schedulers.
        compose: Makes the configuration of a run from overrides.

    Returns:
        The command, with what else the search's own files set, such as trainer.max_epochs.
    """
    dropped = {"hparams_search", "search_space", "scheduler", *space}
    keys = {text: text.lstrip("+~").partition("=")[0] for text in arguments}
    kept = [text for text, key in keys.items() if key not in dropped and not key.startswith(("search.", "scheduler."))]
    wanted, found = training_values(config), training_values(compose(kept))
    missing = object()
    for key in sorted(wanted.keys() | found.keys()):
        value, own = wanted.get(key, missing), found.get(key, missing)
        if value == own or key in space or key.startswith("scheduler."):
            continue
        sign = "+" if own is missing else ""
        kept.append(f"~{key}" if value is missing else f"{sign}{key}={_typed(value)}")
    return "python train.py " + shlex.join(kept)


def _typed(value: Any) -> str:
    """A value as it is typed on a command line of Hydra's."""
    if isinstance(value, list):
        return f"[{','.join(map(_typed, value))}]"
    if isinstance(value, str):
        return QuotedString(value, Quote.single).with_quotes()
    return json.dumps(value)
