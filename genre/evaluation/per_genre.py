"""How well each genre was found."""

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


def per_genre(predictions: pd.DataFrame, genres: list[str]) -> pd.DataFrame:
    """Precision, recall, F1 and support of each genre.

    Args:
        predictions: One row a track, with `target` and `prediction` as numbers.
        genres: Their names.

    Returns:
        One row a genre: `genre, precision, recall, f1, support`; what has no denominator is missing.
    """
    columns = precision_recall_fscore_support(
        predictions["target"], predictions["prediction"], labels=range(len(genres)), zero_division=np.nan
    )
    names = ("precision", "recall", "f1", "support")
    return pd.DataFrame({"genre": genres} | dict(zip(names, columns, strict=True)))


def confusion(predictions: pd.DataFrame, genres: list[str]) -> pd.DataFrame:
    """Counts of tracks by true genre (rows) and predicted genre (columns)."""
    counts = confusion_matrix(predictions["target"], predictions["prediction"], labels=range(len(genres)))
    return pd.DataFrame(counts, index=pd.Index(genres, name="true"), columns=pd.Index(genres, name="predicted"))
