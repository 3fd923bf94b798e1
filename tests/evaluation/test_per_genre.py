"""What is said of each genre: the table, the confusion matrix and its picture."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from genre.evaluation.bootstrap import per_class_table
from genre.evaluation.predictions import Predictions
from genre.evaluation.scores import confusion_table
from genre.reports.figures import confusion_by_row_figure, confusion_figure
from genre.reports.theme import theme
from tests.evaluation.making import made

GENRES = ["Folk", "Old-Time / Historic", "Pop", "Rock", "Spoken"]
#             true -> predicted: Spoken is neither; Pop is only predicted, Rock is only true
PAIRS = [(0, 0), (0, 0), (0, 2), (1, 1), (3, 0), (3, 1)]


def by_hand(genres: list[str] = GENRES) -> Predictions:
    return made(PAIRS, genres)


def at_random(tracks: int = 400) -> Predictions:
    random = np.random.default_rng(0)
    target = random.choice(5, tracks, p=[0.6, 0.2, 0.15, 0.05, 0])
    prediction = np.where(random.random(tracks) < 0.6, target, random.integers(0, 4, tracks))
    return made(list(zip(target, prediction, strict=True)), GENRES)


def test_per_genre_by_hand():
    table = per_class_table(by_hand())[["genre", "precision", "recall", "f1", "support"]]
    nan = float("nan")
    expected = pd.DataFrame(
        {
            "genre": GENRES,
            "precision": [2 / 3, 1 / 2, 0.0, nan, nan],
            "recall": [2 / 3, 1.0, nan, 0.0, nan],
            "f1": [2 / 3, 2 / 3, 0.0, 0.0, nan],
            "support": [3, 1, 0, 2, 0],
        }
    )
    pd.testing.assert_frame_equal(table, expected)


def test_intervals_hold_the_share_and_are_missing_where_it_is():
    table = per_class_table(at_random())
    for name in ("precision", "recall", "f1"):
        known = table[table[name].notna()]
        assert (known[f"{name}_low"] < known[name]).all()
        assert (known[name] < known[f"{name}_high"]).all()
        assert table.loc[table[name].isna(), f"{name}_low"].isna().all()
    # 240 tracks of which 0.6 to 0.7 are found: the normal approximation's half width is 0.06
    first = table.iloc[0]
    half = 1.96 * np.sqrt(first["recall"] * (1 - first["recall"]) / first["support"])
    assert first["recall_high"] - first["recall_low"] == pytest.approx(2 * half, rel=0.1)


@pytest.mark.parametrize("number", range(4))
def test_per_genre_is_scikit_learns_one_against_the_rest(number):
    test = at_random()
    row = per_class_table(test).iloc[number]
    target, prediction = test.target == number, test.prediction == number
    assert row["precision"] == pytest.approx(precision_score(target, prediction))
    assert row["recall"] == pytest.approx(recall_score(target, prediction))
    assert row["f1"] == pytest.approx(f1_score(target, prediction))
    assert row["support"] == target.sum()


def test_confusion_by_hand():
    counts = confusion_table(by_hand())
    expected = [[2, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert counts.to_numpy().tolist() == expected
    assert counts.index.tolist() == counts.columns.tolist() == GENRES
    assert (counts.index.name, counts.columns.name) == ("true", "predicted")
    assert counts.loc["Folk", "Pop"] == 1
    assert counts.loc["Pop", "Folk"] == 0


def test_confusion_counts_every_track():
    test = at_random()
    counts = confusion_table(test)
    for true, predicted in np.ndindex(5, 5):
        assert counts.iloc[true, predicted] == ((test.target == true) & (test.prediction == predicted)).sum()
    assert counts.to_numpy().sum() == 400


def test_confusion_figure():
    figure = confusion_figure(confusion_table(by_hand()))
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted genre", "true genre")
    assert [label.get_text() for label in axes.get_xticklabels()] == GENRES
    assert [label.get_text() for label in axes.get_yticklabels()] == GENRES
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["2", "0", "1", "0", "0", "0", "1", "0", "0", "0", *"00000", "1", "1", "0", "0", "0", *"00000"]
    shares = np.asarray(axes.collections[0].get_array()).reshape(5, 5)
    assert shares[0].tolist() == pytest.approx([2 / 3, 0, 1 / 3, 0, 0])
    assert shares[3].tolist() == [0.5, 0.5, 0, 0, 0]
    assert not shares[2].any()  # no track: no share, and no division by 0
    assert axes.collections[0].get_clim() == (0, 1)


def test_confusion_by_row_is_in_per_cent():
    texts = [text.get_text() for text in confusion_by_row_figure(confusion_table(by_hand())).axes[0].texts]
    assert texts[:5] == ["67", "0", "33", "0", "0"]


def test_figure_takes_names_as_they_are(tmp_path):
    with theme():
        confusion_figure(confusion_table(by_hand([r"$\frac$", *GENRES[1:]]))).savefig(tmp_path / "figure.png")
