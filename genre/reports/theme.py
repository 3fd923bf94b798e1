"""How pictures look: one set of colours that colour-blind people tell apart, on light and on dark paper."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

FigureFactory = Callable[[], Figure]

COLORS = ("#1F83C7", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C", "#B8A400")
"""After Okabe and Ito, 2008, jfly.uni-koeln.de/color; their blue is lighter, their black a grey and their yellow darker
so as to show on either paper."""
LINES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
TEXT_COLOR = {False: "#1f2328", True: "#e6e6e6"}
BACKGROUND = {False: "#ffffff", True: "#16181c"}
GRID = {False: "#dddddd", True: "#3a3f47"}


@contextmanager
def theme(dark: bool = False) -> Iterator[None]:
    """Draw, and save, for light or for dark paper."""
    ink, paper, grid = TEXT_COLOR[dark], BACKGROUND[dark], GRID[dark]
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    colours: dict[Any, Any] = dict.fromkeys(inked, ink)
    style = colours | {
        "figure.facecolor": paper,
        "axes.facecolor": paper,
        "savefig.facecolor": paper,
        "legend.facecolor": paper,
        "legend.edgecolor": grid,
        "grid.color": grid,
        "axes.axisbelow": True,
        "axes.prop_cycle": cycler(color=COLORS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 10,
        "axes.titlesize": 11,
        "svg.hashsalt": "genre",  # the same picture is the same file
        "text.parse_math": False,  # a genre may be called $ka
    }
    with mpl.rc_context(style):
        yield


def truncate_middle(name: str, length: int = 26) -> str:
    """A name for a picture, its end the more telling half: tables have it whole."""
    if len(name) <= length:
        return name
    front = length // 3
    return f"{name[:front].rstrip()}…{name[front + 1 - length :].lstrip()}"


def color(number: int) -> str:
    """Colour of the n-th of several things."""
    return COLORS[number % len(COLORS)]


def line_style(number: int) -> dict[str, Any]:
    """Colour and dashes of the n-th line: 32 that differ."""
    return {"color": color(number), "linestyle": LINES[number // len(COLORS) % len(LINES)]}


def marker_style(number: int) -> dict[str, Any]:
    """Colour and marker of the n-th set of points: 64 that differ."""
    return {"color": color(number), "marker": MARKERS[(number + number // len(COLORS)) % len(MARKERS)]}
