"""Damage is reported in one line and repaired, and nothing else is extracted again."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre.data.cache import index as index_module
from genre.data.cache.feature_cache import FeatureCache
from genre.errors import GenreError
from tests.conftest import sound, write_sound
from tests.data.cache.conftest import NAMES, RATE, SPEC, assert_holds, contents, read

ARRAY, TABLE, INDEX = "shard-00003.npy", "shard-00003.parquet", "index.parquet"


def flip(place: int) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)

    return apply


def keep(share: float, less: int = 0) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size) - less])


def fill(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content)


def other_index(path: Path) -> None:
    """That of another cache of the same files."""
    path.write_bytes((path.parents[1] / "other" / path.name).read_bytes())


def other_array(path: Path) -> None:
    shutil.copy(path.with_name("shard-00004.npy"), path)


def other_shape(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros((2, 62, 16), np.float16))


def without(apply: Callable[[Path], None]) -> Callable[[Path], None]:
    """The index is lost too."""

    def both(path: Path) -> None:
        apply(path)
        (path.parent / INDEX).unlink()

    return both


RANDOM = np.random.default_rng(0).bytes(2000)
DAMAGE = {  # file, damage, how many of the files are extracted again
    "magic": (ARRAY, flip(1), 2),
    "shape in the header": (ARRAY, flip(0x40), 2),
    "length of the header": (ARRAY, flip(8), 2),
    "first number": (ARRAY, flip(128), 2),
    "last number": (ARRAY, flip(-1), 2),
    "array cut to half": (ARRAY, keep(0.5), 2),
    "array cut by a byte": (ARRAY, keep(1, 1), 2),
    "array cut to its header": (ARRAY, keep(0, -128), 2),
    "empty array": (ARRAY, keep(0), 2),
    "lost array": (ARRAY, Path.unlink, 2),
    "array of another shard": (ARRAY, other_array, 2),
    "array of another shape": (ARRAY, other_shape, 2),
    "random array": (ARRAY, fill(RANDOM), 2),
    "random index": (INDEX, fill(RANDOM), 0),
    "empty index": (INDEX, fill(b""), 0),
    "cut index": (INDEX, keep(0.5), 0),
    "index cut by a byte": (INDEX, keep(1, 1), 0),
    "index with other bytes": (INDEX, flip(100), 0),
    "index of another cache": (INDEX, other_index, 0),
    "lost table": (TABLE, Path.unlink, 2),
    "cut table": (TABLE, keep(0.5), 2),
    "empty table": (TABLE, fill(b""), 2),
    "cut table, lost index": (TABLE, without(keep(0.5)), 2),
    "flipped table, lost index": (TABLE, without(flip(100)), 2),
    "random table, lost index": (TABLE, without(fill(RANDOM)), 2),
    "lost table, lost index": (TABLE, without(Path.unlink), 2),
    "recipe": ("recipe.json", fill(b'{"kind": '), 0),
    "binary recipe": ("recipe.json", fill(RANDOM), 0),
}


@pytest.fixture
def spoiled(filled, make) -> FeatureCache:
    """Filled, beside the cache of another collection, whose files have paths of the same length."""
    shutil.copytree(filled.folder, filled.folder.with_name("other"))
    index = index_module.Index(filled.folder, SPEC)
    index.folder = filled.folder.with_name("other")
    index.save()
    return make()


@pytest.mark.parametrize(("name", "damage", "again"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_reported_and_repaired(root, spoiled, make, executors, caplog, name, damage, again):
    damage(spoiled.folder / name)
    with caplog.at_level(logging.INFO, "genre"):
        index = make().update(root, NAMES, executors)
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    if (damage is not Path.unlink and "lost table" not in name and not name.endswith(".parquet")) or name == INDEX:
        assert len(warnings) == 1
        assert warnings[0].startswith(f"{spoiled.folder / name} is damaged (")
    assert all("\n" not in warning for warning in warnings)
    assert len(executors.paths) == again
    assert_holds(spoiled, root, index)
    after = contents(spoiled.folder)
    caplog.clear()
    pd.testing.assert_frame_equal(make().update(root, NAMES, executors), index)
    assert not caplog.records
    assert len(executors.paths) == again
    assert contents(spoiled.folder) == after
    assert not list(spoiled.folder.glob("*.tmp"))


@pytest.mark.parametrize("damage", [fill(b"[1, 2"), fill(RANDOM), fill(b""), fill(b"7"), fill(b'["x"]')])
def test_a_damaged_plan_with_work_to_do(root, filled, make, executors, caplog, damage):
    damage(filled.folder / "plan.json")
    write_sound(root / "x.wav", sound(77, 1.0, RATE), RATE)
    cache = make()
    assert_holds(cache, root, cache.update(root, [*NAMES, "x.wav"], executors))
    assert executors.paths == ["x.wav"]
    assert [line.startswith(f"{cache.folder / 'plan.json'} is damaged (") for line in caplog.messages] == [True]


def test_lookup_leaves_out_what_is_damaged_and_writes_nothing(root, filled, make, caplog):
    flip(-1)(filled.folder / ARRAY)
    keep(0.5)(filled.folder / INDEX)
    before = contents(filled.folder)
    cache = make()
    assert list(cache.lookup(NAMES).index) == NAMES[:6] + NAMES[8:]
    assert {line.split(" is damaged")[0] for line in caplog.messages} == {
        str(filled.folder / ARRAY),
        str(filled.folder / INDEX),
    }
    assert contents(filled.folder) == before


def test_damaged_file_states_are_rebuilt(root, filled, make, executors, caplog):
    (states,) = filled.folder.glob("files-*.parquet")
    before = filled.lookup(NAMES)
    states.write_bytes(RANDOM)
    pd.testing.assert_frame_equal(make().update(root, NAMES, executors), before)
    assert executors.calls == 0
    assert [line.startswith(f"{states} is damaged (") for line in caplog.messages] == [True]


def test_damage_while_a_cache_is_in_use_is_one_line(filled):
    row = filled.lookup(NAMES).loc[NAMES[7]]
    keep(0.5)(filled.folder / ARRAY)
    with pytest.raises(GenreError, match=r"shard-00003\.npy changed while it was in use \(it ends too early\)"):
        read(filled, row)
    (filled.folder / ARRAY).unlink()
    with pytest.raises(GenreError, match=r"shard-00003\.npy changed while it was in use \(No such file or directory\)"):
        read(filled, row)
