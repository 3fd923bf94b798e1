"""Bars with names and numbers beside them."""

import pandas as pd
from matplotlib.figure import Figure

from genre.pages.theme import colour


def bars_figure(values: pd.Series, label: str, decimals: int = 0) -> Figure:
    """Draw named values as bars, in their order from the top.

    Args:
        values: By their names.
        label: What they are.
        decimals: Shown of each.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(8, 0.9 + 0.3 * len(values)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(values.index, values, color=colour(0))
    axes.bar_label(bars, padding=3, fmt=f"{{:,.{decimals}f}}")
    axes.invert_yaxis()
    axes.margins(x=0.1, y=0.01)
    axes.xaxis.set_major_formatter(f"{{x:,.{decimals}f}}")
    axes.set_xlabel(label)
    return figure
