"""The one builder of what a configuration or a checkpoint names: `_target_` is called with the rest as arguments.

It knows Hydra's `_target_`, `_args_`, `_partial_` and `_recursive_` and needs neither Hydra nor OmegaConf. It calls
whatever it is given: a stored file goes through `genre.config.targets.check` first.
"""

from collections.abc import Callable
from functools import partial
from types import NoneType
from typing import Any

from torch import nn

from genre.config.targets import arguments, locate, plain_types
from genre.errors import GenreError, unknown_key

RESERVED = ("_target_", "_args_", "_convert_", "_partial_", "_recursive_")


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
    target = check_arguments(path, spec)
    made = {key: value for key, value in spec.items() if key not in RESERVED}
    if spec.get("_recursive_", True):
        made = {key: instantiate(f"{path}.{key}", value) for key, value in made.items()}
    args = instantiate(path, spec.get("_args_", []))
    if spec.get("_partial_"):
        return partial(target, *args, **made)
    try:
        return target(*args, **made)
    except GenreError:
        raise
    except Exception as error:  # a part that the user wrote may fail in any way
        raise GenreError(f"{path}: {_line(error)}") from error


def check_arguments(path: str, spec: dict[str, Any]) -> Callable[..., Any]:
    """Check the names and types of the arguments of an object before it is made.

    Args:
        path: Its place in the configuration, for messages.
        spec: `_target_` and its arguments.

    Returns:
        What `_target_` names.

    Raises:
        GenreError: There is no such target, or it has no such argument, or not of this type.
    """
    name = spec["_target_"]
    try:
        target = locate(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise GenreError(f"{path}._target_={name} cannot be imported: {_line(error)}") from error
    if not callable(target):
        raise GenreError(f"{path}._target_={name} cannot be called: name a class or a function")
    known, types = arguments(target), plain_types(target)
    for key, value in spec.items():
        if key in RESERVED:
            continue
        if known is not None and key not in known:
            raise GenreError(unknown_key(f"{path}.{key}", known, f"no argument of {name}"))
        if key in types and type(value) not in types[key]:
            names = " or ".join("null" if kind is NoneType else kind.__name__ for kind in types[key])
            raise GenreError(f"{path}.{key}={value} is of the wrong type: use {names}")
    return target


def build(path: str, spec: Any) -> Any:
    """Make an object of which a configuration names the class or function.

    Args:
        path: Its place in the configuration, for messages.
        spec: `_target_` and its arguments.

    Returns:
        What the target returns.

    Raises:
        GenreError: There is no `_target_`, or it does not take these values.
    """
    if not isinstance(spec, dict) or "_target_" not in spec:
        raise GenreError(f"{path}={spec} has no _target_: give it one that names a class or a function")
    return instantiate(path, spec)


def build_each(path: str, specs: dict[str, Any]) -> dict[str, Any]:
    """Make the objects of a section that names several.

    Args:
        path: The section's place in the configuration.
        specs: Their names, and `_target_` and arguments of each; null leaves one out.

    Returns:
        The objects by name.

    Raises:
        GenreError: One of them has no `_target_`, or does not take its values.
    """
    return {name: build(f"{path}.{name}", spec) for name, spec in with_target(path, specs).items()}


def with_target(path: str, specs: dict[str, Any]) -> dict[str, Any]:
    """Objects of a section that are not null; see `build_each`."""
    complete = [name for name, spec in specs.items() if isinstance(spec, dict) and "_target_" in spec]
    for name, spec in specs.items():
        if spec is not None and name not in complete:
            raise GenreError(unknown_key(f"{path}.{name}", complete, "no key of the configuration and has no _target_"))
    return {name: specs[name] for name in complete}


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


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
