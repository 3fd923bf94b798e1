"""Train and test one configuration, or many: `python train.py model=cnn2d_gru`, `python train.py -m model=a,b`."""

from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from genre import settings  # noqa: F401 (makes the schema known to Hydra)
from genre.one_line import one_line_errors


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(config: DictConfig) -> float:
    """Run one job, or one trial of a search, and return the monitored score of its best epoch."""
    job = HydraConfig.get()
    folder, overrides = Path(job.runtime.output_dir), list(job.overrides.task)
    if config.search is None:
        from genre import fit  # torch takes seconds to load: `--help` and a misspelt key should not

        return fit.run(config, folder, overrides)
    from genre.search import trial

    return trial.run(config, folder, overrides)


if __name__ == "__main__":
    with one_line_errors():
        main()
