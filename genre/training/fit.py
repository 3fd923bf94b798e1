"""Start a run in its folder and train its model."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig
from torch import nn

from genre import run_folder
from genre.config.validate import validate
from genre.errors import GenreError
from genre.training.allocator import keep_freed_memory
from genre.training.baselines import fit_baseline
from genre.training.callbacks import Checkpoint, Divergence, progress_callback, refuse_diverged
from genre.training.checkpoints import copy_file, find_resume_checkpoint, stopped_early
from genre.training.checks import warn_of_transforms
from genre.training.classifier import GenreClassifier
from genre.training.components import Components, build_components
from genre.training.distillation import TeacherLoss, WindowTargets, embedding_size
from genre.training.initial_weights import find_checkpoint, load_initial_weights
from genre.training.loggers import EpochCSVLogger, build_loggers, logging_to
from genre.training.resume import create_run_folder, resolve_config
from genre.training.run_lock import locked
from genre.training.trainer import build_trainer, check_devices

log = logging.getLogger(__name__)


@contextmanager
def start_run(config: DictConfig, folder: Path, overrides: list[str]) -> Iterator[tuple[Components, list[Logger]]]:
    """Build the components of a run, prepare its data and create its folder.

    The folder stays locked and the loggers stay open until the context exits.

    Args:
        config: Configuration composed by Hydra.
        folder: Run folder.
        overrides: Overrides given on the command line.

    Yields:
        The components, with prepared data, and the loggers.

    Raises:
        GenreError: The run cannot start. No folder is left behind.
    """
    with locked(folder) if is_main() else nullcontext():
        config = resolve_config(config, folder, overrides)
        resumed = run_folder.is_started(folder)  # a resumed run keeps its split, even if the data changed since
        components = build_components(validate(config), folder / run_folder.TRACKS if resumed else None)
        check_devices(components.settings.trainer)
        prepared = components.datamodule.data
        loggers = build_loggers(components.settings.logger, folder)
        if is_main():
            create_run_folder(folder, config, overrides, prepared)
        with logging_to(loggers, folder, config):
            yield components, list(loggers.values())


def is_main() -> bool:
    """Whether this process has rank 0, or is the only one. The others write no files and print nothing."""
    return bool(getattr(rank_zero_only, "rank", 0) == 0)


def fit(components: Components, folder: Path, loggers: list[Logger], callbacks: Sequence[Callback] = ()) -> float:
    """Train a network, or fit a baseline that trains without epochs.

    Args:
        components: Components of the run.
        folder: Run folder.
        loggers: Loggers in addition to metrics.csv.
        callbacks: Trainer callbacks in addition to the standard ones; not used by baselines.

    Returns:
        Monitored score of the epoch whose weights are tested.

    Raises:
        GenreError: Training diverged.
    """
    if components.settings.model.fit:
        return fit_baseline(components, folder, components.device, loggers)
    warn_of_transforms(components.datamodule.augment, components.features)
    return fit_network(components, folder, loggers, callbacks)


def fit_network(
    components: Components, folder: Path, loggers: list[Logger], callbacks: Sequence[Callback] = ()
) -> float:
    """Train a network, from the last checkpoint if the folder has one. See `fit`."""
    settings, monitor = components.settings, components.settings.monitor
    prepared = components.datamodule.data
    L.seed_everything(settings.seed, verbose=False)
    net = components.build_network(prepared.genres)
    classifier = GenreClassifier(
        net,
        components.model_metadata(prepared.genres),
        components.datamodule.segment_frames,
        components.make_optimizer,
        components.make_loss(torch.from_numpy(prepared.train_counts)),
        components.schedules,
        monitor.metric,
        _teacher_loss(components, folder, net),
    )
    path, checkpoint = find_resume_checkpoint(folder) or (None, None)
    if checkpoint:
        refuse_diverged(checkpoint)
    elif settings.ckpt_path:
        load_initial_weights(classifier.net, find_checkpoint(Path(settings.ckpt_path)), prepared.genres)
    best, last = folder / run_folder.BEST, folder / run_folder.LAST
    if monitor.select == "best":
        checkpoints = [Checkpoint(best, monitor=monitor.metric, mode=monitor.mode), Checkpoint(last)]
    else:
        checkpoints = [Checkpoint(last, copy=best)]
    patience = settings.early_stopping.patience
    stopping: list[Callback] = []
    if patience:
        stopping += [EarlyStopping(monitor.metric, mode=monitor.mode, patience=patience, check_on_train_epoch_end=True)]
    trainer = build_trainer(
        settings.trainer,
        folder,
        [
            *(Divergence(monitor.metric), *stopping, *checkpoints),
            *(progress_callback(monitor.metric), *components.callbacks, *callbacks),
        ],
        [EpochCSVLogger(folder / run_folder.METRICS, checkpoint["epoch"] + 1 if checkpoint else 0), *loggers],
    )
    if checkpoint is None or not _is_over(checkpoint, settings.trainer["max_epochs"]):
        keep_freed_memory()
        try:
            trainer.fit(classifier, datamodule=components.datamodule, ckpt_path=path, weights_only=True)
        except SystemExit as error:  # Lightning turns Ctrl-C into SystemExit
            raise KeyboardInterrupt from error
        except MisconfigurationException as error:  # such as a callback that watches a score that does not exist
            raise GenreError(f"the training cannot be run: {str(error).splitlines()[0]}") from error
        except torch.OutOfMemoryError as error:
            raise GenreError(
                f"the GPU has too little memory for data.batch_size={settings.data.batch_size}: set a smaller one"
            ) from error
    if monitor.select == "last" and is_main():
        copy_file(last, best)  # a process that was killed between the two files
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # one process tests alone: its metrics must not wait for the others
    return _selected_score(folder, monitor.metric)


def _teacher_loss(components: Components, folder: Path, net: nn.Module) -> TeacherLoss | None:
    """Give the batches the teacher's values, and make the loss that they are for; None without a teacher."""
    if (teacher := components.teacher) is None:
        return None
    datamodule, features = components.datamodule, components.features
    data = components.restore(components.cache_of(teacher.features), folder)
    targets = WindowTargets(data, datamodule.window_frames, features.hop_length / features.sample_rate)
    datamodule.teacher = targets
    return TeacherLoss(embedding_size(net, features.n_features), len(targets), teacher.weight)


def _is_over(checkpoint: dict[str, Any], max_epochs: int) -> bool:
    """Whether training had ended at this checkpoint. Resuming a run that stopped early would add an epoch."""
    return stopped_early(checkpoint) or checkpoint["epoch"] + 1 >= max_epochs


def _selected_score(folder: Path, metric: str) -> float:
    """Monitored score of the epoch whose weights are in best.ckpt."""
    callbacks = torch.load(folder / run_folder.BEST, map_location="cpu", weights_only=True)["callbacks"]
    states = [state for name, state in callbacks.items() if name.startswith("Checkpoint") and state["monitor"]]
    if states:
        return float(states[0]["best_model_score"])
    return float(pd.read_csv(folder / run_folder.METRICS)[metric].iloc[-1])
