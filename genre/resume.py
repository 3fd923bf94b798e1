"""Which configuration a run folder stands for: a new one, that of an unfinished run, or none any more."""

from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from genre import console, run_folder
from genre.data.prepare import Prepared
from genre.errors import GenreError
from genre.sameness import first_difference, what_counts
from genre.settings import Settings


def stored_config(folder: Path) -> DictConfig:
    """The configuration that a run folder was made with."""
    try:
        stored = OmegaConf.load(folder / run_folder.CONFIG)
    except yaml.YAMLError as error:
        raise GenreError(f"{folder / run_folder.CONFIG} is damaged: choose another run_dir") from error
    config = OmegaConf.merge(OmegaConf.structured(Settings), stored)
    assert isinstance(config, DictConfig)
    return config


def moved(config: DictConfig, data_root: str | None, cache: str | None) -> DictConfig:
    """The configuration of a run whose audio or caches lie elsewhere now; None for where they were."""
    if data_root:
        config.data.root = data_root
    if cache:
        config.paths.cache = cache
    return config


def is_to_skip(config: DictConfig, folder: Path) -> bool:
    """Whether a folder holds the finished run of this very configuration, and such runs are to be skipped.

    Raises:
        GenreError: It holds a finished run of another configuration.
    """
    if config.finished != "skip" or not run_folder.is_finished(folder):
        return False
    new, old = (what_counts(some) for some in (config, stored_config(folder)))
    if key := first_difference(new, old):
        raise GenreError(
            f"{folder} holds a finished run with {key}={old.get(key)}, not {new.get(key)}: delete it, or choose "
            "another paths.runs"
        )
    return True


def stored_or_new(config: DictConfig, folder: Path, overrides: list[str]) -> DictConfig:
    """The configuration of the run: that of an unfinished one in the folder, else the new one."""
    if run_folder.is_finished(folder):
        raise GenreError(f"{folder} holds a finished run: choose another run_dir, or delete it to train again")
    if not run_folder.is_started(folder):
        config.run_dir = str(folder)
        return config
    stored = OmegaConf.load(folder / run_folder.OVERRIDES)
    given = _without_folder(overrides)
    if given and set(given) != set(_without_folder(list(stored))):
        raise GenreError(
            f"{folder} holds an unfinished run of other settings ({' '.join(stored) or 'the defaults'}): "
            "repeat these, give run_dir alone, or choose another run_dir"
        )
    config = stored_config(folder)
    config.run_dir = str(folder)
    return config


def _without_folder(overrides: list[str]) -> list[str]:
    return [text for text in overrides if not text.startswith(("run_dir=", "paths."))]


def open_run(folder: Path, config: DictConfig, overrides: list[str], prepared: Prepared) -> None:
    """Make a folder a run's: from here on it is one that can be resumed."""
    (folder / run_folder.CONFIG).parent.mkdir(parents=True, exist_ok=True)
    if not run_folder.is_started(folder):
        prepared.tracks.drop(columns=["shard", "row", "mtime_ns"]).to_parquet(folder / run_folder.TRACKS)
        prepared.rejected.to_csv(folder / run_folder.REJECTED, index=False)
        OmegaConf.save(OmegaConf.create(overrides), folder / run_folder.OVERRIDES)
        OmegaConf.save(config, folder / run_folder.CONFIG)
    console.open_log(folder / run_folder.LOG)


def discard_empty(folder: Path) -> None:
    """Take away the folders that Hydra made for a run that could not start."""
    for path in [folder, *folder.parents]:
        try:
            path.rmdir()
        except OSError:
            return
