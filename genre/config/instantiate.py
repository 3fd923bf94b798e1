"""The one builder of what a configuration or a checkpoint names: `_target_` is called with the rest as arguments.

It knows Hydra's `_target_`, `_args_`, `_partial_` and `_recursive_` and needs neither Hydra nor OmegaConf. It calls
whatever it is given: a stored file goes through `genre.config.targets.check` first.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from genre.config.targets import arguments, locate
from genre.errors import GenreError, unknown_key


def instantiate(path: str, spec: Any) -> Any:
    """Make what a configuration describes, and what it contains first.

    Args:
        path: Its place in the configuration, for messages.
        spec: Dicts, lists and plain values, resolved.

    Returns:
        What `_target_` returns; a copy of `spec` where it names none.

    Raises:
        GenreError: The target does not exist, or does not take these values.
    """
    if isinstance(spec, list):
        return [instantiate(f"{path}.{index}", value) for index, value in enumerate(spec)]
    if not isinstance(spec, dict):
        return spec
    if "_target_" not in spec:
        return {key: instantiate(f"{path}.{key}", value) for key, value in spec.items()}
    try:
        target = locate(spec["_target_"])
    except (ImportError, AttributeError, ValueError) as error:
        raise GenreError(f"{path}._target_={spec['_target_']} cannot be imported: {_line(error)}") from error
    if not callable(target):
        raise GenreError(f"{path}._target_={spec['_target_']} cannot be called: name a class or a function")
    values = {key: value for key, value in spec.items() if key not in ("_target_", "_convert_", "_partial_")}
    recursive = values.pop("_recursive_", True)
    made = {key: instantiate(f"{path}.{key}", value) if recursive else value for key, value in values.items()}
    args = made.pop("_args_", [])
    _check_names(path, spec["_target_"], target, made)
    if spec.get("_partial_"):
        return partial(target, *args, **made)
    try:
        return target(*args, **made)
    except GenreError:
        raise
    except Exception as error:  # a part that the user wrote may fail in any way
        raise GenreError(f"{path}: {_line(error)}") from error


def network(spec: dict[str, Any], path: str = "model.net") -> nn.Module:
    """Make a network.

    Args:
        spec: Its `_target_` and arguments.
        path: Its place in the configuration, for messages.

    Returns:
        The network, initialized from torch's random numbers.

    Raises:
        GenreError: This makes no network.
    """
    net = instantiate(path, spec)
    if not isinstance(net, nn.Module):
        raise GenreError(f"{path} makes no torch.nn.Module: give it a _target_ that names one")
    return net


def _check_names(path: str, name: str, target: Callable[..., Any], given: dict[str, Any]) -> None:
    if (known := arguments(target)) is None:
        return
    for key in given:
        if key not in known:
            raise GenreError(unknown_key(f"{path}.{key}", set(known) - given.keys(), f"no argument of {name}"))


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
