"""One run: train, test, log and save."""

import logging
from pathlib import Path

import pandas as pd
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from genre import logging_setup, run_folder
from genre.config.best import apply_best
from genre.data import split_report
from genre.evaluation.evaluate import evaluate_checkpoint
from genre.evaluation.predictions import answers
from genre.evaluation.scores import confusion_table
from genre.files import atomic_write, write_json
from genre.reports.console import print_test_scores
from genre.reports.figures import confusion_figure
from genre.reports.theme import theme
from genre.training.components import Components
from genre.training.fit import fit, is_main, start_run
from genre.training.loggers import log_test_results
from genre.training.resume import should_skip

log = logging.getLogger(__name__)


def train_and_test(config: DictConfig, folder: Path, overrides: list[str]) -> float:
    """Train, or resume training, and test.

    Args:
        config: What Hydra composed.
        folder: The run folder.
        overrides: The command line's.

    Returns:
        The monitored score of the best epoch.

    Raises:
        GenreError: The run cannot start, and nothing is left behind then; or training diverged.
    """
    logging_setup.configure_logging(logging.INFO if is_main() else logging.WARNING)
    config = apply_best(config, overrides)
    if should_skip(config, folder):
        log.info("%s is finished", folder)
        return float(run_folder.read_scores(folder)[config.monitor.metric])
    with start_run(config, folder, overrides) as (components, loggers):
        if is_main():
            split_report.log_split_warnings(components.datamodule.data.tracks, components.settings.data)
        best = fit(components, folder, loggers)
        if is_main():
            _test(components, folder, loggers, best)
    return best


def _test(components: Components, folder: Path, loggers: list[Logger], best: float) -> None:
    """Test a trained run, and write and print its scores."""
    settings, accelerator = components.settings, components.settings.trainer["accelerator"]
    scores, predictions = evaluate_checkpoint(components, folder, accelerator)
    _write_table(predictions, folder / run_folder.PREDICTIONS)
    scores[settings.monitor.metric] = best
    if settings.test_last:
        last, predictions_last = evaluate_checkpoint(
            components, folder, settings.trainer["accelerator"], run_folder.LAST
        )
        _write_table(predictions_last, folder / run_folder.PREDICTIONS_LAST)
        scores |= {f"last/{name}": value for name, value in last.items() if name.startswith("test/")}
    found = answers(predictions, components.datamodule.data.tracks, scores["genres"])
    with theme():
        figure = confusion_figure(confusion_table(found))
    log_test_results(loggers, scores, figure)
    write_json(folder / run_folder.SCORES, scores)
    print_test_scores(scores, folder)


def _write_table(table: pd.DataFrame, path: Path) -> None:
    with atomic_write(path) as temporary:
        table.to_parquet(temporary)
