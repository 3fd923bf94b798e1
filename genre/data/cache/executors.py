"""Executors that extract the shards of a cache."""

from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

from joblib import cpu_count

from genre.audio.decoding import suppress_decoder_output


def local_executor(workers: int | None = None) -> Executor:
    """Run processes on this machine.

    Args:
        workers: Number of processes; None for one per available core.

    Returns:
        An executor that starts its processes with the first task and imports torch once for all of them.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["genre.data.cache.extraction"])
    return ProcessPoolExecutor(workers or cpu_count(), mp_context=context, initializer=suppress_decoder_output)
