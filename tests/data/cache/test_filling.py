"""The plan of the shards."""

import itertools
import json
import resource
from pathlib import Path

import pytest

from genre.data.cache import filling
from genre.data.cache.filling import plan_shards
from tests.conftest import Executors, Inline, sound, write_sound
from tests.data.cache.conftest import NAMES, RATE, SPEC, assert_holds


def test_a_small_data_set_is_divided_among_all_cores(root, filled):
    plan = json.loads((filled.folder / "plan.json").read_text())
    assert [len(paths) for paths in plan.values()] == [2] * 20
    assert list(itertools.chain(*plan.values())) == NAMES
    assert len(list(filled.folder.glob("shard-*.npy"))) == 20


def test_a_large_data_set_has_shards_of_a_limited_size(tmp_path, make):
    names = [f"{number}.wav" for number in range(1100)]
    for name in names:
        (tmp_path / name).touch()  # as quick as a file can be
    cache = make()
    index = cache.update(tmp_path, names, Executors())
    sizes = index.groupby("shard").size()
    assert sizes.tolist() == [55] * 20  # twenty cores, and never more than 64


def test_the_plan_is_written_before_the_extraction(root, make):
    cache = make()

    def look(shards: list[str]) -> Inline:
        plan = json.loads((cache.folder / "plan.json").read_text())
        assert list(itertools.chain(*plan.values())) == NAMES
        return Inline(shards)

    cache.update(root, NAMES, lambda: look([]))


@pytest.mark.parametrize(
    ("files", "cores", "sizes"),
    [
        (1, 8, [1]),
        (7, 8, [1] * 7),
        (40, 8, [5] * 8),
        (40, 2, [20, 20]),
        (280, 2, [18] * 8 + [17] * 8),
        (1024, 2, [64] * 16),
        (1025, 2, [61] * 5 + [60] * 12),
        (1024, 32, [32] * 32),
    ],
)
def test_every_worker_gets_part_of_a_new_data_set(tmp_path, monkeypatch, files, cores, sizes):
    monkeypatch.setattr(filling, "cpu_count", lambda: cores)
    shards = plan_shards(tmp_path, tmp_path, [f"{number}.wav" for number in range(files)], SPEC)
    assert [len(shard.paths) for shard in shards] == sizes


def test_a_growing_data_set_does_not_get_one_shard_per_file(root, filled, executors, monkeypatch):
    names = [f"new/{number}.wav" for number in range(30)]
    for number, name in enumerate(names):
        write_sound(root / name, sound(number, 1.0, RATE), RATE)
    index = filled.update(root, names, executors)
    assert index["shard"].nunique() == 1


def test_many_shards_are_read_with_few_open_files(root, filled, make, executors):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 10, hard))  # of twenty shards
    try:
        cache = make()
        assert_holds(cache, root, cache.update(root, NAMES, executors))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert executors.calls == 0
