"""How well each genre was found."""

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from genre.evaluation.answers import Answers, genre_scores
from genre.evaluation.statistics import interval, resample


def per_genre(test: Answers) -> pd.DataFrame:
    """Precision, recall, F1 and support of each genre.

    Args:
        test: What a model said of its test tracks.

    Returns:
        One row a genre: `genre, precision, recall, f1, support`, and the 95 % interval of each share as `<name>_low`,
        `<name>_high`; what has no denominator is missing.
    """
    genres = len(test.genres)
    total = test.counts.sum(axis=0)
    points, draws = genre_scores(total, genres), genre_scores(resample(test.counts), genres)
    bounds = {name: np.array([interval(draws[name][:, genre]) for genre in range(genres)]) for name in points}
    table = pd.DataFrame({"genre": test.genres, **points, "support": total[:genres].astype(int)})
    for name, (low, high) in {name: both.T for name, both in bounds.items()}.items():
        table = table.assign(**{f"{name}_low": low, f"{name}_high": high})
    return table


def confusion(test: Answers) -> pd.DataFrame:
    """Counts of tracks by true genre (rows) and predicted genre (columns); tracks without a prediction are in none."""
    counts = confusion_matrix(test.target, test.prediction, labels=range(len(test.genres)))
    return pd.DataFrame(counts, pd.Index(test.genres, name="true"), pd.Index(test.genres, name="predicted"))
