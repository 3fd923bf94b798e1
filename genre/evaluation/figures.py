"""Pictures, drawn without a display."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure


def confusion_figure(counts: pd.DataFrame) -> Figure:
    """Draw a confusion matrix: counts as text, the share of the true genre as colour.

    Args:
        counts: True genres as rows, predicted ones as columns.

    Returns:
        The figure.
    """
    size = len(counts)
    counts = counts.rename(index=_literal, columns=_literal)
    share = counts.div(counts.sum(axis=1).clip(lower=1), axis=0)
    figure = Figure(figsize=(3 + 0.55 * size, 2.4 + 0.5 * size), layout="constrained")
    axes = figure.subplots()
    bar = {"label": "share of the true genre", "shrink": 0.8}
    sns.heatmap(share, annot=counts, fmt="d", cmap="Blues", vmin=0, vmax=1, square=True, ax=axes, cbar_kws=bar)
    axes.set(xlabel="predicted genre", ylabel="true genre", title="Test tracks")
    axes.set_xticklabels(axes.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticklabels(axes.get_yticklabels(), rotation=0)
    return figure


def _literal(name: str) -> str:
    """Matplotlib takes what stands between dollar signs for mathematics."""
    return name.replace("$", r"\$")
