"""Figure style: a palette for color-blind readers, line and marker styles."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from cycler import cycler

COLORS = ("#1F83C7", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B8A400")
"""After Okabe and Ito (2008), jfly.uni-koeln.de/color, with a lighter blue, a darker yellow and gray for black."""
LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
TEXT_COLOR = "#1f2328"
GRID_COLOR = "#dddddd"
STYLE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), TEXT_COLOR),
    "grid.color": GRID_COLOR,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelpad": 6,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text, which keeps the page small
    "svg.hashsalt": "genre",  # equal figures give equal files
    "text.parse_math": False,  # a genre may be called $ka
}


@contextmanager
def theme() -> Iterator[None]:
    """Draw and save figures in the style of the reports; also a decorator for functions that draw."""
    with mpl.rc_context(STYLE):
        yield


def truncate_middle(name: str, length: int = 26) -> str:
    """Shorten a name for a figure, keeping more of its end, which is the more specific half."""
    if len(name) <= length:
        return name
    front = length // 3
    return f"{name[:front].rstrip()}…{name[front + 1 - length :].lstrip()}"


def color(number: int) -> str:
    """Color of the n-th of several items."""
    return COLORS[number % len(COLORS)]


def line_style(number: int) -> dict[str, Any]:
    """Color and dashes of the n-th line; 32 differ."""
    return {"color": color(number), "linestyle": LINES[number // len(COLORS) % len(LINES)]}


def marker_style(number: int) -> dict[str, Any]:
    """Color and marker of the n-th set of points; 64 differ."""
    return {"color": color(number), "marker": MARKERS[(number + number // len(COLORS)) % len(MARKERS)]}
