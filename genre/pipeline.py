"""One run: train, test, log and save."""

import logging
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from omegaconf import DictConfig

from genre import run_folder
from genre.config.best import apply_best
from genre.config.validate import check_value
from genre.data.split_report import log_split_warnings
from genre.evaluation.baselines import baseline_scores
from genre.evaluation.evaluate import evaluate_checkpoint
from genre.evaluation.predictions import Predictions
from genre.evaluation.scores import confusion_table
from genre.files import atomic_write, write_json
from genre.logging_setup import configure_logging
from genre.provenance import recorded
from genre.reports.console import print_config, print_test_scores
from genre.reports.figures import confusion_figure
from genre.training.components import Components
from genre.training.fit import fit, is_main, start_run
from genre.training.loggers import log_test_results
from genre.training.resume import should_skip

log = logging.getLogger(__name__)


def train_and_test(config: DictConfig, folder: Path, overrides: list[str]) -> float:
    """Train a model, or resume its training, test its best checkpoint and save the results in the run folder.

    Args:
        config: Configuration composed by Hydra.
        folder: Run folder.
        overrides: Overrides given on the command line.

    Returns:
        Monitored score of the epoch whose weights are tested.

    Raises:
        GenreError: The run cannot start, and no folder is left behind; or training diverged.
    """
    configure_logging(logging.INFO if is_main() else logging.WARNING)
    config = apply_best(config, overrides)
    check_value(config, "finished")  # the rest is checked once it is known what the folder holds
    if should_skip(config, folder):
        log.info("%s is finished", folder)
        return float(run_folder.read_scores(folder)[config.monitor.metric])
    if config.print_config and is_main():
        print_config(config)
    # Validates the configuration, builds its components, prepares the data and creates the run folder
    with start_run(config, folder, overrides) as (components, loggers), _recorded(components, folder, overrides):
        if is_main():
            log_split_warnings(components.datamodule.data.tracks, components.settings.data)
        best_score = fit(components, folder, loggers)
        if is_main():  # one process tests, so that every track is counted once
            scores, predictions = _test(components, folder)
            if not components.settings.model.logit_adjustment:  # which the monitored score does not know
                scores[components.settings.monitor.metric] = best_score
            if not components.settings.model.fit:
                scores |= baseline_scores(components, folder)
            log_test_results(loggers, scores, _draw_confusion(components, scores, predictions))
            write_json(folder / run_folder.SCORES, scores)
            print_test_scores(scores, folder)
    return best_score


def _recorded(components: Components, folder: Path, overrides: list[str]) -> AbstractContextManager[None]:
    if not is_main():
        return nullcontext()
    data = components.datamodule.data
    return recorded(folder, overrides, data.tracks, data.strategy, components.device)


def _test(components: Components, folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Test the best checkpoint, and the last one if `test_last` is set, and save the predictions."""
    scores, predictions = evaluate_checkpoint(components, folder, components.device)
    _write_table(predictions, folder / run_folder.PREDICTIONS)
    if components.settings.test_last:
        last, predictions_last = evaluate_checkpoint(components, folder, components.device, run_folder.LAST)
        _write_table(predictions_last, folder / run_folder.PREDICTIONS_LAST)
        scores |= {f"last/{name}": value for name, value in last.items() if name.startswith("test/")}
    return scores, predictions


def _draw_confusion(components: Components, scores: dict[str, Any], predictions: pd.DataFrame) -> Figure:
    test = Predictions.from_table(predictions, components.datamodule.data.tracks, scores["genres"])
    return confusion_figure(confusion_table(test))


def _write_table(table: pd.DataFrame, path: Path) -> None:
    with atomic_write(path) as temporary:
        table.to_parquet(temporary)
