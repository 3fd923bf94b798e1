"""Read the configuration of a run folder as data, and check it: it may come from someone else."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from genre.config.diff import leaves
from genre.config.errors import one_line
from genre.config.renamed import ADDED_ARGUMENTS, with_current_names
from genre.config.schema import TrainConfig, structured
from genre.config.targets import ANYWHERE, Trust, check, check_features, walk
from genre.errors import GenreError
from genre.run_folder import CONFIG

EXTENDED = ("data", "model", "monitor", "size")
"""Sections to which keys were added; other sections are stored whole or not at all."""
ADDED: dict[str, Any] = {
    "against": None,
    "best": None,
    "callbacks": {},
    "ckpt_path": None,
    "data": {
        "columns": {},
        "table": None,
        "fractions": [0.8, 0.1, 0.1],
        "fold": None,
        "folds": 5,
        "licenses": [],
        "min_batches": None,
        "sampler": "random",
        "split_seed": None,
        "train_fraction": 1.0,
    },
    "finished": "refuse",
    "label": "${model.name}",
    "loss": {"_target_": "torch.nn.CrossEntropyLoss", "label_smoothing": "${model.label_smoothing}"},
    "model": {"features": None, "fit": None, "input_norm": False, "channels_last": False, "logit_adjustment": False},
    "monitor": {"select": "best"},
    "optimizer": {
        "_target_": "torch.optim.Adam",
        "_partial_": True,
        "lr": "${model.learning_rate}",
        "weight_decay": "${model.weight_decay}",
    },
    "print_config": False,
    "probe": {},
    "search": None,
    "teacher": {},
    "size": {"epochs": 50, "hidden_dim": 64, "search_batch_size": "16,32,64,128", "search_hidden_dim": "64,128,256"},
    "test_last": False,
}
"""Keys that run folders of earlier versions do not have, with the values that held then."""
HARMLESS = ("now", "oc.select", "parent_folder")
"""Resolvers that run folders may use; any other could read secrets of the user, such as oc.env."""


def stored_config(folder: Path, trust: Trust | None = None, typed: DictConfig | None = None) -> DictConfig:
    """Read the configuration of a run folder, and check all of its targets.

    Args:
        folder: Run folder.
        trust: Code that the user allows.
        typed: Configuration of the command that resumes the run; equal values of the stored one are trusted. None if
            the run is not resumed: its loggers, callbacks, probe, teacher and the objects in `trainer` are then left
            out, because nothing uses them.

    Returns:
        The configuration, with `trust` of the current command.

    Raises:
        GenreError: It is damaged, or names code that is not trusted.
    """
    path = folder / CONFIG
    packages = list(trust.packages) if trust else []
    config = read_config(folder, packages, typed)
    if typed is None:
        config.logger = {}
        config.callbacks = {}
        config.model.features = config.model.features  # resolved, because it may refer to the probe
        config.probe = {}
        config.teacher = {}
        for key in ("max_steps", "max_time") & config.trainer.keys():  # of earlier versions
            del config.trainer[key]
        nested = [key for key in config.trainer if isinstance(config.trainer[key], DictConfig | ListConfig)]
        for key in {*nested, *(name.removeprefix("trainer.") for name in ANYWHERE)} & config.trainer.keys():
            del config.trainer[key]
    config.trust = packages
    content, given = OmegaConf.to_container(config, resolve=True), Trust(packages, _typed_values(typed))
    check(path, content, given)
    for key in ("features", "model.features", "teacher.features"):
        if isinstance(spec := OmegaConf.select(config, key), DictConfig):
            check_features(path, dict(OmegaConf.to_container(spec, resolve=True)), given, key)  # type: ignore[arg-type]
    return config


def _typed_values(typed: DictConfig | None) -> dict[str, Any]:
    try:
        return dict(OmegaConf.to_container(typed, resolve=True)) if typed is not None else {}  # type: ignore[arg-type]
    except OmegaConfBaseException:  # incomplete if only run_dir was given
        return {}


def read_config(folder: Path, trust: Sequence[str] = (), typed: DictConfig | None = None) -> DictConfig:
    """Read the configuration of a run folder for a comparison; its targets are not checked and must not be used."""
    content = read(folder, trust, None if typed is None else OmegaConf.to_container(typed))
    content.run_dir = str(folder)
    try:
        config = OmegaConf.merge(structured(TrainConfig), content)
    except OmegaConfBaseException as error:
        raise GenreError(f"{folder / CONFIG}: {one_line(error)}") from error
    assert isinstance(config, DictConfig)
    return config


def read(folder: Path, trust: Sequence[str] = (), typed: Any = None) -> DictConfig:
    """Read the configuration of a run folder without resolving, importing or calling anything.

    Args:
        folder: Run folder.
        trust: Resolvers that it may use.
        typed: Configuration that the user typed, not resolved; equal values may use any resolver.

    Returns:
        The configuration, with the current names of renamed classes.

    Raises:
        GenreError: It is damaged, or a value uses a resolver that is not trusted.
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
            raise GenreError(f"{path}: {key} uses {found}, which a stored file may not use{hint}")
    stored.pop("trust", None)  # trust is given anew for each command
    content = with_current_names(OmegaConf.to_container(stored))
    for key, value in ADDED.items():
        content[key] = value | content.get(key, {}) if key in EXTENDED else content.get(key, value)
    return OmegaConf.create(content)


def with_added_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the values of an earlier version by those of sections that it did not have.

    Args:
        old: Values by dotted keys, classes and functions under any of their names.
        new: Values of this version, for those that follow from other keys.

    Returns:
        The values under present names.
    """
    added = {key: new[key] if "${" in str(value) else value for key, value in leaves(ADDED) if key in new}
    current = dict(with_current_names(dict(old)))
    for key, value in list(current.items()):
        if key.endswith("._target_"):
            path = key.removesuffix("_target_")
            added |= {path + name: default for name, default in ADDED_ARGUMENTS.get(value, {}).items()}
    return added | current


def foreign_resolver(text: str, trust: Sequence[str] = ()) -> str | None:
    """First interpolation in a text that calls a resolver, as written; None if there is none."""
    names = "|".join(re.escape(name) for name in (*HARMLESS, *trust))
    plain = re.compile(rf"\$\{{(?:[\w.\[\]-]+|(?:{names}):[^${{}}]*)\}}")
    while plain.search(text):
        text = plain.sub("_", text)
    return text[text.index("${") :] if "${" in text else None
