"""The trust rule: what the user types may name any code, a stored file may not.

A composed configuration (command line, conf/, `--config-dir`) may name any `_target_`. The configuration of a run
folder, the best.yaml of a search and a checkpoint may come from someone else: they may name only classes of this
project and of torch, each in its own section, unless the user allows more with `trust=[package]`.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from genre.errors import GenreError


@dataclass(frozen=True)
class Place:
    """What a stored file may name in one section of the configuration.

    Attributes:
        packages: Packages or modules that define its classes.
        base: Required base class; empty for any.
        objects: Single classes and functions that it may name, too.
    """

    packages: tuple[str, ...]
    base: str = ""
    objects: tuple[str, ...] = ()


NETWORK = "model.net"
LOGGER = "logger"
FETCHING = "genre.pretrained.extractor"
"""Module of features that fetch their weights if these do not exist."""
FEATURES = Place(("genre.audio.features", FETCHING), "genre.audio.features.FeatureExtractor")
PLACES = {
    "features": FEATURES,
    "probe": FEATURES,
    "model.features": FEATURES,
    "teacher.features": FEATURES,  # the first that fits counts
    "teacher": Place((), objects=("genre.training.distillation.FeatureTeacher",)),
    "data.source": Place(("genre.data.sources",)),
    "augment": Place(("genre.audio",), "torch.nn.Module"),
    NETWORK: Place(("genre.models", "torch.nn"), "torch.nn.Module"),
    "model.fit": Place(
        (), objects=("genre.training.baselines.fit_class_prior", "genre.training.baselines.fit_logistic_regression")
    ),
    "optimizer": Place(("torch.optim",), "torch.optim.Optimizer"),
    "scheduler": Place(
        ("torch.optim.lr_scheduler", "genre.training.schedules"), "torch.optim.lr_scheduler.LRScheduler"
    ),
    "loss": Place(("torch.nn", "genre.training.losses"), "torch.nn.Module"),
    "callbacks": Place(
        (),
        objects=(
            "genre.training.averaging.EMAWeightAveraging",
            "lightning.pytorch.callbacks.EMAWeightAveraging",
            "lightning.pytorch.callbacks.LearningRateMonitor",
        ),
    ),
    "executor": Place((), objects=("genre.data.cache.executors.local_executor",)),
    LOGGER: Place(("genre", "lightning.pytorch.loggers"), "lightning.pytorch.loggers.Logger"),
}
ANY_CODE = ("callbacks", "trainer")
"""Sections whose objects may write anywhere: stored ones need `trust=`, except the classes named above."""
ANYWHERE = ("trainer.model_registry", "trainer.plugins")
"""Plain values that may send or write anywhere: stored ones need `trust=[lightning]`."""
SUSPECT = {*sys.stdlib_module_names, "genre", "torch", "hydra", "omegaconf", "lightning", "numpy", "pandas", "joblib"}
"""Packages that a stored file has no reason to name: the error does not suggest `trust=` for them."""


@dataclass(frozen=True)
class Trust:
    """Code that the user allows a stored file to name.

    Attributes:
        packages: Packages given as `trust=[...]`.
        typed: Configuration that the user typed, as dicts and lists; equal parts of a stored one are allowed.
    """

    packages: Sequence[str] = ()
    typed: dict[str, Any] = field(default_factory=dict)


def locate(target: str) -> Any:
    """Import the object of a dotted path.

    Args:
        target: Path of a module, or of an attribute in one, at any depth.

    Returns:
        The object.

    Raises:
        ImportError: There is no such module or attribute.
    """
    first, *names = target.split(".")
    found: Any = importlib.import_module(first)
    for count, name in enumerate(names, 1):
        if not hasattr(found, name) and isinstance(found, ModuleType):
            try:
                importlib.import_module(".".join([first, *names[:count]]))
            except ModuleNotFoundError as error:
                if error.name and not target.startswith(error.name):  # a dependency of the module is missing
                    raise
                raise ImportError(f"{target} does not exist: {found.__name__} has no {name}") from error
        if not hasattr(found, name):
            raise ImportError(f"{target} does not exist: {getattr(found, '__name__', found)} has no {name}")
        found = getattr(found, name)
    return found


def arguments(target: Callable[..., Any]) -> list[str] | None:
    """Names of the keyword arguments of a callable; None if it accepts any, or has no signature."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # built-in ones have no signature
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [parameter.name for parameter in parameters if parameter.kind in named]


def check(file: Path, config: Any, trust: Trust, path: str = "") -> None:
    """Check all targets of a stored configuration before any is called.

    Args:
        file: File of the configuration, for the message.
        config: Dicts, lists and plain values, resolved.
        trust: Code that the user allows.
        path: Dotted key of `config` in the whole configuration.

    Raises:
        GenreError: It names code that a stored file may not name.
    """
    for place, node, own in walk(config, _typed(trust, path), path):
        if isinstance(node, dict) and "_target_" in node and node != own:
            _check(file, place, node, trust.packages)
        if place in ANYWHERE and node is not None and node != own and "lightning" not in trust.packages:
            raise GenreError(f"{file}: {place} is not taken from a stored file: add trust=[lightning] if you trust it")


def check_features(file: Path, spec: dict[str, Any], trust: Trust, path: str = "features") -> None:
    """Check the features of a stored file before they are built: as `check`, and that their weights are there.

    Weights that are missing would be fetched, and a stored path must not make this process write a file.

    Args:
        file: File that contains them, for the message.
        spec: The features, resolved.
        trust: Code that the user allows.
        path: Their dotted key in the whole configuration.

    Raises:
        GenreError: They name code that a stored file may not name, or their weights do not exist.
    """
    check(file, spec, trust, path)
    is_own = spec == _typed(trust, path)
    weights = str(spec.get("weights", ""))
    if not is_own and within(spec.get("_target_"), [FETCHING]) and not Path(weights).exists():
        raise GenreError(
            f"{weights}, which the features need, does not exist: run genre weights musicnn features.weights={weights}"
        )


def walk(node: Any, typed: Any = None, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Iterate over the nodes of a configuration: dotted key, node, and the typed node of the same key."""
    yield path, node, typed
    children: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in children:
        yield from walk(value, _child(typed, key), f"{path}.{key}" if path else str(key))


def _typed(trust: Trust, path: str) -> Any:
    """What the user typed for a dotted key; None for nothing."""
    typed: Any = trust.typed
    for key in path.split(".") if path else []:
        typed = _child(typed, key)
    return typed


def _child(typed: Any, key: Any) -> Any:
    if isinstance(typed, dict):
        return typed.get(key)
    return typed[key] if isinstance(typed, list) and isinstance(key, int) and key < len(typed) else None


def _check(file: Path, path: str, node: dict[str, Any], packages: Sequence[str]) -> None:
    target = node["_target_"]
    where = f"{file}: {path}._target_={target}"
    name, place = next(((name, p) for name, p in PLACES.items() if within(path, [name])), ("", Place(())))
    if isinstance(target, str) and within(target, packages):
        found = _located(where, target)
        if not callable(found) or not within(getattr(found, "__module__", None), packages):
            raise GenreError(f"{where} is not defined in {', '.join(packages)}, which trust= names")
        return
    own = (*place.packages, *place.objects)
    if not isinstance(target, str) or not within(target, own) or not _is_allowed(_located(where, target), place):
        raise GenreError(f"{where} {_refusal(target, name or path, own)}")
    if name == LOGGER:
        _check_plain(where, path, node)


def _located(where: str, target: str) -> Any:
    try:
        return locate(target)
    except (ImportError, AttributeError) as error:
        raise GenreError(f"{where} cannot be imported ({error})") from error


def _is_allowed(found: Any, place: Place) -> bool:
    """Whether the object itself, whichever path led to it, is one of the classes or functions of the section."""
    if any(found is locate(name) for name in place.objects):
        return True
    base = locate(place.base) if place.base else object
    return isinstance(found, type) and within(found.__module__, place.packages) and issubclass(found, base)


def _refusal(target: Any, name: str, own: tuple[str, ...]) -> str:
    package = str(target).partition(".")[0]
    if within(name, ANY_CODE):
        return f"is not taken from a stored file: repeat the run's own command, or add trust=[{package}]"
    if not own:
        return "is not a section that may have a _target_"
    if not str(target).isidentifier() and package.isidentifier() and package not in SUSPECT:
        return f"is code outside this project: add trust=[{package}] if you trust it (genre predict: --trust {package})"
    return f"is not allowed in a stored file: {name} may only name what is defined in {', '.join(own)}"


def _check_plain(where: str, path: str, node: dict[str, Any]) -> None:
    """Check that a stored logger gets only plain named values, and no address: it would send what it logs there."""
    if locate(node["_target_"]).__name__ == "CSVLogger":
        raise GenreError(f"{where} deletes the metrics.csv of the folder that it names: add trust=[lightning]")
    for key, value in node.items():
        for plain in value if isinstance(value, list) else [value]:
            remote = isinstance(plain, str) and "://" in plain and not plain.startswith(("sqlite://", "file://"))
            if isinstance(plain, dict | list) or remote or key == "_args_":
                raise GenreError(f"{where}: {path}.{key} is not taken from a stored file: add trust=[lightning]")


def within(name: Any, packages: Sequence[str]) -> bool:
    """Whether a dotted name is one of these packages, or in one."""
    return isinstance(name, str) and any(name == package or name.startswith(f"{package}.") for package in packages)
