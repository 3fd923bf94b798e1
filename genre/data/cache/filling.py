"""Fill a cache: plan its shards and extract them with an executor."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from joblib import cpu_count

from genre import files
from genre.data.cache.extraction import FeatureSpec, Shard, extract_shard
from genre.data.cache.shards import DamageError, shard_number
from genre.errors import GenreError
from genre.progress import progress_bar

MAX_CLIPS, MIN_CLIPS = 64, 16
"""Clips per shard. 64 clips of 30 s are 20 MB, and a few seconds of work if they are lost."""
N_SHARDS = 16
"""Number of shards of a medium-sized data set, so that the progress bar moves."""

log = logging.getLogger(__name__)


def plan_shards(folder: Path, root: Path, paths: list[str], spec: FeatureSpec) -> list[Shard]:
    """Divide files into shards of about equal size, and write the plan to `plan.json`.

    Args:
        folder: The cache's folder.
        root: The folder that the paths are relative to.
        paths: Files to extract.
        spec: How to extract them.

    Returns:
        The shards; in a new cache at least one per core.
    """
    plan = folder / "plan.json"
    used = {shard_number(path) for path in folder.glob("shard-*.parquet")}
    # Numbers are never reused: a worker that outlived a killed run may still write a planned shard
    first = max(used | _planned_numbers(plan), default=-1) + 1
    count = max(-(-len(paths) // MAX_CLIPS), min(N_SHARDS, len(paths) // MIN_CLIPS), 1)
    if not used:
        count = max(count, min(cpu_count(), len(paths)))
    chunks = np.array_split(np.array(paths, dtype=object), count)
    shards = [Shard(number, list(chunk), root, folder, spec) for number, chunk in enumerate(chunks, first)]
    with files.atomic_write(plan) as temporary:
        temporary.write_text(json.dumps({shard.number: shard.paths for shard in shards}, indent=1))
    return shards


def extract_shards(shards: list[Shard], make_executor: Callable[[], Executor]) -> None:
    """Extract shards with a new executor and show the progress.

    Raises:
        GenreError: A worker was killed, the disk is full, or the system could not read a file.
    """
    total = sum(len(shard.paths) for shard in shards)
    with make_executor() as executor, progress_bar("extracting", "clips") as progress:
        task = progress.add_task("", total=total)
        futures = [executor.submit(extract_shard, shard) for shard in shards]
        try:
            for future in as_completed(futures):
                progress.advance(task, future.result())
        except BrokenProcessPool as error:
            raise GenreError(
                "an extraction worker was killed, probably out of memory: try executor.workers=1"
            ) from error
        finally:
            executor.shutdown(cancel_futures=True)
        seconds = progress.tasks[0].elapsed or 1
    log.info("extracted %d clips in %.1f s (%.1f clips/s)", total, seconds, total / seconds)


def warn_of_damage(damage: list[DamageError]) -> None:
    """Log one line per damaged file."""
    for error in damage:
        log.warning("%s: it will be rebuilt", error)


def _planned_numbers(plan: Path) -> set[int]:
    """Shard numbers of the last plan."""
    try:
        return {int(number) for number in json.loads(plan.read_bytes())}
    except FileNotFoundError:
        return set()
    except (ValueError, TypeError) as error:
        warn_of_damage([DamageError(plan, str(error))])
        return set()
