"""One trial: train with what the search suggests, tell each epoch's score, never look at the test part."""

import logging
import math
import shutil
import time
from contextlib import suppress
from pathlib import Path

import lightning as L
import optuna
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig
from optuna.pruners import MedianPruner
from optuna.trial import Trial

from genre import logging_setup, run_folder
from genre.config.schema import SearchConfig
from genre.errors import GenreError
from genre.search.notes import ENDED, TRAINED, as_note, judged
from genre.search.storage import FAILURES, connect
from genre.training import fit
from genre.training.components import Components


class Pruning(L.Callback):
    """Reports the monitored score of each epoch, and stops a training that is losing.

    Args:
        trial: Of the study.
        metric: The score.
        prune: Whether to stop.
    """

    def __init__(self, trial: Trial, metric: str, prune: bool) -> None:
        self.trial = trial
        self.metric = metric
        self.prune = prune
        self.pruned = False
        self.epochs = 0
        self.started = time.perf_counter()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report, and ask."""
        score = trainer.callback_metrics[self.metric].item()
        with suppress(*FAILURES):  # a database that restarts costs a report, not the trial
            self.trained(trainer.current_epoch + 1)
            if not math.isfinite(score):  # the run has diverged, and ends for that
                return
            self.trial.report(score, trainer.current_epoch)
            if self.prune and self.trial.should_prune():
                self.pruned = trainer.should_stop = True

    def trained(self, epochs: int) -> None:
        """Note now what was trained: the process may die in the next epoch."""
        self.epochs = epochs
        self.trial.set_user_attr(TRAINED, (epochs, time.perf_counter() - self.started))


def run(config: DictConfig, folder: Path, overrides: list[str]) -> float:
    """Train for a trial of a search.

    Args:
        config: What Hydra composed, with what was suggested; `search.trial` is the trial's number.
        folder: The trial's folder.
        overrides: The command line's and the search's.

    Returns:
        The monitored score of the best epoch.

    Raises:
        GenreError: This is no multirun, or training diverged.
        optuna.TrialPruned: It was losing.
    """
    if config.search.trial is None:
        raise GenreError("hparams_search is for a multirun: python train.py -m hparams_search=...")
    logging_setup.configure_logging(logging.WARNING)  # what is said of the data is the same for all trials
    with fit.start_run(config, folder, overrides) as (components, loggers):
        assert components.settings.search is not None
        trial = _attach(components.settings.search)
        pruning = Pruning(trial, components.settings.monitor.metric, components.settings.search.prune)
        result: float | Exception | None = None
        try:
            result = value = _learn(components, folder, loggers, pruning)
        except Exception as error:
            result = error
            raise
        finally:
            shutil.rmtree((folder / run_folder.BEST).parent, ignore_errors=True)  # gigabytes; the best is trained anew
            if result is not None:  # the search may die before it hears of this
                with suppress(*FAILURES):
                    trial.set_user_attr(ENDED, as_note(judged(result)))
    return value


def _learn(components: Components, folder: Path, loggers: list[Logger], pruning: Pruning) -> float:
    value = fit.fit(components, folder, loggers, [pruning])
    if pruning.pruned:
        raise optuna.TrialPruned("worse than the median")
    if not pruning.epochs:  # a model that is fitted in one go
        with suppress(*FAILURES):
            pruning.trained(1)
    return value


def _attach(search: SearchConfig) -> Trial:
    """The trial that the search began, here where it runs."""
    pruner = MedianPruner(search.startup_trials, search.warm_up_epochs)
    study = connect(search.storage, search.study, pruner)
    assert search.trial is not None
    return Trial(study, study._storage.get_trial_id_from_study_id_trial_number(study._study_id, search.trial))
