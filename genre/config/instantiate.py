"""Build objects from a configuration or a checkpoint: `_target_` is called with the other keys as arguments.

Supports Hydra's `_target_`, `_args_`, `_partial_` and `_recursive_` without Hydra and OmegaConf. It calls any target:
check stored files with `genre.config.targets.check` first.
"""

from collections.abc import Callable
from functools import partial
from itertools import chain
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from torch import nn

from genre.config.renamed import with_current_names
from genre.config.targets import arguments, locate, within
from genre.errors import GenreError, unknown_key

HYDRA_KEYS = ("_target_", "_args_", "_convert_", "_partial_", "_recursive_")


def instantiate(path: str, spec: Any) -> Any:
    """Build the object that a configuration describes, and the objects nested in it first.

    Args:
        path: Dotted key, for messages.
        spec: Dicts, lists and plain values, resolved.

    Returns:
        What `_target_` returns; a copy of `spec` if it has none.

    Raises:
        GenreError: The target does not exist, or does not accept these values.
    """
    if isinstance(spec, list):
        return [instantiate(f"{path}.{index}", value) for index, value in enumerate(spec)]
    if not isinstance(spec, dict):
        return spec
    if "_target_" not in spec:
        return {key: instantiate(f"{path}.{key}", value) for key, value in spec.items()}
    target = check_arguments(path, spec)
    made = {key: value for key, value in spec.items() if key not in HYDRA_KEYS}
    if spec.get("_recursive_", True):
        made = {key: instantiate(f"{path}.{key}", value) for key, value in made.items()}
    args = instantiate(path, spec.get("_args_", []))
    if spec.get("_partial_"):
        return partial(target, *args, **made)
    return call(path, target, *args, **made)


def call(path: str, target: Callable[..., Any], /, *args: Any, **given: Any) -> Any:
    """Call a class or function of the user's choice.

    Args:
        path: Dotted key, for messages.
        target: Class or function.
        *args: Its positional arguments.
        **given: Its keyword arguments.

    Returns:
        What it returns.

    Raises:
        GenreError: It failed, in whatever way.
    """
    try:
        return target(*args, **given)
    except GenreError:
        raise
    except Exception as error:  # a class of the user's own may fail in any way
        every = getattr(target, "keywords", {}) | given  # of a partial one
        texts = [f"{key}={value}" for key, value in every.items() if isinstance(value, str)]
        doubt = f" (given {', '.join(texts)})" if texts and isinstance(error, TypeError) else ""
        raise GenreError(f"{path}: {_line(error)}{doubt}") from error


def check_arguments(path: str, spec: dict[str, Any]) -> Callable[..., Any]:
    """Check the names and types of the arguments of a target without calling it.

    Args:
        path: Dotted key, for messages.
        spec: `_target_` and its arguments.

    Returns:
        The target.

    Raises:
        GenreError: The target does not exist, or an argument is unknown or of the wrong type.
    """
    name = with_current_names(spec)["_target_"]
    try:
        target = locate(name)
    except (ImportError, AttributeError, ValueError) as error:
        package = str(name).partition(".")[0]
        missing = isinstance(error, ModuleNotFoundError) and error.name == package
        hint = (
            f": install it, or put PYTHONPATH=FOLDER before the command, where FOLDER holds {package}"
            if missing
            else ""
        )
        raise GenreError(f"{path}._target_={name} cannot be imported: {_line(error)}{hint}") from error
    if not callable(target):
        raise GenreError(f"{path}._target_={name} cannot be called: name a class or a function")
    known, types = arguments(target), _plain_types(target)
    for key, value in spec.items():
        if key in HYDRA_KEYS:
            continue
        if known is not None and key not in known:
            raise GenreError(unknown_key(f"{path}.{key}", known, f"not an argument of {name}"))
        if key in types and type(value) not in types[key]:
            names = " or ".join("null" if kind is NoneType else kind.__name__ for kind in types[key])
            raise GenreError(f"{path}.{key}={value} is of the wrong type: use {names}")
    return target


def build(path: str, spec: Any) -> Any:
    """Build an object, whose `_target_` is required. See `instantiate`."""
    if not isinstance(spec, dict) or "_target_" not in spec:
        raise GenreError(f"{path}={spec} has no _target_: give it one that names a class or a function")
    return instantiate(path, spec)


def build_each(path: str, specs: dict[str, Any]) -> dict[str, Any]:
    """Build the objects of a section such as `scheduler`, by name; null leaves one out. See `instantiate`."""
    return {name: build(f"{path}.{name}", spec) for name, spec in with_target(path, specs).items()}


def with_target(path: str, specs: dict[str, Any]) -> dict[str, Any]:
    """Select the objects of a section that are not null, and check that each has a `_target_`."""
    complete = [name for name, spec in specs.items() if isinstance(spec, dict) and "_target_" in spec]
    for name, spec in specs.items():
        if spec is not None and name not in complete:
            raise GenreError(unknown_key(f"{path}.{name}", complete, f"not a part of {path}: it has no _target_"))
    return {name: specs[name] for name in complete}


def build_network(spec: dict[str, Any], path: str = "model.net") -> nn.Module:
    """Build a network, initialized with torch's global random state. See `instantiate`.

    Raises:
        GenreError: The result is not a `torch.nn.Module`.
    """
    net = instantiate(path, spec)
    if not isinstance(net, nn.Module):
        raise GenreError(f"{path} is not a torch.nn.Module: set its _target_ to one")
    return net


def _plain_types(target: Callable[..., Any]) -> dict[str, tuple[type, ...]]:
    """Types of the arguments that are annotated as plain values, by name; for this project's classes only."""
    if not within(getattr(target, "__module__", None), ["genre"]):  # annotations elsewhere are often wrong
        return {}
    hints = get_type_hints(vars(target).get("__init__", target) if isinstance(target, type) else target)
    found = {
        name: get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,) for name, hint in hints.items()
    }
    plain = {int: (int,), float: (float, int), bool: (bool,), str: (str,), NoneType: (NoneType,)}
    return {
        name: tuple(chain.from_iterable(plain[kind] for kind in kinds))
        for name, kinds in found.items()
        if all(kind in plain for kind in kinds)
    }


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
