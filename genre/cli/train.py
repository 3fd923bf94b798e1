"""`python train.py` and `genre train`: train and test one configuration or several."""

import sys
from pathlib import Path

import genre.interrupt  # noqa: F401  # isort: skip (first, because libraries take a second to load)
import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from genre.config.compose import CONF
from genre.config.errors import Jobs, exit_with_one_line
from genre.config.launch import check_launch, multirun_job
from genre.config.overrides import options_first, refuse_stored

jobs = Jobs()


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="train")
def main(config: DictConfig) -> float:
    """Run one job, or one trial of a search, and return the monitored score of its tested epoch."""
    job = HydraConfig.get()
    folder, overrides = Path(job.runtime.output_dir), list(job.overrides.task)
    if job.mode == RunMode.MULTIRUN and job.runtime.choices.get("experiment") and config.search is None:
        jobs.folders.add(str(job.sweep.dir))
    with multirun_job(config, job, jobs):
        check_launch(config, job)
        if config.search is not None:
            from genre.search.trial import run_trial

            return run_trial(config, folder, overrides)
        from genre.pipeline import train_and_test  # torch takes seconds to load: `--help` must not wait for it

        return train_and_test(config, folder, overrides)


def run() -> None:
    """Run the command line."""
    with exit_with_one_line(jobs):
        refuse_stored(sys.argv[1:])
        sys.argv[1:] = options_first(sys.argv[1:])
        main()
    jobs.show_next()


if __name__ == "__main__":  # started again by `search.n_jobs` and `trainer=ddp`
    run()
