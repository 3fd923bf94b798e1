"""The record of a run: command, version, hardware, time and memory, installed packages and data."""

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from genre import run_folder
from genre.errors import train_command
from genre.files import atomic_write, write_json

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

DATA_COLUMNS = ["track_id", "audio_digest", "genre", "split"]
"""Columns that identify the data of a run: its tracks, the decoded audio, the labels and the split."""


@contextmanager
def recorded(
    folder: Path, overrides: list[str], tracks: pd.DataFrame, strategy: str | None, device: str
) -> Iterator[None]:
    """Record in a run folder how it is made: `run.json` and `environment.txt`.

    A run that is resumed has one session for each process that worked on it; a process that was killed leaves a
    session without seconds and memory.

    Args:
        folder: The run folder.
        overrides: Overrides given on the command line.
        tracks: Track table of the run.
        strategy: How they were split; None to keep what is recorded.
        device: Device that trains.
    """
    session: dict[str, Any] = {
        "command": command(overrides),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("genre"),
        "git_commit": git_commit(),
        "hardware": hardware(device),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    before = read_record(folder)
    record = {
        "data_id": data_id(tracks),
        "split": strategy or before.get("split"),
        "sessions": [*before.get("sessions", []), session],
    }
    write_json(folder / run_folder.RECORD, record)
    with atomic_write(folder / run_folder.ENVIRONMENT) as temporary:
        temporary.write_text("\n".join(installed_packages()) + "\n")
    started = time.perf_counter()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        yield
    finally:
        session |= {"seconds": round(time.perf_counter() - started, 1), **_peak_memory(device)}
        write_json(folder / run_folder.RECORD, record)


def read_record(folder: Path) -> dict[str, Any]:
    """Read `run.json`; empty for a run of an earlier version, which has none."""
    try:
        found = json.loads((folder / run_folder.RECORD).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def command(overrides: list[str]) -> str:
    """Command that trains one run."""
    return " ".join([train_command(), shlex.join(overrides)]).strip()


def data_facts(folder: Path, data: Mapping[str, Any], seed: int) -> dict[str, str]:
    """State the data of a run.

    Args:
        folder: The run folder.
        data: Section `data` of its configuration.
        seed: Seed of the run.

    Returns:
        The data set with an id, its split, and the numbers of tracks and artists, in words.
    """
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    identity = f", id {data_id(tracks)}" if "audio_digest" in tracks else ""  # which early versions did not store
    strategy = read_record(folder).get("split") or data["splits"]
    fold = "" if data.get("fold") is None else f", fold {data['fold']} of {data['folds']}"
    split_seed = data.get("split_seed")
    part = "" if data.get("train_fraction", 1) == 1 else f", {data['train_fraction']:g} of the training tracks"
    sizes = []
    for split, word in run_folder.SPLIT_WORDS.items():
        rows = tracks[tracks["split"] == split]
        artists = rows["artist"].nunique()
        sizes.append(f"{len(rows)} {word}" + f" ({artists} artist{'s' * (artists != 1)})" * (artists > 0))
    return {
        "data set": f"{data['name']}, {len(tracks)} tracks{identity}",
        "split": f"{strategy}{fold}{part}, seed {seed if split_seed is None else split_seed}",
        "tracks": ", ".join(sizes),
    }


def data_id(tracks: pd.DataFrame) -> str:
    """Hash of the tracks of a run: their ids, audio, genres and splits."""
    text = tracks[DATA_COLUMNS].sort_values(DATA_COLUMNS).to_csv(index=False, header=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def git_commit() -> str | None:
    """Commit of the code, ending in `-dirty` if files were changed; None if it is not in a repository of its own."""
    git = ["git", "-C", str(Path(__file__).parent)]
    with suppress(OSError, subprocess.SubprocessError):
        options: dict[str, Any] = {"capture_output": True, "text": True, "check": True, "timeout": 10}
        subprocess.run([*git, "ls-files", "--error-unmatch", Path(__file__).name], **options)
        return str(subprocess.run([*git, "describe", "--always", "--dirty", "--abbrev=40"], **options).stdout).strip()
    return None


def hardware(device: str) -> str:
    """Name the processor with its number of cores, the memory, and the accelerator that trains."""
    cpu = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    text = f"{cpu}, {os.cpu_count()} cores"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        text += f", {os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"
    return f"{text}; {torch.cuda.get_device_name()}" if device == "cuda" else text


def installed_packages() -> list[str]:
    """Installed packages with their versions, as pip freeze lists them."""
    found = {f"{package.metadata['Name']}=={package.version}" for package in distributions()}
    return sorted(found, key=str.casefold)


def _peak_memory(device: str) -> dict[str, int]:
    """Peak memory in MiB of this process since it started, and of the accelerator."""
    memory = {}
    if resource is not None:
        unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes on macOS, kilobytes elsewhere
        memory["peak_memory_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
    if device == "cuda":
        memory["peak_gpu_memory_mib"] = round(torch.cuda.max_memory_allocated() / 2**20)
    return memory
