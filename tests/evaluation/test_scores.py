"""Scores against those of scikit-learn, for all tracks and for resamples; confusion matrices by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from genre.evaluation.predictions import Predictions
from genre.evaluation.scores import SCORE_LABELS, compute_scores, confusion_table, scores_from_counts
from tests.evaluation.conftest import make_predictions

GENRES = ["a", "b", "c", "d", "e"]


def random_predictions(tracks: int = 300, seed: int = 0) -> Predictions:
    random = np.random.default_rng(seed)
    target = random.choice(4, tracks, p=[0.5, 0.3, 0.15, 0.05])  # no track of genre e
    logits = random.normal(0, 1, (tracks, 5)) + 1.5 * np.eye(5)[target]
    ids = np.array([f"{number:04d}" for number in range(tracks)])
    return Predictions(
        ids, target, logits, random.integers(0, 40, tracks).astype(str), np.full(tracks, None), GENRES, True
    )


def sklearn_scores(target: np.ndarray, logits: np.ndarray) -> dict[str, float]:
    prediction, present = logits.argmax(axis=1), np.unique(target)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return {
        "accuracy": metrics.accuracy_score(target, prediction),
        "f1_macro": metrics.f1_score(target, prediction, labels=present, average="macro"),
        "f1_weighted": metrics.f1_score(target, prediction, average="weighted"),
        "balanced_accuracy": metrics.recall_score(target, prediction, labels=present, average="macro"),
        "top3_accuracy": metrics.top_k_accuracy_score(target, logits, k=3, labels=range(5)),
        "log_loss": metrics.log_loss(target, probability, labels=range(5)),
    }


def test_scores_equal_those_of_scikit_learn() -> None:
    test = random_predictions()
    scores = compute_scores(test)
    assert list(scores) == list(SCORE_LABELS)
    assert scores == pytest.approx(sklearn_scores(test.target, test.logits))


def test_scores_of_a_resample_are_those_of_its_tracks() -> None:
    test = random_predictions()
    clusters = test.n_clusters
    weights = np.random.default_rng(1).multinomial(clusters, np.full(clusters, 1 / clusters))
    rows = np.repeat(np.arange(300), weights[test.cluster_ids])
    scores = scores_from_counts(weights @ test.cluster_counts, 5)
    expected = sklearn_scores(test.target[rows], test.logits[rows])
    assert {name: float(value) for name, value in scores.items()} == pytest.approx(expected)


def test_a_non_finite_logit_counts_as_an_error_and_not_in_the_log_loss() -> None:
    test = make_predictions([(0, 0), (1, 1), (1, 1)], ["a", "b"])
    test.logits[2] = np.nan
    assert test.prediction.tolist() == [0, 1, -1]
    scores = compute_scores(test)
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["log_loss"] == pytest.approx(np.log(1 + np.exp(-2)))


@pytest.mark.parametrize(("genres", "there"), [("ab", False), ("abc", False), ("abcd", True)])
def test_top_3_accuracy_needs_more_than_three_genres(genres: str, there: bool) -> None:
    test = make_predictions([(0, 0), (1, 1), (1, 0)], list(genres))
    test.logits[2] = np.nan
    scores = compute_scores(test)
    assert set(scores) == set(SCORE_LABELS) - (set() if there else {"top3_accuracy"})
    assert scores.get("top3_accuracy") == (pytest.approx(2 / 3) if there else None)


def test_of_equal_logits_the_first_genres_are_the_top_three() -> None:
    test = replace(make_predictions([(number % 4, 0) for number in range(40)], list("abcd")), logits=np.zeros((40, 4)))
    scores = compute_scores(test)
    assert scores["top3_accuracy"] == metrics.top_k_accuracy_score(test.target, test.logits, k=3) == 0.75
    assert scores["accuracy"] == 0.25


def test_confusion_by_hand() -> None:
    genres = ["Folk", "Old-Time / Historic", "Pop", "Rock", "Spoken"]
    counts = confusion_table(make_predictions([(0, 0), (0, 0), (0, 2), (1, 1), (3, 0), (3, 1)], genres))
    expected = [[2, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    assert counts.to_numpy().tolist() == expected
    assert counts.index.tolist() == counts.columns.tolist() == genres
    assert (counts.index.name, counts.columns.name) == ("true", "predicted")


def test_confusion_counts_every_track_with_a_prediction() -> None:
    test = random_predictions()
    counts = confusion_table(test)
    for true, predicted in np.ndindex(5, 5):
        assert counts.iloc[true, predicted] == ((test.target == true) & (test.prediction == predicted)).sum()
    assert counts.to_numpy().sum() == 300
    test = random_predictions()
    test.logits[7] = np.inf
    assert confusion_table(test).to_numpy().sum() == 299
