"""Check how Hydra launches runs: refuse what cannot work, and leave no folder of a run that could not start."""

import atexit
import shlex
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig

from genre import run_folder
from genre.config.errors import Jobs, exit_with_one_line
from genre.config.overrides import varied
from genre.errors import GenreError, train_command
from genre.files import missing_folders, remove_empty


class Launch(Callback):
    """Hydra callback that refuses multiruns that cannot work and removes the folders of runs that could not start."""

    def __init__(self) -> None:
        self.created: list[Path] = []

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Record which folders Hydra is about to create."""
        self._watch(config.hydra.run.dir)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what no job could do, and record which folders Hydra is about to create."""
        with exit_with_one_line():  # Hydra turns other errors of callbacks into warnings
            if any(text.lstrip("+").startswith("run_dir=") for text in config.hydra.overrides.task):
                key = "search.folder" if config.search else "hydra.sweep.dir"
                raise GenreError(f"run_dir= is the folder of a single run: with -m, use {key}=... for all runs")
            refuse_several_devices(config)
        self._watch(config.hydra.sweep.dir)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Remove the folder of a job if it is empty, and the levels that `hydra.sweep.subdir` adds."""
        folder, sweep = Path(config.hydra.runtime.output_dir), Path(config.hydra.sweep.dir).absolute()
        if sweep in folder.parents:
            remove_empty([folder, *folder.parents[: folder.parents.index(sweep)]])

    def _watch(self, folder: str) -> None:
        self.created = missing_folders(Path(folder))
        atexit.register(remove_empty, self.created)


def multirun_job(config: DictConfig, job: Any, jobs: Jobs) -> AbstractContextManager[None]:
    """Choose how the errors of a job are reported.

    A single run exits with one line. The jobs of a multirun are listed at its end, trials in the search's report.

    Args:
        config: Configuration of the job.
        job: Hydra's own configuration.
        jobs: Record of the jobs of a multirun.

    Returns:
        The context to run the job in.
    """
    jobs.how_to_resume = partial(_how_to_resume, config, job)
    if job.mode == RunMode.RUN:
        return exit_with_one_line(jobs)
    return jobs.job(varied(list(job.overrides.task))) if config.search is None else nullcontext()


def _how_to_resume(config: DictConfig, job: Any) -> str:
    if job.mode == RunMode.MULTIRUN and config.search is None:
        return f"rerun the same command with {shlex.quote(f'hydra.sweep.dir={job.sweep.dir}')} finished=skip"
    folder = Path(job.runtime.output_dir)
    is_run = config.search is None and run_folder.is_started(folder)
    return "rerun the same command" + (f" with {shlex.quote(f'run_dir={folder}')}" if is_run else "")


def check_launch(config: DictConfig, job: Any) -> None:
    """Refuse a job that was launched in the wrong way.

    Args:
        config: Configuration of the job.
        job: Hydra's own configuration.

    Raises:
        GenreError: The experiment is a multirun and was started as a single run, or a multirun uses several devices.
    """
    if job.mode == RunMode.MULTIRUN:  # again after `on_multirun_start`, because `trainer` may be a swept key
        refuse_several_devices(config)
    elif job.sweeper.get("params") and config.search is None:
        raise GenreError(f"this experiment is a multirun: add -m ({train_command()} -m ...)")


def refuse_several_devices(config: DictConfig) -> None:
    """Refuse a multirun whose jobs use several devices: every process of a job would start the multirun again.

    Args:
        config: Configuration of the multirun, or of one of its jobs.

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
    """Number of devices that Lightning uses for `trainer.devices`."""
    if isinstance(devices, ListConfig):
        return len(devices)
    if "," in str(devices):  # indices; "1," is the one device of that index
        return len([index for index in str(devices).split(",") if index.strip()])
    if str(devices) not in ("auto", "-1"):
        return int(devices)
    if accelerator == "cpu":
        return 1
    import torch  # takes seconds to load

    return torch.cuda.device_count()
