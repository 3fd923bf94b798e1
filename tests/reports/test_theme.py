"""Figure style."""

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from genre.reports.theme import COLORS, TEXT_COLOR, line_style, marker_style, theme, truncate_middle


def test_the_theme_holds_within_a_context_and_a_decorated_function() -> None:
    @theme()
    def draw() -> str:
        return Figure().subplots().xaxis.label.get_color()

    assert [draw(), draw()] == [TEXT_COLOR] * 2
    with theme():
        assert draw() == TEXT_COLOR == mpl.rcParams["text.color"]
    assert mpl.rcParams["text.color"] != TEXT_COLOR


def test_styles_differ_as_long_as_they_can() -> None:
    assert len({str(line_style(number)) for number in range(4 * len(COLORS))}) == 32
    assert len({str(marker_style(number)) for number in range(64)}) == 64


@pytest.mark.parametrize(
    ("name", "shortened"),
    [
        ("Rock", "Rock"),
        ("x" * 26, "x" * 26),
        ("Old-Time / Historic Music of the South", "Old-Time /…Music of the South"),
    ],
)
def test_long_names_lose_their_middle(name: str, shortened: str) -> None:
    assert truncate_middle(name, 30 if name.startswith("Old") else 26) == shortened
