import codecs
from pathlib import Path

import pandas as pd
import pytest

from genre.data.sources.fma import Fma
from genre.data.tracks import COLUMNS
from genre.errors import GenreError
from tests.conftest import FMA_COLUMNS, write_fma

TRICKY = "He said \"no, never\",\nthen\r\nleft; 'so', he did"
ROWS = {  # sorted neither by number nor as text
    123456: {
        "set.split": "test",
        "set.subset": "large",
        "track.genre_top": "Old-Time / Historic",
        "track.title": "None",
        "artist.id": "8",
        "artist.name": "AWOL",
        "album.id": "9",
    },
    10: {
        "album.information": '<p>\n\n,,,""\n</p>',
        "artist.bio": "a, b\n123456,\n",
        "set.split": "validation",
        "set.subset": "medium",
        "track.genre_top": "Rock",
        "track.title": TRICKY,
        "track.license": "Attribution 3.0",
        "artist.id": "7",
        "artist.name": "Björk, Ltd. 久石譲",
        "album.id": "3",
        "album.title": 'The "Best", of',
    },
    5: {"set.split": "training", "track.tags": "['a', 'b']"},
    2: {
        "set.split": "training",
        "set.subset": "small",
        "track.genre_top": "Hip-Hop",
        "track.title": "Food",
        "artist.id": "1",
        "artist.name": "AWOL",
        "album.id": "1",
        "album.title": "AWOL - A Way Of Life",
    },
}
WANTED = ["set.split", "set.subset", "track.genre_top", "track.title"]
WANTED += ["artist.id", "artist.name", "album.id", "album.title"]


@pytest.fixture
def root(tmp_path) -> str:
    write_fma(tmp_path, ROWS)
    return str(tmp_path)


def message(root: Path | str, subset: str = "large") -> str:
    with pytest.raises(GenreError) as caught:
        Fma(str(root), subset).tracks()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_fma_has_sixteen_genres():
    assert len(set(Fma.known_genres)) == 16
    assert list(Fma.known_genres) == sorted(Fma.known_genres)
    assert {"Country", "Soul-RnB", "Blues", "Easy Listening"} < set(Fma.known_genres)


def test_the_header_is_that_of_fma():
    assert len(FMA_COLUMNS) == 52
    assert set(WANTED) < set(FMA_COLUMNS)


def test_the_whole_table(root):
    table = Fma(root, "full").tracks()
    assert list(table.columns) == COLUMNS
    assert list(table.index) == [0, 1, 2, 3]
    known = table.astype(object).where(table.notna(), None)
    assert known.to_numpy().tolist() == [
        ["2", "fma_full/000/000002.mp3", "Hip-Hop", "AWOL [1]", "AWOL - A Way Of Life [1]", "Food", "train", None],
        ["5", "fma_full/000/000005.mp3", None, None, None, None, "train", None],
        [
            "10",
            "fma_full/000/000010.mp3",
            "Rock",
            "Björk, Ltd. 久石譲 [7]",
            'The "Best", of [3]',
            TRICKY,
            "val",
            "Attribution 3.0",
        ],
        ["123456", "fma_full/123/123456.mp3", "Old-Time / Historic", "AWOL [8]", "? [9]", "None", "test", None],
    ]


@pytest.mark.parametrize(
    ("subset", "numbers"),
    [("small", ["2"]), ("medium", ["2", "10"]), ("large", ["2", "10", "123456"]), ("full", ["2", "5", "10", "123456"])],
)
def test_a_subset_contains_the_smaller_ones(root, subset, numbers):
    table = Fma(root, subset).tracks()
    assert table["track_id"].tolist() == numbers
    assert all(table["path"].str.startswith(f"fma_{subset}/"))
    assert table["path"].iloc[0] == f"fma_{subset}/000/000002.mp3"


def test_large_is_the_default(root):
    pd.testing.assert_frame_equal(Fma(root).tracks(), Fma(root, "large").tracks())


def test_an_unknown_split_is_missing(tmp_path):
    write_fma(tmp_path, {1: {"set.split": "training"}, 2: {"set.split": "holdout"}, 3: {}})
    assert Fma(str(tmp_path), "full").tracks()["split"].isna().tolist() == [False, True, True]


def test_columns_are_found_by_name(tmp_path):
    write_fma(tmp_path / "a", ROWS)
    write_fma(tmp_path / "b", ROWS, columns=FMA_COLUMNS[::-1])
    pd.testing.assert_frame_equal(Fma(str(tmp_path / "a")).tracks(), Fma(str(tmp_path / "b")).tracks())


def test_windows_line_ends_and_byte_order_mark(root):
    expected = Fma(root, "small").tracks()
    path = Path(root) / "fma_metadata" / "tracks.csv"
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    pd.testing.assert_frame_equal(Fma(root, "small").tracks(), expected)


def test_rows_may_exceed_the_blocks_of_the_parser(tmp_path):
    long = 'line, with "quotes"\n' * 2000  # 40 kB per row, 20 MB in total: more than one block
    rows = {number: {"artist.bio": long, "set.subset": "small", "track.title": str(number)} for number in range(500)}
    write_fma(tmp_path, rows)
    table = Fma(str(tmp_path), "small").tracks()
    assert table["track_id"].tolist() == table["title"].tolist() == [str(number) for number in range(500)]


@pytest.mark.parametrize("name", WANTED)
def test_a_missing_column_is_named(tmp_path, name):
    path = write_fma(tmp_path, ROWS, columns=[column for column in FMA_COLUMNS if column != name])
    assert message(tmp_path) == f"{path} lacks the columns {name}: use the original fma_metadata/tracks.csv"


def test_all_missing_columns_are_named(tmp_path):
    write_fma(tmp_path, ROWS, columns=FMA_COLUMNS[:-1])
    assert "lacks the columns track.title:" in message(tmp_path)
    write_fma(tmp_path, ROWS, columns=["track.title"])
    assert f"lacks the columns {', '.join(n for n in WANTED if n != 'track.title')}:" in message(tmp_path)


def test_a_missing_third_line_is_named(tmp_path):
    path = write_fma(tmp_path, ROWS)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join(lines[:2] + lines[3:]))
    expected = f"{path} lacks the third header line `track_id`: use the original fma_metadata/tracks.csv"
    assert message(tmp_path) == expected


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_truncated_header(tmp_path, lines):
    path = write_fma(tmp_path, {})
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:lines]))
    assert message(tmp_path).startswith(f"{path} lacks the {'third header line' if lines == 2 else 'columns'}")


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "fma_metadata" / "tracks.csv"
    expected = f"{path} does not exist: set data.root to the folder that contains fma_metadata/"
    assert message(tmp_path) == expected
    path.mkdir(parents=True)
    assert message(tmp_path) == expected


def test_a_file_truncated_within_a_row(root):
    path = Path(root) / "fma_metadata" / "tracks.csv"
    path.write_bytes(path.read_bytes()[:-60])
    found = message(root)
    assert found.startswith(f"{path} cannot be read (")
    assert found.endswith("): download it again")


def test_the_error_for_an_unknown_subset_names_the_known_ones(root):
    assert message(root, "huge") == "data.subset=huge is unknown: use one of small, medium, large, full"


@pytest.mark.parametrize(
    ("folders", "subset", "expected"),
    [
        (["fma_large"], "small", "fma_large"),  # the larger archives contain the files of the smaller ones
        (["fma_full", "fma_large"], "small", "fma_large"),
        (["fma_small", "fma_large"], "small", "fma_small"),
        ([], "small", "fma_small"),
    ],
)
def test_a_subset_is_found_in_a_larger_archive(tmp_path, folders, subset, expected):
    write_fma(tmp_path, {7: {"set.subset": "small", "track.genre_top": "Rock"}})
    for folder in folders:
        (tmp_path / folder).mkdir()
    assert Fma(str(tmp_path), subset).tracks()["path"].tolist() == [f"{expected}/000/000007.mp3"]


def test_a_subset_without_tracks(tmp_path):
    write_fma(tmp_path, {7: {"set.subset": "large"}})
    assert "small" in message(tmp_path, "small")


@pytest.mark.parametrize("number", ["2.5", "inf", "nan", "1e3", "-1", "two", "", "12345678901234567890"])
def test_a_track_id_that_is_not_a_number(tmp_path, number):
    path = write_fma(tmp_path, {1: {"set.subset": "small"}, number: {"set.subset": "small"}})
    text = f"{path} has a non-numeric track id ({number or 'nan'}): download it again"
    assert message(tmp_path, "small") == text


@pytest.mark.parametrize("second", ["2", "02"])
def test_a_repeated_track_id(tmp_path, second):
    path = write_fma(tmp_path, {1: {}, 2: {}})
    path.write_text(path.read_text() + second + "," * 52 + "\n")
    assert message(tmp_path, "full") == f"{path} has the track id 2 more than once: download it again"


def test_a_header_with_a_huge_field(root):
    path = Path(root) / "fma_metadata" / "tracks.csv"
    path.write_text("x" * 200_000 + path.read_text())
    assert message(root) == f"{path} cannot be read (field larger than field limit (131072)): download it again"


@pytest.mark.parametrize(("unpacked", "subset"), [("small", "large"), ("small", "medium"), ("medium", "full")])
def test_the_error_for_a_missing_archive_suggests_an_unpacked_subset(root, unpacked, subset):
    (Path(root) / f"fma_{unpacked}").mkdir()
    assert message(root, subset) == (
        f"{root} contains fma_{unpacked}/ but not fma_{subset}/: use data.subset={unpacked}, or unpack "
        f"fma_{subset}.zip there"
    )
    assert len(Fma(root, unpacked).tracks()) > 0


def test_a_file_that_is_not_text(root):
    path = Path(root) / "fma_metadata" / "tracks.csv"
    path.write_bytes(bytes(range(256)) * 40)
    assert message(root).startswith(str(path))


@pytest.mark.slow
def test_the_head_of_the_real_file(tmp_path):
    root = Path(__file__).parents[3].parent / "shared" / "data" / "fma_head"
    if not root.is_dir():
        pytest.skip(f"{root} does not exist: it contains the first rows of FMA's real tracks.csv")
    (tmp_path / "fma_metadata").symlink_to(root / "fma_metadata")
    table = Fma(str(tmp_path), "full").tracks()
    assert len(table) == 682
    assert table["genre"].notna().sum() == 631
    assert table["track_id"].astype(int).is_monotonic_increasing
    assert (first := table.iloc[0])["path"] == "fma_full/000/000002.mp3"
    assert first[["genre", "artist", "title", "split"]].tolist() == ["Hip-Hop", "AWOL [1]", "Food", "train"]
    assert (root / Fma(str(root)).tracks()["path"].iloc[0]).is_file()
    # An independent reader of the same file
    peer = pd.read_csv(root / "fma_metadata" / "tracks.csv", index_col=0, header=[0, 1], dtype=str)
    assert table["title"].fillna("").tolist() == peer[("track", "title")].fillna("").tolist()
    assert table["genre"].fillna("").tolist() == peer[("track", "genre_top")].fillna("").tolist()
