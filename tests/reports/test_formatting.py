"""Numbers as text."""

import pandas as pd

from genre.reports.formatting import format_interval, format_number, to_markdown

NAN = float("nan")


def test_numbers_in_a_markdown_table_keep_their_digits() -> None:
    table = pd.DataFrame({"a|b": ["0.250", "0.3 | x"], "tracks": [10, 9]})
    assert to_markdown(table).splitlines()[2:] == ["| 0.250    |       10 |", "| 0.3 \\| x |        9 |"]


def test_missing_numbers_are_dashes() -> None:
    assert [format_number(0.12345), format_number(NAN), format_number(2.5, ".0f")] == ["0.123", "–", "2"]


def test_missing_parts_of_an_interval_are_left_out() -> None:
    assert format_interval(".2f", 0.5, 0.25, 0.75, 0.1) == "0.50 ± 0.10 [0.25, 0.75]"
    assert format_interval("+.1f", 1, -2, 3) == "+1.0 [-2.0, +3.0]"
    assert format_interval(".1f", 1, NAN, NAN) == "1.0"
    assert format_interval(".1f", NAN, 0, 1, 2) == "–"
