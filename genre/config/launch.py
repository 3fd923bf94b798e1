"""Hydra callback: refuse multiruns that cannot work, and remove the folders of runs that could not start."""

import atexit
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, ListConfig

from genre.config.errors import exit_with_one_line
from genre.errors import GenreError
from genre.files import missing_folders, remove_empty


class Launch(Callback):
    """Refuses multiruns that cannot work, and removes the folders that Hydra created for runs that could not start."""

    def __init__(self) -> None:
        self.created: list[Path] = []

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Note which folders Hydra is about to create."""
        self._watch(config.hydra.run.dir)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what no job could do, and note which folders Hydra is about to create."""
        with exit_with_one_line():  # Hydra would make a warning of any other error
            if any(text.lstrip("+").startswith("run_dir=") for text in config.hydra.overrides.task):
                given = "search.folder" if config.search else "hydra.sweep.dir"
                raise GenreError(f"run_dir= is the folder of a single run: with -m, give {given}=... for all of them")
            refuse_several_devices(config)
        self._watch(config.hydra.sweep.dir)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Remove the empty folder of a job of a multirun, and the levels that `hydra.sweep.subdir` adds."""
        folder, sweep = Path(config.hydra.runtime.output_dir), Path(config.hydra.sweep.dir).absolute()
        if sweep in folder.parents:
            remove_empty([folder, *folder.parents[: folder.parents.index(sweep)]])

    def _watch(self, folder: str) -> None:
        self.created = missing_folders(Path(folder))
        atexit.register(remove_empty, self.created)


def refuse_several_devices(config: DictConfig) -> None:
    """Refuse a multirun whose jobs use several devices: the processes of a job would start the multirun again.

    Args:
        config: Of the multirun, or of one of its jobs.

    Raises:
        GenreError: The trainer uses several devices.
    """
    trainer = config.trainer
    devices = trainer.get("devices", "auto")
    if trainer.get("num_nodes", 1) > 1 or _count(devices, trainer.get("accelerator", "auto")) > 1:
        raise GenreError(
            f"trainer.devices={devices} uses several devices, which -m cannot do: add trainer.devices=1, or "
            "start one run at a time"
        )


def _count(devices: Any, accelerator: str) -> int:
    """The number of devices that Lightning makes of `trainer.devices`."""
    if isinstance(devices, ListConfig):
        return len(devices)
    if "," in str(devices):  # indices; "1," is the one device of that index
        return len([index for index in str(devices).split(",") if index.strip()])
    if str(devices) not in ("auto", "-1"):
        return int(devices)
    if accelerator == "cpu":
        return 1
    import torch  # it takes seconds to load

    return torch.cuda.device_count()
