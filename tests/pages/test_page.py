"""The page: self-contained, escaped, its figures and tables beside it."""

import errno
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from genre.errors import GenreError
from genre.reports.page import Page
from genre.reports.theme import COLORS, TEXT_COLOR, line_style, marker_style, theme


def draw() -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.subplots().set(title="a $\\frac title", xlabel="seconds")
    return figure


def page() -> Page:
    made = Page("Rock & <Roll>", "a subtitle")
    made.section("First Things")
    made.text("a < b", "note")
    values = pd.DataFrame({"genre": ["<Pop>", "Folk"], "share": [0.5, None]})
    made.table(values, "shares", "A caption.", shown=values.assign(share=["50.0", None]))
    made.section("Second")
    made.figure(draw, "drawing", 'an "alt" text', "Another caption.")
    return made


class Tags(HTMLParser):
    """Collects tags, and sees that what opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "source"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    text = page().write(tmp_path).read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert not re.search(r'(?:src|href|srcset)="(?!data:|#)', text)
    targets = {attrs["href"] for tag, attrs in tags.seen if tag == "a"}
    assert targets == {"#first-things", "#second"} == {f"#{a['id']}" for tag, a in tags.seen if tag == "h2"}
    image = next(attrs for tag, attrs in tags.seen if tag == "img")
    assert image["alt"] == 'an "alt" text'
    source = next(attrs for tag, attrs in tags.seen if tag == "source")
    assert source["media"] == "(prefers-color-scheme: dark)"
    assert source["srcset"] != image["src"]
    assert "&lt;Pop&gt;" in text
    assert "<Pop>" not in text
    assert "Rock &amp; &lt;Roll&gt;" in text
    assert '<td class="number">–</td>' in text


def test_figures_and_tables_lie_beside_the_page(tmp_path: Path) -> None:
    page().write(tmp_path)
    (tmp_path / "figures/old.png").touch()
    page().write(tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert files == {"index.html", "figures/drawing.png", "figures/drawing.svg", "tables/shares.csv"}
    assert (tmp_path / "tables/shares.csv").read_text() == "genre,share\n<Pop>,0.5\nFolk,\n"


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/mine.pdf").touch()
    with pytest.raises(GenreError, match=r"figures is not a report's: write the report to another folder"):
        page().write(tmp_path)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["mine.pdf"]


def test_a_page_that_cannot_be_drawn_leaves_the_old_one_whole(tmp_path: Path) -> None:
    page().write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    broken = page()
    broken.figure(lambda: 1 / 0, "broken", "Nothing.")  # type: ignore[arg-type, return-value]
    with pytest.raises(ZeroDivisionError):
        broken.write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_a_full_disk_is_named_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(GenreError, match=rf"the disk of {tmp_path} is full"):
        page().write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_same_page_is_the_same_file(tmp_path: Path) -> None:
    assert page().write(tmp_path / "a").read_bytes() == page().write(tmp_path / "b").read_bytes()


def test_dark_paper_has_light_ink() -> None:
    for dark in (False, True):
        with theme(dark):
            axes = draw().axes[0]
        assert axes.xaxis.label.get_color() == TEXT_COLOR[dark]


def test_styles_differ_as_long_as_they_can() -> None:
    assert len({str(line_style(number)) for number in range(4 * len(COLORS))}) == 32
    assert len({str(marker_style(number)) for number in range(64)}) == 64
