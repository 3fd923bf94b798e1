"""Report on one trained run or compare several: `python evaluate.py run_dir=RUN_FOLDER`, `run_dir=[A,B]`."""

import os
import sys
from pathlib import Path

import genre.interrupt  # noqa: F401  # isort: skip (first, as libraries load for a second)
import hydra
from omegaconf import DictConfig

from genre import settings  # noqa: F401 (makes the schema known to Hydra)
from genre.checking import checked
from genre.errors import GenreError
from genre.one_line import one_line_errors
from genre.overrides import refuse_stored


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(config: DictConfig) -> None:
    """Test one run again, or compare several as they were tested; print scores, write a report."""
    with one_line_errors():  # before Hydra adds words of its own
        _report(config)


def _report(config: DictConfig) -> None:
    from genre import console, run_folder  # torch takes seconds to load
    from genre.evaluation import runs, several

    console.quiet()
    evaluation = checked(config)
    given = evaluation.run_dir
    folders = runs.find([str(pattern) for pattern in (given if isinstance(given, list) else [given])])
    home = Path(os.path.commonpath([folder.absolute() for folder in folders]))
    if evaluation.out_dir is None and home in Path.cwd().parents and len(folders) > 1:
        raise GenreError(f"these runs have no folder of their own in common but {home}: say out_dir=...")
    report = Path(evaluation.out_dir or home / run_folder.REPORT)
    if len(folders) == 1:
        from genre import predictions
        from genre.evaluation import single

        run = predictions.repeat_test(evaluation, folders[0])
        table = single.write(run, report)
        console.show_scores(run.scores, run.folder)
        single.show(run, table)
    else:
        comparison = several.compare(folders, evaluation.trust)
        several.write(comparison, report)
        several.show(comparison)
    print(f"report: {report / 'index.html'}")


if __name__ == "__main__":
    with one_line_errors():
        refuse_stored(sys.argv[1:])
        main()
