"""Resolve the configuration of a new or resumed run."""

import shutil
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from genre import logging_setup, run_folder
from genre.config.diff import first_difference, is_trained, training_values
from genre.config.schema import EvaluateConfig, TrainConfig
from genre.config.stored import read_config, stored_config
from genre.config.targets import Trust
from genre.config.validate import validate
from genre.data.prepared import PreparedData
from genre.errors import GenreError
from genre.files import atomic_write
from genre.training.checkpoints import find_resume_checkpoint, stopped_early

EPOCHS = "trainer.max_epochs"
ONE_DEVICE = {"devices": 1, "num_nodes": 1, "strategy": "auto", "sync_batchnorm": False}
"""Trainer arguments of an evaluation, whatever the training had."""


def restore_settings(folder: Path, evaluation: EvaluateConfig) -> TrainConfig:
    """Read and validate the configuration of a trained run, to evaluate or check the run.

    Args:
        folder: Run folder.
        evaluation: Trusted packages, locations of data and cache if they moved, and the accelerator if it is another.

    Returns:
        The validated configuration, for one device.

    Raises:
        GenreError: The folder is not a run folder, or its configuration is damaged or not trusted.
    """
    if not run_folder.is_started(folder):
        raise GenreError(f"{folder} is not a run folder: give one made by train.py, with {run_folder.CONFIG} in it")
    config = stored_config(folder, Trust(evaluation.trust))
    if evaluation.data_root:
        config.data.root = evaluation.data_root
    if evaluation.cache:
        config.paths.cache = evaluation.cache
    if evaluation.accelerator:
        config.trainer.accelerator = evaluation.accelerator
    config.trainer = {**config.trainer, **ONE_DEVICE}
    settings: TrainConfig = validate(config)
    return settings


def should_skip(config: DictConfig, folder: Path) -> bool:
    """Whether the folder holds a finished run of this configuration and `finished=skip` is set.

    Raises:
        GenreError: The folder holds a finished run of another configuration.
    """
    if config.finished != "skip" or not run_folder.is_finished(folder):
        return False
    new, old = (training_values(some) for some in (config, read_config(folder, config.trust, config)))
    if key := first_difference(new, old):
        raise GenreError(
            f"{folder} holds a finished run with {key}={old.get(key)}, not {new.get(key)}: delete it, or choose "
            "another paths.runs, or another label, as in 'label=${model.name}_mine'"
        )
    return True


def resolve_config(config: DictConfig, folder: Path, overrides: list[str]) -> DictConfig:
    """Resolve the configuration of a run: a new one, or the stored one of an unfinished run.

    Args:
        config: Configuration composed by Hydra.
        folder: Run folder.
        overrides: Overrides given on the command line. If none of them changes what is trained (`run_dir=X` alone, or
            with `trainer.accelerator=gpu`), the stored configuration is used with these overrides.

    Returns:
        The configuration, with `run_dir` set to the folder.

    Raises:
        GenreError: The run is finished, or the stored configuration trains something else.
    """
    extends = run_folder.is_finished(folder) and config.finished == "extend"
    if run_folder.is_finished(folder) and not extends:
        raise GenreError(
            f"{folder} holds a finished run: choose another run_dir, delete it to train again, or add finished=extend "
            f"{EPOCHS}=... to train it longer"
        )
    if config.finished == "extend" and not run_folder.is_started(folder):
        raise GenreError(f"{folder} holds no run that finished=extend could train longer: check run_dir")
    config.run_dir = str(folder)
    if run_folder.is_started(folder):
        stored = read_config(folder, config.trust, config)
        given = [text.lstrip("+").partition("=")[0] for text in overrides]
        if extends:
            _check_extension(folder, config, stored, given)
            OmegaConf.update(stored, EPOCHS, config.trainer.max_epochs)
        # An extension that was interrupted, or is joined by another process, is already the stored length
        extends_to = config.finished == "extend" and stored.trainer.max_epochs == config.trainer.max_epochs
        if not any(is_trained(key) for key in given if not (extends_to and key == EPOCHS)):
            stored = stored_config(folder, Trust(config.trust), config)
            for key in given:
                OmegaConf.update(stored, key, OmegaConf.select(config, key), merge=False)
            config = stored
        new, old = training_values(config), training_values(stored)
        if changed := first_difference(new, old, given):
            state, keys = ("a finished", f"run_dir, finished and {EPOCHS}") if extends else ("an unfinished", "run_dir")
            raise GenreError(
                f"{folder} holds {state} run with {changed}={old.get(changed)}, not {new.get(changed)}: give {keys} "
                f"alone to {'extend' if extends else 'resume'} it, or choose another run_dir"
            )
    config.run_dir = str(folder)
    return config


def _check_extension(folder: Path, config: DictConfig, stored: DictConfig, given: list[str]) -> None:
    """Check that a finished run is extended to more epochs, and by one that had not stopped early."""
    done = stored.trainer.max_epochs
    if EPOCHS not in given or not isinstance(config.trainer.max_epochs, int) or config.trainer.max_epochs <= done:
        raise GenreError(f"{folder} holds a finished run of {done} epochs: set {EPOCHS} to more than {done}")
    if stored.model.fit:
        raise GenreError(f"{folder} holds a model without epochs, which cannot be extended")
    found = find_resume_checkpoint(folder)
    if found and stopped_early(found[1]):
        raise GenreError(
            f"{folder} holds a run that stopped early, after {found[1]['epoch'] + 1} of {done} epochs, and cannot be "
            "extended: choose another run_dir and a larger early_stopping.patience"
        )


def create_run_folder(folder: Path, config: DictConfig, overrides: list[str], prepared: PreparedData) -> None:
    """Write the configuration and the track tables of a run, from which it can be resumed, and open its log file.

    A finished run that is extended becomes an unfinished one: its configuration is replaced, its scores and the reports
    on them are deleted.
    """
    (folder / run_folder.CONFIG).parent.mkdir(parents=True, exist_ok=True)
    if run_folder.is_finished(folder):
        with atomic_write(folder / run_folder.CONFIG) as temporary:
            OmegaConf.save(config, temporary)
        for name in (run_folder.REPORT, run_folder.REPORT_VAL, run_folder.EXTERNAL):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / run_folder.SCORES).unlink()
    if not run_folder.is_started(folder):
        with atomic_write(folder / run_folder.TRACKS) as temporary:
            prepared.tracks.drop(columns=["shard", "row", "mtime_ns"]).to_parquet(temporary)
        with atomic_write(folder / run_folder.REJECTED) as temporary:
            prepared.rejected.to_csv(temporary, index=False)
        with atomic_write(folder / run_folder.OVERRIDES) as temporary:
            OmegaConf.save(OmegaConf.create(overrides), temporary)
        with atomic_write(folder / run_folder.CONFIG) as temporary:  # written last: it marks the run as started
            OmegaConf.save(config, temporary)
    logging_setup.log_to_file(folder / run_folder.LOG)
