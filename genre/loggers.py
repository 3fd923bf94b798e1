"""What a run tells its loggers beside the epochs' scores, which Lightning hands them."""

import os
import sys
from typing import Any

import numpy as np
import pandas as pd
from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from genre.errors import GenreError
from genre.evaluation.answers import answers
from genre.evaluation.figures import confusion_figure
from genre.evaluation.per_genre import confusion
from genre.pages.theme import theme

CONFUSION = "test/confusion"


def report(loggers: list[Logger], scores: dict[str, Any], predictions: pd.DataFrame, tracks: pd.DataFrame) -> None:
    """Log the test's scores and confusion matrix.

    Args:
        loggers: Of the run.
        scores: As in scores.json.
        predictions: As `predictions.predict` makes them.
        tracks: Their track table.
    """
    with theme():
        figure = confusion_figure(confusion(answers(predictions, tracks, scores["genres"])))
    numbers = {name: value for name, value in scores.items() if name.startswith("test/")}
    for logger in loggers:
        logger.log_metrics(numbers)
        _log_figure(logger, figure)


def close(loggers: list[Logger], status: str = "success") -> None:
    """End the loggers' runs: the next job of a multirun starts its own.

    Args:
        loggers: Of the run.
        status: How it ended, as Lightning calls it: success or failed.
    """
    for logger in loggers:
        logger.finalize(status)
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()  # a multirun stays in one process, and wandb in one run


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


def require_accounts(loggers: list[Logger]) -> None:
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
