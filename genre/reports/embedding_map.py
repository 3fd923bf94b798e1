"""Map of embedded tracks as SVG, in which the mouse shows the name of each point."""

from html import escape

import numpy as np

from genre.reports.theme import COLORS, TEXT_COLOR, truncate_middle

WIDTH, HEIGHT, MARGIN = 640, 460, 14
"""Size of the map without its legend, and the empty space around its points, in pixels."""
SHAPES = ("m-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0", "m-4,-4h8v8h-8z", "m0,-5l5,9h-10z", "m0,-5l5,5l-5,5l-5,-5z")
"""Circle, square, triangle and diamond around the current point."""
LEGEND_COLUMNS, LEGEND_HEIGHT = 3, 20


def embedding_map(points: np.ndarray, groups: list[str], names: list[str], wrong: np.ndarray) -> str:
    """Draw tracks as points, colored by group; those that the model gets wrong are hollow.

    Args:
        points: Shape (tracks, 2).
        groups: Group of each track.
        names: Text that appears where the mouse is over a track.
        wrong: Which tracks are hollow, shape (tracks,).

    Returns:
        The SVG element.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    place = MARGIN + (points - low) / np.maximum(high - low, 1e-9) * (np.array([WIDTH, HEIGHT]) - 2 * MARGIN)
    every = sorted(set(groups))
    rows = -(-len(every) // LEGEND_COLUMNS)
    total = HEIGHT + 10 + LEGEND_HEIGHT * rows
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" width="{WIDTH}" font-size="13" '
        f'font-family="sans-serif">'
    ]
    for number, group in enumerate(every):
        color = COLORS[number % len(COLORS)]
        shape = SHAPES[(number + number // len(COLORS)) % len(SHAPES)]
        members = [index for index, other in enumerate(groups) if other == group]
        lines.append(f'<g fill="{color}" stroke="{color}">')
        for index in members:
            x, y = place[index]
            hollow = ' fill="#fff"' if wrong[index] else ""
            lines.append(f'<path d="M{x:.1f},{y:.1f}{shape}"{hollow}><title>{escape(names[index])}</title></path>')
        column, row = number % LEGEND_COLUMNS, number // LEGEND_COLUMNS
        x, y = MARGIN + column * WIDTH / LEGEND_COLUMNS, HEIGHT + 10 + LEGEND_HEIGHT * row
        label = f"{escape(truncate_middle(group, 20))}: {len(members)}"
        lines.append(f'<path d="M{x:.1f},{y:.1f}{shape}"/></g>')
        lines.append(f'<text x="{x + 10:.1f}" y="{y + 4:.1f}" fill="{TEXT_COLOR}">{label}</text>')
    return "\n".join([*lines, "</svg>"])
