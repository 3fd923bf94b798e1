"""GTZAN in its known layouts, and the fault-filtered split."""

from pathlib import Path

import pytest

from genre.data.sources.gtzan import Gtzan
from genre.data.splits import assign_splits
from genre.errors import GenreError
from tests.conftest import sound, write_sound


def tree(root: Path, folder: str = "genres", suffix: str = ".au") -> Path:
    for number in range(3):
        for genre in ("blues", "jazz"):
            write_sound(root / folder / genre / f"{genre}.{number:05d}{suffix}", sound(number, 0.1))
    (root / folder / "blues" / "readme.txt").write_text("not a track")
    return root


@pytest.mark.parametrize(("folder", "suffix"), [("genres", ".au"), ("genres_original", ".wav"), (".", ".wav")])
def test_the_layouts_in_circulation(tmp_path: Path, folder: str, suffix: str) -> None:
    table = Gtzan(str(tree(tmp_path, folder, suffix))).tracks()
    assert table["track_id"].tolist() == [f"{genre}.0000{n}" for genre in ("blues", "jazz") for n in range(3)]
    assert table["genre"].tolist() == ["blues"] * 3 + ["jazz"] * 3
    assert table["artist"].isna().all()
    assert all((tmp_path / path).is_file() for path in table["path"])


def test_the_fault_filtered_split_has_its_sizes_and_lists_missing_files(tmp_path: Path) -> None:
    table = Gtzan(str(tree(tmp_path)), "fault_filtered").tracks()
    assert table["split"].value_counts().to_dict() == {"train": 443, "test": 290, "val": 197}
    assert table["genre"].nunique() == 10
    there = table["path"].map(lambda path: (tmp_path / path).is_file())
    assert table["track_id"][there].tolist() == [f"{genre}.0000{n}" for genre in ("blues", "jazz") for n in range(3)]
    assert table["path"][~there].str.fullmatch(r"genres/(\w+)/\1\.\d{5}\.au").all()
    assert assign_splits(table, "fault_filtered").equals(table["split"].rename("split"))


def test_a_folder_without_gtzan(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"contains no genres/blues/blues\.00000\.au"):
        Gtzan(str(tmp_path)).tracks()
