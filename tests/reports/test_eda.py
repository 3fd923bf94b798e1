"""The report of a data set."""

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import genre
from genre.cli import app
from genre.config.validate import validate
from genre.data.cache import extraction
from genre.errors import GenreError
from genre.reports import eda
from genre.reports.data_card import count_by_genre
from genre.reports.page import Page
from genre.training.components import build_components
from tests.composing import TINY, compose
from tests.conftest import track_table


def test_tracks_and_artists_are_counted_in_total_and_per_split() -> None:
    tracks = track_table(
        {"1": "Rock", "2": "Rock", "3": "Rock", "4": "Folk"},
        artist=["A", "A", "B", None],
        split=["train", "train", "test", "val"],
    )
    table = count_by_genre(tracks)
    assert table["genre"].tolist() == ["Rock", "Folk"]
    assert table["share"].tolist() == [0.75, 0.25]
    columns = ["tracks", "artists", "train", "train artists", "val", "val artists", "test", "test artists"]
    assert table[columns].to_numpy().tolist() == [[3, 2, 2, 1, 0, 0, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0]]


def test_the_command_writes_the_report(music_folder: Path, tmp_path: Path) -> None:
    tiny = [*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}", f"paths.runs={tmp_path}/runs"]
    done = CliRunner().invoke(app, ["eda", *tiny, "--genres", "jazz"])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "runs/eda" / music_folder.name
    names = {path.name for path in (folder / "figures").glob("*.svg")}
    wanted = ("genres", "cloud", "durations", "bit_rates", "waveform", "spectrogram", "examples_1")
    assert names == {f"{name}.svg" for name in wanted}
    assert pd.read_csv(folder / "tables/genres.csv")["tracks"].tolist() == [10, 10, 10]
    formats = pd.read_csv(folder / "tables/formats.csv").iloc[0].tolist()
    assert formats == ["wav", 22050, 1, 30]
    page = (folder / "index.html").read_text()
    assert f"<h1>Data set: {music_folder.name}</h1>" in page
    assert (
        (folder / "data_card.md").read_text().startswith(f"# Data card: {music_folder.name}\n\n30 tracks of 3 genres")
    )
    assert "30 tracks, 3 genres, 0.0 hours" in page
    assert "Tracks, in total and per split; artists unknown." in page
    assert "Durations: 2.0 to 2.0 s, median 2.0 s." in page
    with pytest.raises(GenreError, match="--genres: polka is unknown here; the genres are blues, jazz, rock"):
        CliRunner().invoke(app, ["eda", *tiny, "--genres", "polka"], catch_exceptions=False)


def test_cached_tracks_are_not_decoded_again(
    music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = validate(compose([*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}"]))
    eda.write_eda_report(build_components(settings).datamodule.data, music_folder, "x", tmp_path / "a")
    assert {path.stem for path in (tmp_path / "a/figures").glob("examples*.svg")} == {f"examples_{n}" for n in range(3)}
    decoded = []
    load_clip = eda.load_clip

    def counted(path: Path, *rest):
        decoded.append(path)
        return load_clip(path, *rest)

    monkeypatch.setattr(eda, "load_clip", counted)
    monkeypatch.setattr(extraction, "load_clip", counted)
    eda.write_eda_report(build_components(settings).datamodule.data, music_folder, "x", tmp_path / "b")
    assert len(decoded) == 1  # for the waveform


def test_rejected_tracks_are_listed_by_reason(tmp_path: Path) -> None:
    rejected = track_table({"a": "Rock", "b": "Rock", "c": "Folk"}).assign(
        reason=["short", "short", "silent"], detail=["1 s", "2 s", "quiet"]
    )
    page = Page("x")
    eda._add_rejected(page, rejected)
    rows = page.sections[0].blocks[0]["rows"]
    assert rows == [
        ["short", "shorter than data.min_seconds", "2", "a", "1 s"],
        ["silent", "almost entirely silent", "1", "c", "quiet"],
    ]


def test_every_reason_code_has_a_meaning() -> None:
    package = Path(genre.__file__).parent
    text = "".join(path.read_text() for room in ("audio", "data") for path in (package / room).rglob("*.py"))
    places = (
        r'AudioError\("(\w+)"',
        r'"reason": "(\w+)"',
        r'\.reject\(.*, "(\w+)"',
        r'^ +\(heard.*\], "(\w+)", ',
        r'< \w+, "(\w+)", ',
    )
    raised = {code for place in places for code in re.findall(place, text, re.MULTILINE)}
    assert raised == set(eda.REASONS)
