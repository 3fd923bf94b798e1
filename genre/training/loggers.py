"""Loggers of a run: metrics.csv, and TensorBoard, Weights & Biases and MLflow."""

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

from genre.config.instantiate import build, with_target
from genre.errors import GenreError
from genre.files import atomic_write, write_json

CONFUSION = "test/confusion"
RUN_IDS = ".hydra/loggers.json"
"""File in a run folder: the ids of its runs in W&B and MLflow, so that a resumed run continues them."""
ID_ARGUMENTS = {"WandbLogger": "id", "MLFlowLogger": "run_id"}


class EpochCSVLogger(Logger):
    """Write one row per epoch, and continue the file of a resumed run.

    Args:
        path: Path of the CSV file, which is rewritten at each change.
        start_epoch: Rows from this epoch on are dropped: a resumed run repeats them.
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
                raise GenreError(f"{path} is damaged: delete it to resume without earlier scores") from error

    @property
    def name(self) -> str:
        """File name without suffix."""
        return self.path.stem

    @property
    def version(self) -> str:
        """Always empty: the file has no versions."""
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run folder holds the configuration."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add values to the row of their epoch; values without an epoch are ignored."""
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


def build_loggers(specs: dict[str, Any], folder: Path) -> dict[str, Logger]:
    """Create the loggers of a run. W&B and MLflow continue the run that they have of this folder.

    Args:
        specs: Configuration of the loggers by name.
        folder: Run folder.

    Returns:
        Loggers by name.

    Raises:
        GenreError: A logger does not accept its arguments, or W&B has no API key.
    """
    ids = _read_ids(folder / RUN_IDS)
    loggers = {}
    for name, spec in with_target("logger", specs).items():
        argument = ID_ARGUMENTS.get(str(spec["_target_"]).rpartition(".")[2])
        known = {argument: str(ids[name])} if argument and name in ids else {}
        loggers[name] = build(f"logger.{name}", known | spec)
    _require_wandb_login(list(loggers.values()))
    return loggers


@contextmanager
def logging_to(loggers: dict[str, Logger], folder: Path, config: DictConfig) -> Iterator[None]:
    """Log the configuration of a run, and finalize its loggers with the status in which the run ends.

    The jobs of a multirun share a process: a W&B run that stays open would receive the scores of the next job.

    Args:
        loggers: Loggers by name.
        folder: Run folder.
        config: Configuration of the run.

    Raises:
        GenreError: MLflow no longer has the run.
    """
    path = folder / RUN_IDS
    ids = _read_ids(path)
    values: Any = OmegaConf.to_container(config, resolve=True)
    status = "failed"

    def finalize(logger: Logger) -> None:
        _finalize(logger, status)

    with ExitStack() as stack:  # finalizes all loggers, even if one of them fails
        for name, logger in loggers.items():
            if name in ids and isinstance(logger, MLFlowLogger):
                _reopen(logger, path)
            stack.callback(finalize, logger)
            if name in ids:
                continue  # it has the configuration, and MLflow rejects changed values, such as another run folder
            logger.log_hyperparams(values)
            if isinstance(logger, WandbLogger | MLFlowLogger):
                ids[name] = logger.version
                write_json(path, ids)
        yield
        status = "success"


def _read_ids(path: Path) -> dict[str, Any]:
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


def _finalize(logger: Logger, status: str) -> None:
    logger.finalize(status)
    if isinstance(logger, WandbLogger):
        import wandb  # an optional dependency

        if wandb.run is not None:
            wandb.finish(exit_code=int(status != "success"))


def _require_wandb_login(loggers: list[Logger]) -> None:
    """Fail before the run folder is created if W&B has no API key. On a terminal, W&B itself asks for one."""
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


def log_test_results(loggers: list[Logger], scores: dict[str, Any], confusion: Figure) -> None:
    """Log the test scores and the figure of the confusion matrix.

    Args:
        loggers: Loggers of the run.
        scores: Scores as in scores.json.
        confusion: Figure of the confusion matrix; only TensorBoard, W&B and MLflow receive it.
    """
    numbers = {name: value for name, value in scores.items() if name.startswith("test/") and value is not None}
    for logger in loggers:
        logger.log_metrics(numbers)
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_figure(CONFUSION, confusion, close=False)
        elif isinstance(logger, WandbLogger):
            canvas = FigureCanvasAgg(confusion)
            canvas.draw()
            logger.log_image(CONFUSION, [np.asarray(canvas.buffer_rgba())])
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.log_figure(logger.run_id, confusion, f"{CONFUSION}.png")
