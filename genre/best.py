"""Settings that a search found best, taken into a run."""

import logging
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from genre.errors import GenreError

BEST = "best.yaml"
"""In a search's folder: dotted keys of the configuration and their values."""

log = logging.getLogger(__name__)


def with_best(config: DictConfig, overrides: list[str]) -> DictConfig:
    """Set what the model's search found best, but for keys that the command line gives.

    Args:
        config: What Hydra composed; `best` names a search's folder, or one that holds `<model>-<data>` for each model.
        overrides: The command line's.

    Returns:
        The configuration; the same one where `best` is null, or the model was not searched.

    Raises:
        GenreError: There is no such search, or its file is damaged.
    """
    if config.best is None:
        return config
    folder = Path(config.best)
    own = folder / f"{config.model.name}-{config.data.name}" / BEST
    path = folder / BEST if (folder / BEST).is_file() else own
    if not path.is_file():
        if list(folder.glob(f"*-{config.data.name}/{BEST}")):
            log.info("%s was not searched in %s: it keeps its settings", config.model.name, folder)
            return config
        raise GenreError(f"best={folder} holds no {BEST}, nor {own.relative_to(folder)}: search first")
    try:
        values = yaml.safe_load(path.read_text())
        given = {text.lstrip("+~").partition("=")[0] for text in overrides}
        for key in values.keys() - given:
            OmegaConf.update(config, key, values[key], merge=False)
    except (yaml.YAMLError, AttributeError) as error:
        raise GenreError(f"{path} is damaged: search again") from error
    return config
