"""The page on a collection."""

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from genre.cli import app
from genre.config.validate import validate
from genre.data.cache import extraction
from genre.errors import GenreError
from genre.reports import eda
from genre.reports.eda_figures import word_cloud
from genre.reports.figures import bar_chart
from genre.training.components import build_components
from tests.composing import TINY, compose
from tests.conftest import track_table


def test_tracks_and_artists_are_counted_in_each_part() -> None:
    tracks = track_table(
        {"1": "Rock", "2": "Rock", "3": "Rock", "4": "Folk"},
        artist=["A", "A", "B", None],
        split=["train", "train", "test", "val"],
    )
    table = eda.by_genre(tracks)
    assert table["genre"].tolist() == ["Rock", "Folk"]
    assert table["share"].tolist() == [0.75, 0.25]
    columns = ["tracks", "artists", "train", "train artists", "val", "val artists", "test", "test artists"]
    assert table[columns].to_numpy().tolist() == [[3, 2, 2, 1, 0, 0, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0]]


def test_the_command_writes_the_page(music_folder: Path, tmp_path: Path) -> None:
    tiny = [*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}", f"paths.runs={tmp_path}/runs"]
    done = CliRunner().invoke(app, ["eda", *tiny, "--genres", "jazz"])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "runs/eda/folder"
    names = {path.name for path in (folder / "figures").glob("*.svg")}
    wanted = ("genres", "cloud", "durations", "bit_rates", "waveform", "spectrogram", "examples_1")
    assert names == {f"{name}.svg" for name in wanted}
    assert pd.read_csv(folder / "tables/genres.csv")["tracks"].tolist() == [10, 10, 10]
    formats = pd.read_csv(folder / "tables/formats.csv").iloc[0].tolist()
    assert formats == ["wav", 22050, 1, 30]
    with pytest.raises(GenreError, match="--genres: polka is unknown here; the genres are blues, jazz, rock"):
        CliRunner().invoke(app, ["eda", *tiny, "--genres", "polka"], catch_exceptions=False)


def test_what_the_cache_knows_is_not_decoded_again(
    music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = validate(compose([*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}"]))
    components = build_components(settings)
    eda.write_eda_report(components.datamodule.data, music_folder, "x", tmp_path / "a")
    decoded = []
    real = eda.read_clip

    def counted(path: Path, *rest):
        decoded.append(path)
        return real(path, *rest)

    monkeypatch.setattr(eda, "read_clip", counted)
    monkeypatch.setattr(extraction, "read_clip", counted)
    eda.write_eda_report(build_components(settings).data.data, music_folder, "x", tmp_path / "b")
    assert len(decoded) == 1  # for the waveform


def test_rejected_tracks_are_listed_by_reason(tmp_path: Path) -> None:
    from genre.reports.page import Page

    rejected = track_table({"a": "Rock", "b": "Rock", "c": "Folk"}).assign(
        reason=["short", "short", "silent"], detail=["1 s", "2 s", "quiet"]
    )
    page = Page("x")
    eda._rejected(page, rejected)
    values = page.sections[0].blocks[0]["values"]
    assert values[["reason", "tracks", "example"]].to_numpy().tolist() == [["short", 2, "a"], ["silent", 1, "c"]]
    assert values["meaning"].notna().all()


def test_every_reason_code_has_a_meaning() -> None:
    package = Path(extraction.__file__).parents[1]
    text = "".join(path.read_text() for path in [package / "audio.py", *(package / "data").glob("*.py")])
    places = (
        r'AudioError\("(\w+)"',
        r'"reason": "(\w+)"',
        r'(?:selection|self)\.drop\(.*"(\w+)"',
        r'^ +\(heard.*\], "(\w+)", ',
        r'< \w+, "(\w+)", ',
    )
    raised = {code for place in places for code in re.findall(place, text, re.MULTILINE)}
    assert raised == set(eda.REASONS)


def test_bars_and_cloud_name_every_genre() -> None:
    names = [f"Genre number {number} of many" for number in range(15)] + ["Old-Time / Historic"]
    counts = pd.Series([2 ** (15 - number) for number in range(15)] + [6], names)
    axes = bar_chart(counts, "tracks").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    assert [text.get_text() for text in axes.texts][-2:] == ["2", "6"]
    assert word_cloud(counts).axes[0].images[0].get_array().shape == (700, 1400, 4)
