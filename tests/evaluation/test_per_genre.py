"""What is said of each genre: the table, the confusion matrix, its picture and the files of the report."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from genre import run_folder
from genre.evaluation import report
from genre.evaluation.figures import confusion_figure
from genre.evaluation.per_genre import confusion, per_genre

GENRES = ["Folk", "Old-Time / Historic", "Pop", "Rock", "Spoken"]
#             true -> predicted: Spoken is neither; Pop is only predicted, Rock is only true
PAIRS = [(0, 0), (0, 0), (0, 2), (1, 1), (3, 0), (3, 1)]


def predictions(pairs=PAIRS, split="test") -> pd.DataFrame:
    target, prediction = zip(*pairs, strict=True)
    ids = [f"{number:06d}" for number in range(len(pairs))]
    return pd.DataFrame({"track_id": ids, "split": split, "target": target, "prediction": prediction})


def random_predictions(tracks: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(0)
    target = random.choice(5, tracks, p=[0.6, 0.2, 0.15, 0.05, 0])
    prediction = np.where(random.random(tracks) < 0.6, target, random.integers(0, 4, tracks))
    return predictions(list(zip(target, prediction, strict=True)))


def test_per_genre_by_hand():
    table = per_genre(predictions(), GENRES)
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


@pytest.mark.parametrize("number", range(4))
def test_per_genre_is_scikit_learns_one_against_the_rest(number):
    made = random_predictions()
    row = per_genre(made, GENRES).iloc[number]
    target, prediction = made["target"] == number, made["prediction"] == number
    assert row["precision"] == pytest.approx(precision_score(target, prediction))
    assert row["recall"] == pytest.approx(recall_score(target, prediction))
    assert row["f1"] == pytest.approx(f1_score(target, prediction))
    assert row["support"] == target.sum()


def test_confusion_by_hand():
    counts = confusion(predictions(), GENRES)
    expected = [[2, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert counts.to_numpy().tolist() == expected
    assert counts.index.tolist() == counts.columns.tolist() == GENRES
    assert (counts.index.name, counts.columns.name) == ("true", "predicted")
    assert counts.loc["Folk", "Pop"] == 1
    assert counts.loc["Pop", "Folk"] == 0


def test_confusion_counts_every_track():
    made = random_predictions()
    counts = confusion(made, GENRES)
    for (true, predicted), rows in made.groupby(["target", "prediction"]):
        assert counts.iloc[true, predicted] == len(rows)
    assert counts.to_numpy().sum() == len(made)


def test_confusion_figure():
    figure = confusion_figure(confusion(predictions(), GENRES))
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


def test_report_is_of_the_test_part(tmp_path):
    others = predictions([(4, 4), (0, 3)], split="val")
    table = report.write(tmp_path, pd.concat([others, predictions()], ignore_index=True), GENRES)
    pd.testing.assert_frame_equal(table, per_genre(predictions(), GENRES))
    folder = tmp_path / run_folder.REPORT
    assert sorted(path.name for path in folder.iterdir()) == ["confusion.csv", "confusion.png", "per_genre.csv"]
    pd.testing.assert_frame_equal(pd.read_csv(folder / "per_genre.csv"), table, check_dtype=False)
    counts = pd.read_csv(folder / "confusion.csv", index_col="true")
    assert counts.to_numpy().tolist() == confusion(predictions(), GENRES).to_numpy().tolist()
    assert counts.index.tolist() == counts.columns.tolist() == GENRES
    assert (folder / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_is_written_again(tmp_path):
    report.write(tmp_path, predictions([(0, 0)]), GENRES)
    table = report.write(tmp_path, predictions(), GENRES)
    again = pd.read_csv(tmp_path / run_folder.REPORT / "per_genre.csv")
    pd.testing.assert_frame_equal(again, table, check_dtype=False)


def test_show(capsys):
    report.show(per_genre(predictions(), GENRES))
    printed = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines()]
    cells = {row[0]: row[1:] for row in rows if row}
    assert cells == {
        "Folk": ["0.667", "0.667", "0.667", "3"],
        "Old-Time / Historic": ["0.500", "1.000", "0.667", "1"],
        "Pop": ["0.000", "-", "0.000", "0"],
        "Rock": ["-", "0.000", "0.000", "2"],
        "Spoken": ["-", "-", "-", "0"],
    }


@pytest.mark.parametrize("name", ["[live]", "[/]"])
def test_show_takes_names_as_they_are(capsys, name):
    report.show(per_genre(predictions(), [name, *GENRES[1:]]))
    assert name in capsys.readouterr().out


def test_figure_takes_names_as_they_are(tmp_path):
    report.write(tmp_path, predictions(), [r"$\frac$", *GENRES[1:]])
