"""Files of a shard: written atomically, checked when read."""

from pathlib import Path

import numpy as np
import pytest

from genre.data.cache import shards
from genre.data.cache.shards import shard_path
from genre.errors import GenreError


def test_names_sort_as_numbers_do():
    names = [shard_path(Path("x"), number, ".npy").name for number in (0, 9, 10, 99999)]
    assert names == sorted(names) == ["shard-00000.npy", "shard-00009.npy", "shard-00010.npy", "shard-99999.npy"]


def test_every_byte_of_a_table(filled):
    """No flipped byte gives another table without being noticed."""
    path = filled.folder / "shard-00003.parquet"
    whole, content = shards.read_shard_table(path), path.read_bytes()
    footer = int.from_bytes(content[-8:-4], "little")
    places = [*range(0, len(content) - footer, 40), *range(len(content) - footer - 8, len(content), 11)]
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 7]) + content[place + 1 :])
        try:
            table = shards.read_shard_table(path)
        except shards.DamageError:
            continue
        assert table.equals(whole), place


def test_an_array_that_does_not_read_back_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_crc32", lambda path: 7)
    with pytest.raises(GenreError, match=r"does not read back as written"):
        shards.write_array(tmp_path / "shard-00000.npy", np.zeros((1, 63, 16), np.float16))
    assert not list(tmp_path.iterdir())
