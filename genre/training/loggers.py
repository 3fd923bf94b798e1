"""metrics.csv: one row an epoch, whichever other loggers there are."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from omegaconf import DictConfig, OmegaConf

from genre.errors import GenreError
from genre.files import atomic_write, write_json
from genre.training.components import build


class EpochCSVLogger(Logger):
    """Collects what is logged for an epoch in one row, and goes on with the file of an interrupted run.

    Args:
        path: The file; rewritten whole.
        start_epoch: Rows from this epoch on are dropped: a resumed run makes them again.
    """

    def __init__(self, path: Path, start_epoch: int = 0) -> None:
        super().__init__()
        self.path = path
        self.rows: dict[int, dict[str, float]] = {}
        if start_epoch and path.exists():
            try:
                old = pd.read_csv(path).to_dict("records")
                self.rows = {int(row["epoch"]): row for row in old if row["epoch"] < start_epoch}
            except (ValueError, KeyError) as error:
                raise GenreError(f"{path} is damaged: delete it, and with it the scores of its epochs") from error

    @property
    def name(self) -> str:
        """Of the file."""
        return self.path.stem

    @property
    def version(self) -> str:
        """There is one."""
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """They are in the run folder's configuration."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add values to their epoch's row."""
        if "epoch" not in metrics:
            return
        epoch = int(metrics["epoch"])
        values = {name: float(value) for name, value in metrics.items() if name != "epoch"}
        row = {"epoch": epoch, "step": step or 0} | self.rows.get(epoch, {}) | values
        if row == self.rows.get(epoch):
            return
        self.rows[epoch] = row
        table = pd.DataFrame([self.rows[number] for number in sorted(self.rows)])
        with atomic_write(self.path) as temporary:
            table.to_csv(temporary, index=False)


CONFUSION = "test/confusion"
IDS = ".hydra/loggers.json"
"""In a run folder: what W&B and MLflow call the run, so that a resumed run is the same one there."""
ID_ARGUMENTS = {"WandbLogger": "id", "MLFlowLogger": "run_id"}


def build_loggers(specs: dict[str, Any], folder: Path) -> dict[str, Logger]:
    """Make the loggers of a run; W&B and MLflow continue the run that they have of this folder.

    Args:
        specs: The `logger` part of the configuration.
        folder: The run folder.

    Returns:
        The loggers by name.

    Raises:
        GenreError: A logger does not take its values.
    """
    ids = _ids(folder / IDS)
    loggers = {}
    for name, spec in specs.items():
        argument = ID_ARGUMENTS.get(str(spec["_target_"]).rpartition(".")[2])
        known = {argument: str(ids[name])} if argument and name in ids else {}
        loggers[name] = build(f"logger.{name}", known | spec)
    _require_accounts(list(loggers.values()))
    return loggers


@contextmanager
def logging_to(loggers: dict[str, Logger], folder: Path, config: DictConfig) -> Iterator[None]:
    """Log a run's configuration, and close its loggers with the status with which the run ends.

    A multirun stays in one process: a W&B run that is left open would get the scores of the next job.

    Args:
        loggers: Of the run, by name.
        folder: The run folder.
        config: The configuration.

    Yields:
        Nothing.

    Raises:
        GenreError: MLflow no longer has the run.
    """
    path = folder / IDS
    ids = _ids(path)
    values: Any = OmegaConf.to_container(config, resolve=True)
    status = "failed"

    def close(logger: Logger) -> None:
        _close(logger, status)

    with ExitStack() as stack:  # closes all of them, also where closing one fails
        for name, logger in loggers.items():
            if name in ids and isinstance(logger, MLFlowLogger):
                _reopen(logger, path)
            stack.callback(close, logger)
            if name in ids:
                continue  # it has the configuration, and MLflow refuses new values, such as another run folder
            logger.log_hyperparams(values)
            if isinstance(logger, WandbLogger | MLFlowLogger):
                ids[name] = logger.version
                write_json(path, ids)
        yield
        status = "success"


def _ids(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text())) if path.exists() else {}
    except (ValueError, TypeError) as error:
        raise GenreError(f"{path} is damaged: delete it to log to new runs of W&B and MLflow") from error


def _reopen(logger: MLFlowLogger, path: Path) -> None:
    from mlflow.exceptions import MlflowException  # an optional dependency

    try:
        logger.experiment.update_run(logger.run_id, "RUNNING")
    except MlflowException as error:
        raise GenreError(f"MLflow has no run {logger.run_id}: delete {path} to log to a new one") from error


def _close(logger: Logger, status: str) -> None:
    logger.finalize(status)
    if isinstance(logger, WandbLogger):
        import wandb  # an optional dependency

        if wandb.run is not None:
            wandb.finish(exit_code=int(status != "success"))


def log_test_results(loggers: list[Logger], scores: dict[str, Any], confusion: Figure) -> None:
    """Log the test's scores and confusion matrix.

    Args:
        loggers: Of the run.
        scores: As in scores.json.
        confusion: The figure of the confusion matrix.
    """
    numbers = {name: value for name, value in scores.items() if name.startswith("test/") and value is not None}
    for logger in loggers:
        logger.log_metrics(numbers)
        _log_figure(logger, confusion)


def _log_figure(logger: Logger, figure: Figure) -> None:
    """Pictures are no part of Lightning's interface: a logger that is not named here goes without."""
    if isinstance(logger, TensorBoardLogger):
        logger.experiment.add_figure(CONFUSION, figure, close=False)
    elif isinstance(logger, WandbLogger):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        logger.log_image(CONFUSION, [np.asarray(canvas.buffer_rgba())])
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_figure(logger.run_id, figure, f"{CONFUSION}.png")


def _require_accounts(loggers: list[Logger]) -> None:
    """See that Weights & Biases can be logged into, before there is a run folder; at a terminal it asks for itself.

    Args:
        loggers: Of the run.

    Raises:
        GenreError: There is no key.
    """
    online = [logger for logger in loggers if isinstance(logger, WandbLogger) and not logger._offline]
    if not online or os.environ.get("WANDB_MODE", "online") != "online" or sys.stdin.isatty():
        return
    import wandb  # an optional dependency

    try:
        wandb.login(verify=False)
    except wandb.errors.UsageError as error:
        raise GenreError(
            "logger=wandb needs an account: run `wandb login`, or add logger.wandb.offline=true to log without one"
        ) from error
