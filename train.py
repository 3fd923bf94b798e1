"""Train and test one configuration, or many: `python train.py model=cnn2d_gru`, `python train.py -m model=a,b`."""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import genre.interrupt  # noqa: F401  # isort: skip (first, as libraries load for a second)
import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from genre.config import schema  # noqa: F401 (makes the schema known to Hydra)
from genre.config.errors import Jobs, exit_with_one_line
from genre.config.launch import refuse_several_devices
from genre.config.overrides import refuse_stored, varied
from genre.errors import GenreError

jobs = Jobs()


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> float:
    """Run one job, or one trial of a search, and return the monitored score of its best epoch."""
    job = HydraConfig.get()
    folder, overrides = Path(job.runtime.output_dir), list(job.overrides.task)
    if job.mode == RunMode.RUN:
        ending: AbstractContextManager[None] = exit_with_one_line()
    else:  # what fails is told at the end: the jobs of a multirun by a list, the trials of a search by its report
        ending = jobs.job(varied(overrides)) if config.search is None else nullcontext()
    with ending:
        if job.mode == RunMode.MULTIRUN:  # again, as `trainer` may be one of the swept keys
            refuse_several_devices(config)
        if config.search is None:
            if job.mode == RunMode.RUN and job.sweeper.get("params"):
                raise GenreError("this experiment is of several runs: python train.py -m ...")
            from genre.pipeline import train_and_test  # torch takes seconds to load: `--help` should not

            return train_and_test(config, folder, overrides)
        from genre.search import trial

        return trial.run(config, folder, overrides)


if __name__ == "__main__":
    with exit_with_one_line(jobs):
        refuse_stored(sys.argv[1:])
        main()
