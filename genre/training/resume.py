"""Which configuration a run folder stands for: a new one, that of an unfinished run, or none any more."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from genre import console, run_folder
from genre.data.prepare import Prepared
from genre.errors import GenreError
from genre.files import whole
from genre.sameness import first_difference, is_trained, what_counts
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
    """The configuration of a run: a new one, or that of the unfinished run in the folder.

    Args:
        config: What Hydra composed.
        folder: The run folder.
        overrides: The command line's. If they say nothing about what is trained (`run_dir=X` alone, or with
            `trainer.accelerator=gpu`), the stored configuration is used, with what they say.

    Returns:
        The configuration, with the folder as its `run_dir`.

    Raises:
        GenreError: The run in the folder is finished, or trains something else.
    """
    if run_folder.is_finished(folder):
        raise GenreError(f"{folder} holds a finished run: choose another run_dir, or delete it to train again")
    config.run_dir = str(folder)
    if run_folder.is_started(folder):
        stored = read_config(folder, config.trust, config)
        given = [text.lstrip("+").partition("=")[0] for text in overrides]
        if not any(map(is_trained, given)):
            stored = stored_config(folder, Trust(config.trust), config)
            for key in given:
                OmegaConf.update(stored, key, OmegaConf.select(config, key), merge=False)
            config = stored
        new, old = what_counts(config), what_counts(stored)
        if changed := first_difference(new, old):
            raise GenreError(
                f"{folder} holds an unfinished run with {changed}={old.get(changed)}, not {new.get(changed)}: give "
                "run_dir alone to resume it, or choose another run_dir"
            )
    config.run_dir = str(folder)
    return config


def open_run(folder: Path, config: DictConfig, overrides: list[str], prepared: Prepared) -> None:
    """Make a folder a run's: from here on it is one that can be resumed."""
    (folder / run_folder.CONFIG).parent.mkdir(parents=True, exist_ok=True)
    if not run_folder.is_started(folder):
        with whole(folder / run_folder.TRACKS) as temporary:
            prepared.tracks.drop(columns=["shard", "row", "mtime_ns"]).to_parquet(temporary)
        with whole(folder / run_folder.REJECTED) as temporary:
            prepared.rejected.to_csv(temporary, index=False)
        with whole(folder / run_folder.OVERRIDES) as temporary:
            OmegaConf.save(OmegaConf.create(overrides), temporary)
        with whole(folder / run_folder.CONFIG) as temporary:  # the last one: it makes the run a started one
            OmegaConf.save(config, temporary)
    console.open_log(folder / run_folder.LOG)
