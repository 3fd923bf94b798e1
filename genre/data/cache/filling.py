"""Fill a cache: plan the shards, and have an executor extract them."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np

from genre import files
from genre.data.cache.executors import cores
from genre.data.cache.extraction import FeatureSpec, Shard, extract_shard
from genre.data.cache.shards import DamageError, shard_number
from genre.errors import GenreError
from genre.progress import progress_bar

MOST_CLIPS, FEWEST_CLIPS = 64, 16
"""Clips per shard. 64 of the study's clips are 20 MB, and seconds of work if they are lost."""
PIECES = 16
"""Shards of a medium-sized collection, so that the progress bar moves."""

log = logging.getLogger(__name__)


def plan(folder: Path, root: Path, todo: list[str], spec: FeatureSpec) -> list[Shard]:
    """Divide the work into shards of about the same size, and write down which.

    Args:
        folder: The cache's folder.
        root: What the paths are relative to.
        todo: Files to extract.
        spec: How.

    Returns:
        The shards. The first files of a small collection are divided among all cores.
    """
    path = folder / "plan.json"
    used = {shard_number(file) for file in folder.glob("shard-*.parquet")}
    # A number is never given twice, not even that of a shard which a killed run's worker may yet finish
    first = max(used | _planned(path), default=-1) + 1
    count = max(-(-len(todo) // MOST_CLIPS), min(PIECES, len(todo) // FEWEST_CLIPS), 1)
    if not used:
        count = max(count, min(cores(), len(todo)))
    parts = [list(part) for part in np.array_split(np.array(todo, dtype=object), count)]
    shards = [Shard(first + i, part, root, folder, spec) for i, part in enumerate(parts)]
    with files.atomic_write(path) as temporary:
        temporary.write_text(json.dumps({shard.number: shard.paths for shard in shards}, indent=1))
    return shards


def _planned(path: Path) -> set[int]:
    """Numbers of the shards of the last plan."""
    try:
        return {int(number) for number in json.loads(path.read_bytes())}
    except FileNotFoundError:
        return set()
    except (ValueError, TypeError) as error:
        warn([DamageError(path, str(error))])
        return set()


def warn(damage: list[DamageError]) -> None:
    """Name what is damaged, in one line each."""
    for error in damage:
        log.warning("%s is damaged (%s): what it held is made again", error.path, error.what)


def extract(shards: list[Shard], make_executor: Callable[[], Executor]) -> None:
    """Extract shards.

    Args:
        shards: The plan.
        make_executor: Makes what does the work.

    Raises:
        GenreError: A worker died, the disk is full, or the system could not read a file.
    """
    total = sum(len(shard.paths) for shard in shards)
    with make_executor() as executor, progress_bar("extracting", "clips") as progress:
        task = progress.add_task("", total=total)
        futures = [executor.submit(extract_shard, shard) for shard in shards]
        try:
            for future in as_completed(futures):
                progress.advance(task, future.result())
        except BrokenProcessPool as error:
            text = "an extraction process died, likely for want of memory: try executor.workers=1"
            raise GenreError(text) from error
        finally:
            executor.shutdown(cancel_futures=True)
        seconds = progress.tasks[0].elapsed or 1
    log.info("extracted %d clips in %.1f s (%.1f clips/s)", total, seconds, total / seconds)
