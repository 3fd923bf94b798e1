"""Read the configuration of a run folder, which may be somebody else's: as data, and checked before it is used."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genre.config.errors import one_line
from genre.config.schema import TrainConfig, structured
from genre.config.targets import Trust, check, walk, with_current_names
from genre.errors import GenreError
from genre.run_folder import CONFIG

ADDED: dict[str, Any] = {
    "callbacks": {},
    "optimizer": {
        "_target_": "torch.optim.Adam",
        "_partial_": True,
        "lr": "${model.learning_rate}",
        "weight_decay": "${model.weight_decay}",
    },
    "print_config": False,
}
"""Sections that run folders of earlier versions do not have, with the values that held then."""
HARMLESS = ("now",)
"""Resolvers that run folders of earlier versions hold; any other could read what the person who runs it has."""


def stored_config(folder: Path, trust: Trust | None = None, typed: DictConfig | None = None) -> DictConfig:
    """The configuration that a run folder was made with, all of its targets checked.

    Args:
        folder: The run folder.
        trust: What the person vouches for.
        typed: The configuration of the command that resumes the run: what is the same there is trusted. None where
            it is not resumed: its loggers and callbacks are left out then, as nothing makes them.

    Returns:
        The configuration; `trust` is that of now.

    Raises:
        GenreError: It is damaged, or names code that is not trusted.
    """
    path = folder / CONFIG
    packages = list(trust.packages) if trust else []
    config = read_config(folder, packages, typed)
    if typed is None:
        config.logger = {}
        config.callbacks = {}
    config.trust = packages
    check(path, OmegaConf.to_container(config, resolve=True), Trust(packages, _typed_values(typed)))
    return config


def _typed_values(typed: DictConfig | None) -> dict[str, Any]:
    try:
        return dict(OmegaConf.to_container(typed, resolve=True)) if typed is not None else {}  # type: ignore[arg-type]
    except OmegaConfBaseException:  # incomplete, where run_dir alone was typed: it repeats nothing
        return {}


def read_config(folder: Path, trust: Sequence[str] = (), typed: DictConfig | None = None) -> DictConfig:
    """The configuration that a run folder was made with, to be compared and not to be used."""
    content = read(folder, trust, None if typed is None else OmegaConf.to_container(typed))
    content.run_dir = str(folder)
    try:
        config = OmegaConf.merge(structured(TrainConfig), content)
    except OmegaConfBaseException as error:
        raise GenreError(f"{folder / CONFIG}: {one_line(error)}") from error
    assert isinstance(config, DictConfig)
    return config


def read(folder: Path, trust: Sequence[str] = (), typed: Any = None) -> DictConfig:
    """Read the configuration that a run folder was made with.

    Args:
        folder: The run folder.
        trust: Resolvers that it may use.
        typed: A configuration that the person typed, not resolved: what is the same there may use any resolver.

    Returns:
        Its keys and values, the interpolations not resolved. Nothing that it names was imported or called.

    Raises:
        GenreError: It is damaged, or one of its values reads the environment.
    """
    path = folder / CONFIG
    try:
        stored = OmegaConf.load(path)  # its loader is a safe one
    except FileNotFoundError:
        raise
    except (yaml.YAMLError, ValueError, OSError) as error:
        raise GenreError(f"{path} is damaged ({' '.join(str(error).split())[:100]}): choose another run_dir") from error
    if not isinstance(stored, DictConfig) or stored.is_empty():
        raise GenreError(f"{path} is damaged (it holds no configuration): choose another run_dir")
    for key, text, own in walk(OmegaConf.to_container(stored), typed):
        if isinstance(text, str) and text != own and (found := foreign_resolver(text, trust)):
            name = found.partition(":")[0].removeprefix("${")
            hint = f": add trust=[{name}] if you trust it" if name[:1].isalpha() else ""
            raise GenreError(f"{path}: {key} uses {found}, which a stored file may not{hint}")
    stored.pop("trust", None)  # whom the person trusted then says nothing about now
    content = ADDED | with_current_names(OmegaConf.to_container(stored))
    return OmegaConf.create(content)


def foreign_resolver(text: str, trust: Sequence[str] = ()) -> str | None:
    """The first interpolation of a text that does more than name another key, as it is written; None without one."""
    names = "|".join(re.escape(name) for name in (*HARMLESS, *trust))
    plain = re.compile(rf"\$\{{(?:[\w.\[\]-]+|(?:{names}):[^${{}}]*)\}}")
    while plain.search(text):
        text = plain.sub("_", text)
    return text[text.index("${") :] if "${" in text else None
