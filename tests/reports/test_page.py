"""Pages: self-contained, escaped, with figures and tables beside them."""

import base64
import errno
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from markupsafe import Markup
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from genre.errors import GenreError
from genre.reports.page import Page, own_folder


def make_figure() -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.subplots().set(title="a title", xlabel="seconds")
    return figure


def make_page() -> Page:
    page = Page("Rock & <Roll>", "a subtitle")
    page.section("First Things")
    page.text("a < b", "note")
    values = pd.DataFrame({"genre": ["<Pop>", "Folk"], "share": [0.5, None]})
    page.table(values, "shares", "A caption.", shown=values.assign(share=["50.0 [40.0, 60.0]", None]))
    page.section("Second")
    page.figure(make_figure(), "drawing", 'an "alt" text', "Another caption.")
    page.file("tables/shares.md", "| genre |\n\n")
    return page


class Tags(HTMLParser):
    """Collects tags, and checks that those that open also close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_well_formed_escaped_and_self_contained(tmp_path: Path) -> None:
    text = make_page().write(tmp_path).read_text()
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert not re.search(r'(?:src|href|srcset)="(?!data:|#)', text)
    targets = {attrs["href"] for tag, attrs in tags.seen if tag == "a"}
    assert targets == {"#first-things", "#second"} == {f"#{a['id']}" for tag, a in tags.seen if tag == "h2"}
    (image,) = (attrs for tag, attrs in tags.seen if tag == "img")
    assert image["alt"] == 'an "alt" text'
    assert "&lt;Pop&gt;" in text
    assert "<Pop>" not in text
    assert "Rock &amp; &lt;Roll&gt;" in text
    assert '<td class="number">50.0 <wbr>[40.0, 60.0]</td>' in text
    assert '<td class="number">–</td>' in text


def test_each_figure_is_embedded_once(tmp_path: Path) -> None:
    text = make_page().write(tmp_path).read_text()
    assert text.count("data:image/svg+xml,") == 1
    svg = (tmp_path / "figures/drawing.svg").read_text()
    (source,) = re.findall('src="data:image/svg.xml,([^"]*)"', text)
    assert unquote(source) == svg
    assert "a title</text>" in svg
    assert len(text) < 4 / 3 * len(svg) + 9000


def test_images_within_a_figure_have_a_palette(tmp_path: Path) -> None:
    figure = make_figure()
    values = np.random.default_rng(0).random((40, 300))
    figure.axes[0].imshow(values, cmap=colormaps["magma"].resampled(64), interpolation="none")
    page = Page("x")
    page.section("x")
    page.figure(figure, "image", "An image.")
    (encoded,) = re.findall('data:image/png;base64,([^"]*)"', page.files["figures/image.svg"].decode())
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    assert (image.mode, image.size) == ("P", (300, 40))
    colors = colormaps["magma"].resampled(64)((values - values.min()) / np.ptp(values))[..., :3]
    assert len(image.getcolors()) <= 64
    assert np.asarray(image.convert("RGB")).mean((0, 1)) / 255 == pytest.approx(colors.mean((0, 1)), abs=0.01)
    assert len(encoded) < 13_000  # 6 bits per pixel, as base64; full color takes four times as much


def test_facts_and_the_banner_are_above_the_contents(tmp_path: Path) -> None:
    text = Page("x", facts={"data <set>": "a & b"}, banner="SYNTHETIC").write(tmp_path).read_text()
    assert "<dt>data &lt;set&gt;</dt><dd>a &amp; b</dd>" in text
    assert text.index('<p class="banner">SYNTHETIC</p>') < text.index("<h1>x</h1>") < text.index("<nav")


def test_cells_may_hold_markup_and_verdicts_stay_in_sight(tmp_path: Path) -> None:
    page = Page("x")
    page.section("x")
    link = Markup('<a href="#x">{}</a>').format("<one>")
    page.table(pd.DataFrame({"model": pd.Series([link], dtype=object), "significant": ["accuracy"]}), "x")
    text = page.write(tmp_path).read_text()
    assert '<td><a href="#x">&lt;one&gt;</a></td><td class="verdict">accuracy</td>' in text


def test_another_comparison_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    report = tmp_path / "report"
    for source, expected in {"a": "report", 'b "c"': "report-2", "d": "report-3"}.items():
        assert own_folder(report, source) == tmp_path / expected
        Page("x", source=source).write(own_folder(report, source))
        assert own_folder(report, source) == tmp_path / expected  # the same command replaces its report
    (tmp_path / "old").mkdir()
    (tmp_path / "old/index.html").write_text("<style>\n:root { --ink: #222; }</style>of an earlier version")
    assert own_folder(tmp_path / "old", "a") == tmp_path / "old"


def test_long_text_wraps_and_numbers_do_not(tmp_path: Path) -> None:
    page = Page("x")
    page.section("x")
    page.table(pd.DataFrame({"a": ["short"], "b": ["words " * 10], "c": ["1 " * 20]}), "x")
    text = page.write(tmp_path).read_text()
    assert "<td>short</td>" in text
    assert '<td class="long">words' in text
    assert '<td class="number">1 1' in text


def test_figures_tables_and_files_are_beside_the_page(tmp_path: Path) -> None:
    make_page().write(tmp_path)
    (tmp_path / "figures/old.png").touch()
    make_page().write(tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    beside = {"figures/drawing.png", "figures/drawing.svg", "tables/shares.csv", "tables/shares.md"}
    assert files == {"index.html", *beside}
    assert (tmp_path / "tables/shares.csv").read_text() == "genre,share\n<Pop>,0.5\nFolk,\n"
    assert (tmp_path / "tables/shares.md").read_text() == "| genre |\n"
    assert (tmp_path / "figures/drawing.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["figures/mine.pdf", "tables/mine.csv", "index.html"])
def test_other_files_are_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(GenreError, match=r"was not written by a report: choose another output folder"):
        make_page().write(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == [name]


def test_a_page_of_an_older_version_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<html><style>\n:root { --ink: #222; }</style>an older report</html>")
    (tmp_path / "figures").mkdir()
    assert "Rock" in make_page().write(tmp_path).read_text()


def test_a_page_that_cannot_be_written_leaves_the_old_one_whole(tmp_path: Path) -> None:
    make_page().write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    broken = make_page()
    broken.file("no folder/x.md", "text")
    with pytest.raises(FileNotFoundError):
        broken.write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_a_full_disk_is_named_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *args: object, **kwargs: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(GenreError, match=rf"the disk of {tmp_path} is full"):
        make_page().write(tmp_path)
    assert not list(tmp_path.iterdir())


def test_equal_pages_are_equal_files(tmp_path: Path) -> None:
    assert make_page().write(tmp_path / "a").read_bytes() == make_page().write(tmp_path / "b").read_bytes()
