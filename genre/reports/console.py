"""What an audit found, on the screen."""

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genre.data.audit import KINDS
from genre.data.fingerprint import SHIFT_SECONDS

NAMED = 5


def show(found: pd.DataFrame, unknown: list[str]) -> None:
    """Print what crosses a split: counts, and the first names of each kind.

    Args:
        found: As `audit.crossings` makes it.
        unknown: Kinds of which the data know nothing.
    """
    table = Table("what", "in several parts", "tracks", "parts", "such as", title="What crosses the split")
    for kind in KINDS:
        rows = found[found["kind"] == kind]
        parts = "; ".join(f"{parts}: {count}" for parts, count in rows["parts"].value_counts().items())
        names = [str(name) for name in rows["name"][:NAMED]] + ["..."] * (len(rows) > NAMED)
        counts = ("not known", "-") if kind in unknown else (str(len(rows)), str(rows["tracks"].sum()))
        table.add_row(kind, *counts, parts or "-", escape("\n".join(names)) or "-")
    console = Console()
    console.print(table)
    nothing = "Nothing that is known crosses the split." if unknown else "Nothing crosses the split."
    console.print("Something crosses the split." if len(found) else nothing)
    console.print(f"Copies that were encoded again are found up to a shift of {SHIFT_SECONDS:.0f} s.")
