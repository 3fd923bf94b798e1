"""Check the trainer's configuration and build the Lightning trainer."""

from pathlib import Path
from typing import Any, cast

import lightning as L
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, ProgressBar
from lightning.pytorch.loggers import Logger

from genre.config.instantiate import instantiate
from genre.config.targets import arguments
from genre.errors import GenreError, unknown_key
from genre.models.checkpoint import resolve_device
from genre.training.checkpoints import AtomicCheckpointIO

RESERVED = {
    "callbacks": (None, "add callbacks.NAME._target_=... instead"),
    "logger": (None, "choose logger=... instead"),
    "fast_dev_run": (False, "it keeps no checkpoint: use debug=fast"),
    "barebones": (False, "it keeps no checkpoint: leave it out"),
    "default_root_dir": (None, "files go to the run folder: set run_dir instead"),
    "enable_checkpointing": (True, "the test needs the best checkpoint: leave it out"),
    "use_distributed_sampler": (False, "the data divides its batches among devices itself: leave it out"),
    "max_steps": (-1, "an epoch that is cut off is not validated: set trainer.max_epochs and data.min_batches"),
    "max_time": (None, "an epoch that is cut off is not validated: interrupt the training and resume it instead"),
    "limit_test_batches": (1.0, "the test counts every track: leave it out"),
    "limit_predict_batches": (1.0, "all tracks are predicted: leave it out"),
    "val_check_interval": (1.0, "an epoch is validated once, at its end: leave it out"),
    "check_val_every_n_epoch": (1, "the best epoch is selected among all epochs: leave it at 1"),
}
"""Arguments that the training sets itself: the value that they may have, and what to do instead."""


def check_trainer(given: dict[str, Any]) -> None:
    """Check the arguments before any audio is read, by making a trainer of them.

    Args:
        given: The `trainer` section of the configuration.

    Raises:
        GenreError: An argument does not exist, has a value that Lightning refuses, or is set by the training itself.
    """
    known = arguments(L.Trainer)
    for name, value in given.items():
        if known is not None and name not in known:
            raise GenreError(unknown_key(f"trainer.{name}", known, "not an argument of lightning.Trainer"))
        if name in RESERVED and value != RESERVED[name][0]:
            raise GenreError(f"trainer.{name}={value} cannot be used: {RESERVED[name][1]}")
    epochs = given.get("max_epochs")
    if type(epochs) is not int or epochs < 1:
        raise GenreError(f"trainer.max_epochs={epochs} must be a whole number of at least 1")
    accumulate, clip = given.get("accumulate_grad_batches", 1), given.get("gradient_clip_val")
    if type(accumulate) is not int or accumulate < 1:
        raise GenreError(f"trainer.accumulate_grad_batches={accumulate} must be a whole number of at least 1")
    if clip is not None and (type(clip) not in (int, float) or clip <= 0):
        raise GenreError(f"trainer.gradient_clip_val={clip} must be above 0, or null")
    for name in ("limit_train_batches", "limit_val_batches"):
        limit = given.get(name, 1.0)
        if type(limit) not in (int, float) or limit <= 0:
            raise GenreError(f"trainer.{name}={limit} must be above 0: a number of batches, or a fraction such as 0.5")
    if given.get("deterministic") not in (None, True, False, "warn"):
        raise GenreError(f"trainer.deterministic={given['deterministic']} is unknown: use one of true, false, warn")
    if given.get("precision") == "16-true":
        raise GenreError(
            "trainer.precision=16-true cannot work, Adam divides by 0 in float16: use 16-mixed or bf16-true"
        )
    made = instantiate("trainer", given)
    try:
        L.Trainer(**{**made, "logger": False, "enable_checkpointing": False, "enable_progress_bar": False})
    except (ImportError, MisconfigurationException, RuntimeError, TypeError, ValueError) as error:
        if given.get("accelerator") in ("gpu", "cuda", "mps"):
            resolve_device(given["accelerator"])  # names the accelerators that there are
        raise GenreError(f"trainer: {str(error).splitlines()[0]}") from error


def check_devices(given: dict[str, Any]) -> None:
    """Refuse several devices where there is only the CPU.

    Args:
        given: The `trainer` section of the configuration.

    Raises:
        GenreError: Several devices were asked for.
    """
    devices = given.get("devices", "auto")
    if devices not in (1, "auto") and resolve_device(given.get("accelerator", "auto")) == "cpu":
        raise GenreError(f"trainer.devices={devices} requires GPUs, and none is used here: set trainer.devices=1")


def build_trainer(given: dict[str, Any], folder: Path, callbacks: list[Callback], loggers: list[Logger]) -> L.Trainer:
    """Make the trainer of a run.

    Args:
        given: The `trainer` section of the configuration.
        folder: The run folder.
        callbacks: All callbacks, including the progress callback.
        loggers: All loggers.

    Returns:
        The trainer.
    """
    made = {name: value for name, value in instantiate("trainer", given).items() if name not in RESERVED}
    if made.get("enable_progress_bar") is False:
        callbacks = [callback for callback in callbacks if not isinstance(callback, ProgressBar)]
    plugins = made.pop("plugins", None) or []
    has_bar = any(isinstance(callback, ProgressBar) for callback in callbacks)
    defaults = {
        "enable_progress_bar": has_bar,  # otherwise Lightning adds one
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
        "enable_model_summary": False,
    }
    own = {
        "callbacks": callbacks,
        "logger": loggers,
        "plugins": [AtomicCheckpointIO(), *(plugins if isinstance(plugins, list) else [plugins])],
        "default_root_dir": folder,
        "use_distributed_sampler": False,
    }
    try:
        trainer = L.Trainer(**{**defaults, **made, **own})
    except (MisconfigurationException, RuntimeError, TypeError, ValueError) as error:  # such as a callback given twice
        raise GenreError(f"trainer: {str(error).splitlines()[0]}") from error
    profiler = cast(Any, trainer).profiler
    if made.get("profiler") and profiler.filename is None:  # Lightning would log the table, not save it
        profiler.dirpath, profiler.filename = folder, "profile"
    return trainer
