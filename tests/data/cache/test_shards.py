"""The plan of shards."""

import itertools
import json

from genre.data.cache import SHARD_CLIPS
from tests.conftest import Executors, Inline
from tests.data.cache.conftest import NAMES


def test_a_small_collection_gives_work_to_many(root, filled):
    plan = json.loads((filled.folder / "plan.json").read_text())
    assert [len(paths) for paths in plan.values()] == [2] * 20
    assert list(itertools.chain(*plan.values())) == NAMES
    assert len(list(filled.folder.glob("shard-*.npy"))) == 20


def test_a_large_collection_has_shards_of_a_bounded_size(tmp_path, make):
    names = [f"{number}.wav" for number in range(1100)]
    for name in names:
        (tmp_path / name).touch()  # as quick as a file can be
    cache = make()
    index = cache.update(tmp_path, names, Executors())
    sizes = index.groupby("shard").size()
    assert sizes.max() == SHARD_CLIPS
    assert sizes.tolist() == [64] * 17 + [12]


def test_the_plan_is_there_before_the_work(root, make):
    cache = make()

    def look(shards: list[str]) -> Inline:
        plan = json.loads((cache.folder / "plan.json").read_text())
        assert list(itertools.chain(*plan.values())) == NAMES
        return Inline(shards)

    cache.update(root, NAMES, lambda: look([]))
