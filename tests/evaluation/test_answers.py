"""The scores, against scikit-learn's, of all tracks and of resamples."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.metrics import top_k_accuracy_score

from genre.evaluation.predictions import Predictions, answers, joined
from genre.evaluation.scores import SCORES, scores_from_counts
from tests.evaluation.making import made

GENRES = ["a", "b", "c", "d", "e"]


def at_random(tracks: int = 300, seed: int = 0) -> Predictions:
    random = np.random.default_rng(seed)
    target = random.choice(4, tracks, p=[0.5, 0.3, 0.15, 0.05])  # nothing is of genre e
    logits = random.normal(0, 1, (tracks, 5)) + 1.5 * np.eye(5)[target]
    ids = np.array([f"{number:04d}" for number in range(tracks)])
    return Predictions(ids, target, logits, random.integers(0, 40, tracks).astype(str), GENRES, True)


def scikit_learns(target: np.ndarray, logits: np.ndarray) -> dict[str, float]:
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


def test_scores_are_scikit_learns() -> None:
    test = at_random()
    ours = scores_from_counts(test.counts.sum(axis=0), 5)
    assert tuple(ours) == SCORES
    expected = scikit_learns(test.target, test.logits)
    assert {name: float(value) for name, value in ours.items()} == pytest.approx(expected)


def test_scores_of_a_resample_are_those_of_its_tracks() -> None:
    test = at_random()
    weights = np.random.default_rng(1).multinomial(test.clusters, np.full(test.clusters, 1 / test.clusters))
    rows = np.repeat(np.arange(300), weights[test.cluster])
    ours = scores_from_counts(weights @ test.counts, 5)
    expected = scikit_learns(test.target[rows], test.logits[rows])
    assert {name: float(value) for name, value in ours.items()} == pytest.approx(expected)


def test_a_logit_that_is_no_number_counts_as_wrong_and_not_for_the_log_loss() -> None:
    test = made([(0, 0), (1, 1), (1, 1)], ["a", "b"])
    test.logits[2] = np.nan
    assert test.prediction.tolist() == [0, 1, -1]
    ours = scores_from_counts(test.counts.sum(axis=0), 2)
    assert ours["accuracy"] == pytest.approx(2 / 3)
    assert ours["log_loss"] == pytest.approx(np.log(1 + np.exp(-2)))


@pytest.mark.parametrize(("genres", "there"), [("ab", False), ("abc", False), ("abcd", True)])
def test_top_3_accuracy_needs_more_than_three_genres(genres: str, there: bool) -> None:
    test = made([(0, 0), (1, 1), (1, 0)], list(genres))
    test.logits[2] = np.nan
    found = scores_from_counts(test.counts.sum(axis=0), len(genres))
    assert set(found) == set(SCORES) - (set() if there else {"top3_accuracy"})
    assert found.get("top3_accuracy") == (pytest.approx(2 / 3) if there else None)


def test_tracks_of_no_artist_stand_alone() -> None:
    tracks = pd.DataFrame({"track_id": ["1", "2", "3", "4"], "artist": ["X", None, None, "X"]})
    table = pd.DataFrame({"track_id": ["4", "3", "2", "1"], "split": ["test"] * 3 + ["val"], "target": [0, 1, 0, 1]})
    table["logits"] = [[0.0, 1.0]] * 4
    test = answers(table, tracks, ["a", "b"])
    assert test.track_id.tolist() == ["2", "3", "4"]
    assert test.target.tolist() == [0, 1, 0]
    assert test.clusters == 3
    assert test.by_artist
    assert not answers(table, tracks.assign(artist=None), ["a", "b"]).by_artist


def test_joined_folds_are_all_their_tracks_in_order() -> None:
    whole = at_random()
    parts = [
        Predictions(whole.track_id[p], whole.target[p], whole.logits[p], whole.artist[p], GENRES, True)
        for p in np.array_split(np.random.default_rng(2).permutation(300), 3)
    ]
    again = joined(parts)
    for name in ("track_id", "target", "logits", "artist", "cluster", "counts"):
        assert np.array_equal(getattr(again, name), getattr(whole, name)), name


def test_of_equal_logits_the_first_genres_are_the_top_three() -> None:
    test = replace(made([(number % 4, 0) for number in range(40)], list("abcd")), logits=np.zeros((40, 4)))
    found = scores_from_counts(test.counts.sum(axis=0), 4)
    assert found["top3_accuracy"] == top_k_accuracy_score(test.target, test.logits, k=3) == 0.75
    assert found["accuracy"] == 0.25


def test_the_size_of_a_test_part_in_words() -> None:
    assert made([(0, 0)] * 3, ["a"]).size == "3 test tracks"
    assert made([(0, 0)] * 3, ["a"], ["artist X", "artist X", "artist Y"]).size == "3 test tracks by 2 artists"
    some = made([(0, 0)] * 3, ["a"], ["artist X", "track 1", "track 2"])
    assert some.size == "3 test tracks by 1 artist (2 by unknown ones)"
