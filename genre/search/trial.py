"""One trial of a search: train with its parameters, report each epoch's score, record the result."""

import logging
import math
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import lightning as L
import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.pruners import MedianPruner
from optuna.trial import Trial

from genre import logging_setup, run_folder
from genre.errors import GenreError, train_command
from genre.search.storage import CONNECTION_ERRORS, TRAINED, open_study, open_trial
from genre.search.study import tell
from genre.training import fit


class PruningCallback(L.Callback):
    """Reports the monitored score of each epoch, and stops training when the pruner says so."""

    def __init__(self, trial: Trial, metric: str, prune: bool) -> None:
        self.trial, self.metric, self.prune = trial, metric, prune
        self.is_pruned, self.n_epochs, self.started = False, 0, time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report the score of the epoch."""
        score = trainer.callback_metrics[self.metric].item()
        self.record_progress(trainer.current_epoch + 1)
        with suppress(*CONNECTION_ERRORS):  # a database that restarts costs a report, not the trial
            if math.isfinite(score):  # training that diverged is ended elsewhere
                self.trial.report(score, trainer.current_epoch)
                if self.prune and self.trial.should_prune():
                    self.is_pruned = trainer.should_stop = True

    def record_progress(self, n_epochs: int) -> None:
        """Record epochs and seconds now: the process may die in the next epoch."""
        self.n_epochs = n_epochs
        with suppress(*CONNECTION_ERRORS):
            self.trial.set_user_attr(TRAINED, (n_epochs, time.perf_counter() - self.started))


def run_trial(config: DictConfig, folder: Path, overrides: list[str]) -> float:
    """Train the trial that `search.trial` names and record its result; return the score of its tested epoch."""
    if config.search.trial is None:
        raise GenreError(f"hparams_search needs a multirun: {train_command()} -m hparams_search=...")
    logging_setup.configure_logging(logging.WARNING)  # messages about the data are the same for all trials
    return record_result(config, lambda trial: _train(config, folder, overrides, trial))


def record_result(config: DictConfig, train: Callable[[Trial], float]) -> float:
    """Call a function with the trial of a configuration, and record the score it returns or the error it raises."""
    search: Any = OmegaConf.to_object(config.search)
    study = open_study(search.storage, search.study)
    study.pruner = MedianPruner(search.startup_trials, search.warm_up_epochs)
    try:
        score = train(open_trial(study, search.trial))
    except Exception as error:
        tell(study, search.trial, error, search.heartbeat_seconds)
        raise
    tell(study, search.trial, score, search.heartbeat_seconds)
    return score


def _train(config: DictConfig, folder: Path, overrides: list[str], trial: Trial) -> float:
    with fit.start_run(config, folder, overrides) as (components, loggers):
        pruning = PruningCallback(trial, components.settings.monitor.metric, config.search.prune)
        try:
            score = fit.fit(components, folder, loggers, [pruning])
        finally:
            shutil.rmtree((folder / run_folder.BEST).parent, ignore_errors=True)  # gigabytes; the best is retrained
    if pruning.is_pruned:
        raise optuna.TrialPruned("worse than the median")
    if not pruning.n_epochs:  # a model that is fitted without epochs
        pruning.record_progress(1)
    return score
