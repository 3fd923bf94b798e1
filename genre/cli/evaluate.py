"""`python evaluate.py` and `genre evaluate`: report on one trained run, or compare several."""

import os
import sys
from pathlib import Path

import genre.interrupt  # noqa: F401  # isort: skip (first, because libraries take a second to load)
import hydra
from omegaconf import DictConfig

from genre.config.compose import CONF
from genre.config.errors import exit_with_one_line
from genre.config.overrides import options_first, refuse_stored
from genre.config.validate import validate
from genre.errors import GenreError


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="evaluate")
def main(config: DictConfig) -> None:
    """Test one run again, or compare the stored predictions of several; print scores and write a report."""
    with exit_with_one_line():  # before Hydra prints a message of its own
        _report(config)


def _report(config: DictConfig) -> None:
    from genre import run_folder  # torch takes seconds to load: `--help` must not wait for it
    from genre.evaluation.comparison import compare, compare_runs
    from genre.evaluation.evaluate import reevaluate_run
    from genre.evaluation.external import evaluate_externally
    from genre.evaluation.runs import find_runs
    from genre.logging_setup import configure_logging
    from genre.reports.comparison import write_comparison_report
    from genre.reports.console import print_comparison, print_run, print_test_scores
    from genre.reports.page import own_folder
    from genre.reports.run import write_run_report

    configure_logging()
    evaluation = validate(config)
    labels = find_runs(evaluation.run_dir)
    folders = list(labels)
    home = Path(os.path.commonpath([folder.absolute() for folder in folders]))
    if evaluation.out_dir is None and home in Path.cwd().parents and len(folders) > 1:
        raise GenreError(f"the common folder of these runs is {home}: set out_dir=...")
    name = run_folder.REPORT_VAL if evaluation.split == "val" else run_folder.REPORT
    external = evaluate_externally(folders, evaluation, labels) if evaluation.on is not None else None
    if external:
        name = f"{run_folder.EXTERNAL}/{external.name}"
    report = Path(evaluation.out_dir or home / name)
    if len(folders) == 1:
        run = external.evaluated[0] if external else reevaluate_run(evaluation, folders[0])
        page = write_run_report(run, report, evaluation.report.audio)
        print_test_scores(run.scores, run.folder)
        print_run(run)
    else:
        if external:
            comparison = compare_runs(external.runs, external.notes, evaluation.ensemble)
        else:
            comparison = compare(folders, evaluation.trust, evaluation.split, evaluation.ensemble, labels)
        source = f"{evaluation.run_dir} {evaluation.ensemble}"
        page = write_comparison_report(comparison, report if evaluation.out_dir else own_folder(report, source), source)
        print_comparison(comparison)
    if external:
        external.write(page.parent)
    print(f"report: {page}")


def run() -> None:
    """Run the command line."""
    with exit_with_one_line():
        refuse_stored(sys.argv[1:])
        sys.argv[1:] = options_first(sys.argv[1:])
        main()
