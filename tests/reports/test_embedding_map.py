"""The map of embedded tracks."""

import re

import numpy as np

from genre.reports.embedding_map import HEIGHT, MARGIN, WIDTH, embedding_map


def test_points_fill_the_map_and_keep_their_order() -> None:
    points = np.array([[0.0, 5.0], [10.0, 5.0], [5.0, 15.0]])
    drawing = embedding_map(points, ["a", "b", "a"], ["one", "two", "three"], np.array([False, True, False]))
    found = re.findall(r'd="M([\d.]+),([\d.]+)[^"]*"( fill="#fff")?><title>(\w+)<', drawing)
    places = {name: (float(x), float(y), bool(hollow)) for x, y, hollow, name in found}
    assert places == {
        "one": (MARGIN, MARGIN, False),
        "two": (WIDTH - MARGIN, MARGIN, True),
        "three": (WIDTH / 2, HEIGHT - MARGIN, False),
    }


def test_genres_differ_in_color_or_shape_and_names_are_escaped() -> None:
    groups = [f"<genre {number}>" for number in range(16)]
    drawing = embedding_map(np.zeros((16, 2)), groups, ["x & y"] * 16, np.zeros(16, bool))
    styles = re.findall(r'<g fill="(#\w+)"[^>]*>\n<path d="M[\d.]+,[\d.]+([^"]*)"', drawing)
    assert len(set(styles)) == 16
    assert "x &amp; y" in drawing
    assert "&lt;genre 15&gt;: 1" in drawing
    assert "<genre" not in drawing
