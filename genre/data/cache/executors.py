"""Executors that extract the shards of a cache."""

import os
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

from genre.audio.decoding import suppress_decoder_output


def cores() -> int:
    """Cores that this process may use; where the system does not tell, all there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local_executor(workers: int | None = None) -> Executor:
    """Processes on this machine.

    Args:
        workers: How many; null for one a core that this process may use.

    Returns:
        An executor whose processes start at its first task; torch is imported once for all of them.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["genre.data.cache.extraction"])
    return ProcessPoolExecutor(workers or cores(), mp_context=context, initializer=suppress_decoder_output)
