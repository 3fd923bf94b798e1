"""Find the configuration files, and compose configurations from them as train.py and evaluate.py do."""

from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from genre.config import schema  # noqa: F401 (registers the schema with Hydra)

PACKAGE = Path(__file__).parents[1]
CONF = next((folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir()), PACKAGE / "conf")
"""Folder of the configuration files: in the installed package, or beside it in a checkout."""


def compose(name: str, overrides: list[str]) -> DictConfig:
    """Compose a configuration.

    Args:
        name: train or evaluate.
        overrides: Overrides as on the command line.

    Returns:
        The configuration. In a process that Hydra started, with its search path: files of `--config-dir` are found.
    """
    if GlobalHydra.instance().is_initialized():
        return hydra.compose(name, overrides)
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, overrides)
