"""Repeat the test of a trained run from its folder: `python evaluate.py run_dir=RUN_FOLDER`."""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from genre import settings


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
def main(config: DictConfig) -> None:
    """Print the test's scores; print and store its per-genre table and confusion matrix."""
    from genre import console, predictions, run_folder  # torch takes seconds to load
    from genre.evaluation import report

    folder = Path(config.run_dir)
    scores, predicted = predictions.repeat_test(settings.checked(config))
    table = report.write(folder, predicted, scores["genres"])
    console.show_scores(scores, folder)
    report.show(table)
    print(f"report: {folder / run_folder.REPORT}")


if __name__ == "__main__":
    with settings.one_line_errors():
        main()
