"""Which configuration a run folder stands for: a new one, that of an unfinished run, or none any more."""

from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf

from genre import console, run_folder
from genre.data.prepare import Prepared
from genre.errors import GenreError
from genre.sameness import first_difference, what_counts
from genre.stored import read_config, stored_config
from genre.targets import Trust


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
    new, old = (what_counts(some) for some in (config, read_config(folder, config.trust, config)))
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
    then = _overrides(folder)
    given = _without_folder(overrides)
    if given and set(given) != set(_without_folder(then)):
        raise GenreError(
            f"{folder} holds an unfinished run of other settings ({' '.join(then) or 'the defaults'}): "
            "repeat these, give run_dir alone, or choose another run_dir"
        )
    config.run_dir = str(folder)
    return stored_config(folder, Trust(config.trust), config)


def _overrides(folder: Path) -> list[str]:
    """The command line that a run was started with."""
    path = folder / run_folder.OVERRIDES
    try:
        then = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, ValueError) as error:
        raise GenreError(f"{path} is damaged: choose another run_dir") from error
    if not isinstance(then, list) or not all(isinstance(text, str) for text in then):
        raise GenreError(f"{path} is damaged: choose another run_dir")
    return then


def _without_folder(overrides: list[str]) -> list[str]:
    return [text for text in overrides if not text.startswith(("run_dir=", "paths.", "trust="))]


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
