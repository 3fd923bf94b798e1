"""Check a composed configuration against the types and ranges of the schema."""

import dataclasses
import math
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf

from genre.config.schema import TrainConfig
from genre.errors import GenreError, unknown_key


def validate(config: DictConfig) -> Any:
    """Resolve a composed configuration and check it against the schema's ranges.

    Args:
        config: Configuration composed by Hydra on top of `TrainConfig` or `EvaluateConfig`.

    Returns:
        An instance of that class; sections without a class are plain dicts.

    Raises:
        GenreError: A value is missing or out of range.
    """
    for path, value, _ in _walk("", OmegaConf.to_container(config)):
        if value == MISSING:
            raise GenreError(f"{path} must be given: add {path}=...")
    settings = OmegaConf.to_object(config)
    for path, value, limits in _walk("", settings):
        if value is not None:
            _check(path, value, limits)
    monitor = getattr(settings, "monitor", None)
    if monitor and (monitor.metric == "val/loss") != (monitor.mode == "min"):
        better = "max" if monitor.mode == "min" else "min"
        raise GenreError(f"monitor.mode={monitor.mode} selects the worst {monitor.metric}: set monitor.mode={better}")
    return settings


def check_value(config: DictConfig, key: str) -> None:
    """Check one value of the top level of a training configuration. See `validate`."""
    (limits,) = (field.metadata for field in dataclasses.fields(TrainConfig) if field.name == key)
    _check(key, config[key], limits)


def _walk(path: str, node: Any) -> Iterator[tuple[str, Any, Any]]:
    """Iterate over all values, with the metadata of those in the schema."""
    if dataclasses.is_dataclass(node):
        for entry in dataclasses.fields(node):
            value = getattr(node, entry.name)
            yield f"{path}{entry.name}", value, entry.metadata
            yield from _walk(f"{path}{entry.name}.", value)
        known = [entry.name for entry in dataclasses.fields(node)]
        for key in vars(node).keys() - set(known):  # Hydra adds any key with a `+`
            raise GenreError(unknown_key(path + key, known))
    elif isinstance(node, dict):
        for key, value in node.items():
            yield f"{path}{key}", value, {}
            yield from _walk(f"{path}{key}.", value)


def _check(path: str, value: Any, limits: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise GenreError(f"{path}={value} must be finite")
    choices, low, above, high = (limits.get(key) for key in ("choices", "low", "above", "high"))
    if choices and value not in choices and not (limits["suffix"] and str(value).endswith(limits["suffix"])):
        or_file = f" or a {limits['suffix']} file" if limits["suffix"] else ""
        meant = "".join(f"did you mean {name}? " for name in get_close_matches(str(value), choices, n=1, cutoff=0.75))
        raise GenreError(f"{path}={value} is unknown: {meant}use one of {', '.join(choices)}{or_file}")
    if low is not None and value < low:
        raise GenreError(f"{path}={value} must be at least {low}")
    if above is not None and value <= above:
        raise GenreError(f"{path}={value} must be above {above}")
    if high is not None and value > high:
        raise GenreError(f"{path}={value} must be at most {high}")
