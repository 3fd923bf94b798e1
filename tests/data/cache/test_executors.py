"""Extraction by processes on this machine."""

import os
from dataclasses import replace

import pandas as pd
import torch

from genre.data.cache.executors import local_executor
from genre.data.cache.extraction import extract_shard
from genre.data.cache.shards import shard_path
from tests.data.cache.conftest import array_path


def test_worker_processes_give_the_same_result_without_output(shard):
    extract_shard(shard)
    here = array_path(shard).read_bytes()
    with local_executor(2) as executor:
        assert executor.submit(extract_shard, replace(shard, number=8)).result() == 5
        assert executor.submit(torch.get_num_threads).result() == 1
        assert executor.submit(os.getpid).result() != os.getpid()
        assert executor.submit(os.readlink, "/proc/self/fd/2").result() == "/dev/null"
    assert shard_path(shard.folder, 8, ".npy").read_bytes() == here
    table = pd.read_parquet(shard_path(shard.folder, 8, ".parquet"))
    pd.testing.assert_frame_equal(
        table.drop(columns="shard"), pd.read_parquet(shard_path(shard.folder, 7, ".parquet")).drop(columns="shard")
    )


def test_one_worker_per_available_core(monkeypatch):
    made = []
    monkeypatch.setattr("genre.data.cache.executors.ProcessPoolExecutor", lambda workers, **_: made.append(workers))
    monkeypatch.setattr("genre.data.cache.executors.cpu_count", lambda: 3)
    local_executor()
    local_executor(2)
    assert made == [3, 2]
