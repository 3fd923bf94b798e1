"""Apply the best settings of a search to a run."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ValidationError

from genre.config.renamed import with_current_names
from genre.config.targets import Trust, check, walk, within
from genre.errors import GenreError
from genre.files import atomic_write

BEST = "best.yaml"
"""File in a search folder: dotted keys and values. `model.name` is the searched model; `scheduler` replaces the whole
section."""
FIXED = (
    "run_dir",
    "paths",
    "logger",
    "executor",
    "finished",
    "search",
    "trust",
    "label",
    "best",
    "print_config",
    "callbacks",
    "data.root",
    "data.source",
    "trainer.default_root_dir",
    "trainer.logger",
    "trainer.model_registry",
    "trainer.plugins",
)
"""Keys that best.yaml may not set: they say where files are read and written, not how to train."""
KEY = re.compile(r"[\w-]+(\.[\w-]+)*")
"""A dotted key. OmegaConf also accepts `a[b]` for `a.b`, which would evade the checks below."""
REFERENCE = re.compile(rf"\$\{{({KEY.pattern})\}}")
"""Another value of the configuration, such as the searched learning rate."""
log = logging.getLogger(__name__)


def apply_best(config: DictConfig, overrides: list[str]) -> DictConfig:
    """Apply the best settings of the model's search, except keys and schedulers given on the command line.

    A group given on the command line (`trainer=cpu`) does not protect the keys in it.

    Args:
        config: Composed configuration; `best` is a search folder, or a folder with one `<model>-<data>` per model.
        overrides: Overrides given on the command line.

    Returns:
        The configuration; unchanged if `best` is null or the model was not searched.

    Raises:
        GenreError: The search does not exist or is of another model, or its file is damaged.
    """
    if config.best is None:
        return config
    folder = Path(config.best)
    own = folder / f"{config.model.name}-{config.data.name}" / BEST
    path = folder / BEST if (folder / BEST).is_file() else own
    if not path.is_file():
        if list(folder.glob(f"*-{config.data.name}/{BEST}")):
            log.info("%s was not searched in %s: using its default settings", config.model.name, folder)
            return config
        raise GenreError(f"no {BEST} in {folder} or {own.parent}: run a search first")
    values = _read(path)
    if (name := values.pop("model.name", config.model.name)) != config.model.name:
        raise GenreError(f"{path} is for model={name}, not {config.model.name}: use model={name}, or another search")
    _check(path, values, config.trust)
    given = {text.lstrip("+~").partition("=")[0] for text in overrides}
    if "scheduler" in values and "scheduler" not in given:
        own_ones = {key: OmegaConf.select(config, key) for key in given if key.startswith("scheduler.")}
        OmegaConf.update(config, "scheduler", values["scheduler"], merge=False)
        values |= own_ones
        given -= own_ones.keys()
    for key, value in values.items():
        if key == "scheduler" or any(key == text or ("." in text and key.startswith(text + ".")) for text in given):
            continue
        if not key.startswith("scheduler.") and not _has(config, key):
            if key.partition(".")[0] in given:  # `augment=none` has no `augment.noise.p`
                continue
            raise GenreError(f"{path} sets {key}, which this configuration does not have: search again")
        try:
            OmegaConf.update(config, key, value, merge=False, force_add=True)
        except ValidationError as error:
            raise GenreError(f"{path}: {key}: {str(error).splitlines()[0]}") from error
    return config


def _has(config: DictConfig, key: str) -> bool:
    above, _, name = key.rpartition(".")
    parent = OmegaConf.select(config, above) if above else config
    return isinstance(parent, DictConfig) and name in parent


def write_best(path: Path, head: str, config: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Write the best parameters of a search.

    Args:
        path: The file.
        head: Comment in its first line.
        config: Values that the trials of the search share, by dotted keys.
        params: Parameters of the best trial, by dotted keys.
    """
    values = {"model.name": config["model.name"], **params}
    # All schedulers, so that a run without them, or with others, gets these
    leaves = {key: value for key, value in {**config, **values}.items() if key.startswith("scheduler.")}
    schedulers = OmegaConf.create()
    for key, value in leaves.items():
        OmegaConf.update(schedulers, key.removeprefix("scheduler."), value)
    values = {key: value for key, value in values.items() if key not in leaves}
    values["scheduler"] = OmegaConf.to_container(schedulers)
    with atomic_write(path) as temporary:
        temporary.write_text(f"# {head}\n" + yaml.safe_dump(values, sort_keys=False))


def _check(path: Path, values: dict[str, Any], trust: Sequence[str]) -> None:
    """Check that best.yaml, which may come from someone else, sets only plain values of keys that a search chooses."""
    for key, value in values.items():
        if not KEY.fullmatch(key):
            raise GenreError(f"{path} sets {key}, which is not a dotted key: search again")
        if within(key, FIXED) or any(within(name, [key]) for name in FIXED):
            raise GenreError(f"{path} sets {key}, which no search chooses: search again")
        nested: Any = value
        for part in reversed(key.split(".")):
            nested = {part: nested}
        check(path, nested, Trust(trust))
        for where, node, _ in walk(value, path=key):
            if (
                isinstance(node, str)
                and "${" in node
                and not (within(where, ["scheduler"]) and REFERENCE.fullmatch(node))
            ):
                raise GenreError(f"{path}: {where}={node} is not a plain value: search again")


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, ValueError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise GenreError(f"{path} is damaged: search again")
    return dict(with_current_names(values))
