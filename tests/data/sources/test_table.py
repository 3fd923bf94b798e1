"""Tracks listed in a table."""

import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from genre.data.sources.table import Table, read_splits
from genre.errors import GenreError

ROWS = pd.DataFrame(
    {
        "path": ["b/2.mp3", "a/1.mp3", "c.wav"],
        "genre": ["rock", "jazz", None],
        "artist": ["Band", None, "Duo"],
        "split": ["train", "test", "validation"],
        "year": [1999, 2001, 2003],
    }
)
WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": lambda table, path: table.to_csv(path, index=False),
    ".tsv": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    ".parquet": lambda table, path: table.to_parquet(path),
    ".jsonl": lambda table, path: table.to_json(path, orient="records", lines=True),
}


def source(folder: Path, table: pd.DataFrame = ROWS, suffix: str = ".csv", **columns: str) -> Table:
    path = folder / f"tracks{suffix}"
    WRITERS[suffix](table, path)
    return Table(str(folder), str(path), columns)


def test_splits_are_read_in_any_case(tmp_path: Path) -> None:
    tracks = source(tmp_path, ROWS.assign(split=["Train", "TEST", "Valid"])).tracks()
    assert tracks["split"].tolist() == ["test", "train", "val"]


def test_a_csv_with_semicolons_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("path;genre;title\na.mp3;Rock;One, two\n", encoding="utf-8-sig")
    assert Table(str(tmp_path), str(path)).tracks()[["path", "genre", "title"]].values.tolist() == [
        ["a.mp3", "Rock", "One, two"]
    ]


def test_columns_the_wrong_way_round_and_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"=\{label: genre\} is the wrong way round: write \{genre: label\}"):
        Table(str(tmp_path), "x.csv", {"label": "genre"})
    with pytest.raises(GenreError, match=r"data\.table must be given: add data\.table=tracks\.csv"):
        Table(str(tmp_path), None)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_of_any_format_is_a_track_table(tmp_path: Path, suffix: str) -> None:
    one = source(tmp_path, suffix=suffix)
    tracks = one.tracks()
    assert list(tracks.columns) == ["track_id", "path", "genre", "artist", "album", "title", "split", "license"]
    assert tracks["path"].tolist() == tracks["track_id"].tolist() == ["a/1.mp3", "b/2.mp3", "c.wav"]
    assert tracks["genre"].tolist()[:2] == ["jazz", "rock"]
    assert tracks["genre"].isna().tolist() == [False, False, True]
    assert tracks["artist"].isna().tolist() == [True, False, False]
    assert tracks["split"].tolist() == ["test", "train", "val"]
    assert tracks["album"].isna().all()
    assert all(pd.api.types.is_string_dtype(tracks[name]) for name in tracks)
    assert one.has_own_split


def test_columns_of_other_names_are_found_or_given(tmp_path: Path) -> None:
    table = ROWS.rename(columns={"path": "file_name", "genre": "label", "artist": "who"}).drop(columns="split")
    one = source(tmp_path, table, artist="who", track_id="year")
    tracks = one.tracks().set_index("track_id")
    assert tracks.loc["1999", ["path", "genre", "artist"]].tolist() == ["b/2.mp3", "rock", "Band"]
    assert not one.has_own_split


def test_headers_may_have_capitals_and_blanks(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text(" File ,GENRE, Artist\na.mp3,Rock,Duo\n")
    found = Table(str(tmp_path), str(path)).tracks()
    assert found[["path", "genre", "artist"]].values.tolist() == [["a.mp3", "Rock", "Duo"]]
    path.write_text("Genre,genre,path\nA,Rock,a.mp3\n")
    assert Table(str(tmp_path), str(path)).tracks()["genre"].tolist() == ["Rock"]  # the exact name wins
    path.write_text("genre , genre,path\nA,Rock,a.mp3\n")
    with pytest.raises(GenreError, match=r"cannot be read as csv \(two columns are named genre\)"):
        Table(str(tmp_path), str(path)).tracks()


def test_columns_that_may_name_the_artist_are_pointed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = ROWS.rename(columns={"artist": "band"})
    with caplog.at_level(logging.WARNING):
        source(tmp_path, table, artist="band").tracks()
        assert not caplog.text
        source(tmp_path, table).tracks()
    assert "has no column artist: if an unused one (band" in caplog.text
    assert "as in 'data.columns={artist: band}'" in caplog.text


def test_paths_may_be_absolute_or_have_backslashes(tmp_path: Path) -> None:
    table = ROWS.assign(path=[f"{tmp_path}/b/2.mp3", "a\\1.mp3", " c.wav "])
    assert source(tmp_path, table).tracks()["path"].tolist() == ["a/1.mp3", "b/2.mp3", "c.wav"]
    with pytest.raises(GenreError, match=r"tracks\.csv: /elsewhere/1\.mp3 is not in .*: set data\.root"):
        source(tmp_path, ROWS.assign(path="/elsewhere/1.mp3")).tracks()


def test_a_linked_root_may_be_written_either_way(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    table = ROWS.assign(path=[f"{tmp_path}/real/b.mp3", f"{tmp_path}/link/a.mp3", "c.mp3"])
    assert source(tmp_path / "link", table).tracks()["path"].tolist() == ["a.mp3", "b.mp3", "c.mp3"]


def test_cells_that_pandas_would_change_are_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("path,genre\na.mp3,007\nb.mp3,NA\n")
    (tmp_path / "a.jsonl").write_text('{"path": "a.mp3", "genre": 7}\n\n{"path": "b.mp3", "genre": null}\n')
    pd.DataFrame({"path": ["a.mp3", "b.mp3"], "genre": [7, None]}).to_parquet(tmp_path / "a.parquet")
    for name, genres in {"a.csv": ["007", "NA"], "a.jsonl": ["7"], "a.parquet": ["7"]}.items():
        assert Table(str(tmp_path), str(tmp_path / name)).tracks()["genre"].dropna().tolist() == genres


def test_several_values_in_a_cell_are_refused(tmp_path: Path) -> None:
    table = pd.DataFrame({"path": ["a.mp3"], "genre": [["rock", "pop"]]})
    for suffix in (".jsonl", ".parquet"):
        with pytest.raises(GenreError, match="the column genre has several values in one cell: keep one"):
            source(tmp_path, table, suffix).tracks()


def test_repeated_rows_are_ignored_and_contradictions_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(source(tmp_path, pd.concat([ROWS, ROWS[:2]])).tracks()) == 3
    assert "ignored 2 repeated rows" in caplog.text
    with pytest.raises(GenreError, match=r"two rows with the path b/2\.mp3 whose genre differs \(rock, pop\)"):
        source(tmp_path, pd.concat([ROWS, ROWS[:1].assign(genre="pop")])).tracks()
    with pytest.raises(
        GenreError, match=r"two rows with the track_id 7 whose path differs \(b/2\.mp3, a/1\.mp3\): give"
    ):
        source(tmp_path, ROWS.assign(track_id="7")).tracks()


@pytest.mark.parametrize(
    ("table", "columns", "message"),
    [
        (
            ROWS.drop(columns="path"),
            {},
            r"no column path: name it as in 'data\.columns=\{path: \.\.\.\}'; it has genre, ",
        ),
        (ROWS.drop(columns="genre"), {}, "no column genre: name it as in"),
        (ROWS, {"genre": "style"}, "no column style: it has path, genre, artist, split, year"),
        (ROWS.assign(path=None), {}, "lists no file: check its column path"),
    ],
)
def test_missing_columns_are_named_with_what_to_type(
    tmp_path: Path, table: pd.DataFrame, columns: dict, message: str
) -> None:
    with pytest.raises(GenreError, match=message):
        source(tmp_path, table, **columns).tracks()


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("no table")
    (tmp_path / "a.csv").write_bytes(b"path,genre\n\xff\xfe,rock\n")
    for name, message in {
        "a.parquet": "cannot be read as parquet",
        "a.csv": "cannot be read as csv.*: save it with a line of column names and one row per track",
        "no.csv": r"cannot be read \(No such file or directory\): set data\.table to a file",
        "a.xlsx": r"unknown format: use one of \.csv, \.tsv, \.parquet, \.jsonl",
    }.items():
        with pytest.raises(GenreError, match=message):
            Table(str(tmp_path), str(tmp_path / name)).tracks()
    with pytest.raises(ValueError, match=r"columns\.kind is unknown: use track_id, path, "):
        Table(str(tmp_path), "a.csv", {"kind": "style"})


IDS = pd.Series(["a", "b", "c"])


def test_a_split_may_be_written_as_in_a_table(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("Track_ID; split\na;Training\nb; VAL\nc;testing\n")
    assert read_splits(path, IDS).tolist() == ["train", "val", "test"]


def test_a_split_is_read_for_each_track(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("split,track_id,path\ntest,c,1\ntrain,a,2\nval,b,3\ntrain,d,4\ntrain,d,5\n")
    assert read_splits(path, IDS).tolist() == ["train", "val", "test"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,split\na,train\n", "is not a split: it needs the columns track_id and split"),
        ("track_id,split\na,train\nb,val\n", r"no split for 1 of 3 tracks \(first: c\)"),
        ("track_id,split\na,train\nb,val\nc,eval\n", "the unknown split eval: use train, val, test"),
        ("track_id,split\na,train\na,val\n", "puts a into two splits"),
        (None, r"cannot be read \(No such file or directory\): genre split writes such a file"),
    ],
)
def test_a_file_that_is_no_split_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text:
        (tmp_path / "split.csv").write_text(text)
    with pytest.raises(GenreError, match=message):
        read_splits(tmp_path / "split.csv", IDS)
