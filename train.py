"""Train and test one configuration or several: `python train.py model=cnn2d_gru`, `python train.py -m model=a,b`."""

import sys
from pathlib import Path

import genre.interrupt  # noqa: F401  # isort: skip (first, because libraries take a second to load)
import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from genre.config import schema  # noqa: F401 (registers the schema with Hydra)
from genre.config.errors import Jobs, exit_with_one_line
from genre.config.launch import check_launch, multirun_job
from genre.config.overrides import refuse_stored

jobs = Jobs()


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> float:
    """Run one job, or one trial of a search, and return the monitored score of its best epoch."""
    job = HydraConfig.get()
    folder, overrides = Path(job.runtime.output_dir), list(job.overrides.task)
    with multirun_job(config, job, jobs):
        check_launch(config, job)
        if config.search is not None:
            from genre.search.trial import run_trial

            return run_trial(config, folder, overrides)
        from genre.pipeline import train_and_test  # torch takes seconds to load: `--help` must not wait for it

        return train_and_test(config, folder, overrides)


if __name__ == "__main__":
    with exit_with_one_line(jobs):
        refuse_stored(sys.argv[1:])
        main()
