"""Numbers as text."""

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

INTERVAL = (
    "The 95 % intervals cover the choice of artists from this collection, and of seeds where a model has several; they "
    "do not cover other collections or wrong labels."
)
"""The sentence below every table with intervals."""


def format_number(value: float, spec: str = ".3f") -> str:
    """Format a number, or a missing one as a dash."""
    return "–" if np.isnan(value) else f"{value:{spec}}"


def format_interval(spec: str, value: float, low: float, high: float, deviation: float = float("nan")) -> str:
    """Format a number with its deviation and interval, as in `0.81 ± 0.02 [0.59, 0.94]`; missing ones are left out."""
    spread = "" if np.isnan(deviation) else f" ± {deviation:{spec}}"
    interval = "" if np.isnan(low) else f" [{low:{spec}}, {high:{spec}}]"
    return format_number(value, spec) + (spread + interval) * (not np.isnan(value))


def to_markdown(table: pd.DataFrame) -> str:
    """Write a table as Markdown."""
    text = [number for number, kind in enumerate(table.dtypes) if not is_numeric_dtype(kind)]  # 0.250 stays as it is
    return str(table.replace(r"\|", r"\\|", regex=True).to_markdown(index=False, disable_numparse=text))
