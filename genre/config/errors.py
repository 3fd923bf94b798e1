"""Report errors of the user, Hydra, OmegaConf and the system as one line and an exit code."""

import dataclasses
import itertools
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from genre.config.diff import leaves
from genre.config.overrides import explained
from genre.config.targets import arguments, locate
from genre.errors import GenreError, evaluate_command, unknown_key

MAX_SUGGESTED = 3
KINDS = {"Integer": "a whole number", "Float": "a number"}
"""Types of OmegaConf in the user's words."""


class Jobs:
    """Record of the jobs of a multirun: Hydra runs all jobs, then raises the error of the first that failed.

    Attributes:
        started: Number of jobs.
        failed: Overrides and error of each that failed.
        folders: Folders of the jobs of an experiment, whose runs can be compared as they are.
        how_to_resume: Says how to complete what is interrupted.
    """

    def __init__(self) -> None:
        self.started = 0
        self.how_to_resume: Callable[[], str] = lambda: "rerun the same command"
        self.folders: set[str] = set()
        self.failed: list[str] = []

    @contextmanager
    def job(self, name: str) -> Iterator[None]:
        """Run one job.

        Args:
            name: Overrides that distinguish it from the other jobs.

        Yields:
            Nothing.
        """
        self.started += 1
        try:
            yield
        except Exception as error:
            self.failed.append(f"{name}: {one_line(error)}")
            raise

    def show_next(self) -> None:
        """Print how to compare the runs of an experiment."""
        for folder in sorted(self.folders):
            print(f"to compare these runs: {evaluate_command()} {shlex.quote(f'run_dir={folder}')}")

    def show(self) -> None:
        """Print how many jobs failed, and the reason for each."""
        print(f"error: {len(self.failed)} of {self.started} jobs failed", file=sys.stderr)
        for line in self.failed:
            print(f"  {line}", file=sys.stderr)


@contextmanager
def exit_with_one_line(jobs: Jobs | None = None) -> Iterator[None]:
    """Print one line and exit with status 1 on an error of the user. GENRE_DEBUG=1 shows the traceback.

    Args:
        jobs: Jobs of the command; those of a multirun that failed are listed.

    Yields:
        Nothing.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # otherwise Hydra itself prints and exits
    try:
        yield
    except (GenreError, HydraException, OmegaConfBaseException, OSError) as error:
        if jobs and jobs.failed:
            jobs.show()
        elif not _debugging():
            print(f"error: {one_line(error)}", file=sys.stderr)
        if _debugging():
            raise
        sys.exit(1)
    except ValueError as error:
        if _debugging() or "Config group override must be" not in str(error):
            raise
        nulls = [text for text in sys.argv[1:] if text.endswith("=null") and "." not in text]
        folders = " and ".join(f"conf/{text.removesuffix('=null')}" for text in nulls)
        print(f"error: {' '.join(nulls)} chooses no option: use one of {folders}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted" + (f": {jobs.how_to_resume()} to resume" if jobs else ""), file=sys.stderr)
        sys.exit(130)
    except Exception:
        if jobs and jobs.failed:
            jobs.show()
        raise


def one_line(error: Exception) -> str:
    """Shorten an error of Hydra, OmegaConf or the system to one line."""
    if isinstance(error, OSError) and not isinstance(error, HydraException):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    if isinstance(error, HydraException) and (line := explained(error)):
        return line
    cause = error.__cause__ if isinstance(error, HydraException) and error.__cause__ else error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()] or [type(cause).__name__]
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and cause.full_key:
        name = str(cause.full_key)
        text = unknown_key(name, _known(cause))
        return text if "?" in text else text + _elsewhere(name, cause)
    if isinstance(cause, OmegaConfBaseException) and cause.full_key:
        value = str(error).rpartition("=")[2] if isinstance(error, HydraException) else "..."
        return _wrong_type(str(cause.full_key), lines[0], value) or f"{cause.full_key}: {lines[0]}"
    options = next((i for i, line in enumerate(lines) if line.startswith("Available options")), None)
    if options is not None:
        names = list(itertools.takewhile(lambda line: ":" not in line, lines[options + 1 :]))
        group, _, choice = lines[0].rpartition("'")[0].rpartition("'")[2].rpartition("/")
        meant = "".join(f"did you mean {name}? " for name in get_close_matches(choice, names, n=1))
        return f"{group}={choice} is unknown: {meant}available are {', '.join(names)}"
    if found := re.search(r"Could not load '(\w+)/([^']*)'", lines[0]):  # of a group with several choices
        folders = re.findall(r"path=file://(.+)", str(cause))
        names = sorted({path.stem for folder in folders for path in Path(folder, found[1]).glob("*.yaml")})
        meant = "".join(f"did you mean {name}? " for name in get_close_matches(found[2], names, n=1))
        return f"{found[1]}={found[2]} is unknown: {meant}available are {', '.join(names)}"
    return lines[0]


def _wrong_type(key: str, line: str, value: str) -> str | None:
    """Say what a value must be that OmegaConf cannot convert; None if its message is about something else."""
    if "is not a ListConfig" in line:
        return f"{key} is a list: write {shlex.quote(f'{key}=[{value}]')}"
    if line.endswith("to Dict[str, Any]"):
        return f"{key} is a mapping: write {shlex.quote(f'{key}={{name: value}}')}"
    if found := re.fullmatch(r"Value '(.*)' of type '\w+' could not be converted to (\w+)", line):
        return f"{key}={found[1]} must be {KINDS[found[2]]}" if found[2] in KINDS else None
    return None


def _known(error: OmegaConfBaseException) -> list[str]:
    """Keys that exist beside an unknown one: those of the schema, or the arguments of `_target_`."""
    if dataclasses.is_dataclass(error.object_type):
        return [entry.name for entry in dataclasses.fields(error.object_type)]
    if not isinstance(error.parent_node, DictConfig):
        return []
    known = [str(key) for key in error.parent_node]
    if "_target_" in error.parent_node:  # composed by the user, so it may be imported
        with suppress(ImportError, AttributeError, ValueError):
            known += arguments(locate(str(error.parent_node["_target_"]))) or []
    return known


def _elsewhere(path: str, error: OmegaConfBaseException) -> str:
    """Suggest keys of the same name, or with this name as their last words, in other sections; empty if none."""
    root = error.parent_node._get_root() if error.parent_node is not None else None
    if not isinstance(root, DictConfig):
        return ""
    name = path.rpartition(".")[2]
    keys = [key for key, _ in leaves(OmegaConf.to_container(root)) if not key.startswith("hydra.")]
    last = {key: key.rpartition(".")[2] for key in keys}
    meant = {name, *get_close_matches(name, last.values(), n=1, cutoff=0.8)}
    same = [key for key in keys if last[key] in meant]
    longer = [key for key in keys if key.endswith(f"_{name}")]
    found = " or ".join([*same, *longer][:MAX_SUGGESTED])
    return f": did you mean {found}?" if found else ""


def _debugging() -> bool:
    return os.environ.get("GENRE_DEBUG", "0") != "0"
