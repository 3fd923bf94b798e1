"""Predictions as tables and their text."""

from dataclasses import replace

import numpy as np
import pandas as pd

from genre.evaluation.predictions import Predictions
from tests.evaluation.conftest import make_predictions


def test_tracks_of_unknown_artist_are_clusters_of_their_own() -> None:
    tracks = pd.DataFrame({"track_id": ["1", "2", "3", "4"], "artist": ["X", None, None, "X"]})
    tracks["title"] = ["A", "B", None, "D"]
    table = pd.DataFrame({"track_id": ["4", "3", "2", "1"], "split": ["test"] * 3 + ["val"], "target": [0, 1, 0, 1]})
    table["logits"] = [[0.0, 1.0]] * 4
    test = Predictions.from_table(table, tracks, ["a", "b"])
    assert test.track_id.tolist() == ["2", "3", "4"]
    assert test.title.tolist() == ["B", None, "D"]
    assert test.target.tolist() == [0, 1, 0]
    assert test.n_clusters == 3
    assert test.has_artists
    assert not Predictions.from_table(table, tracks.assign(artist=None), ["a", "b"]).has_artists
    val = Predictions.from_table(table, tracks, ["a", "b"], "val")
    assert val.track_id.tolist() == ["1"]
    assert (val.split_name, test.split_name) == ("validation", "test")


def test_joined_folds_have_artists_if_one_of_them_has() -> None:
    unknown = make_predictions([(0, 0)] * 2, ["a"])
    known = make_predictions([(0, 0)] * 2, ["a"], ["artist X", "artist Y"])
    assert (unknown.has_artists, known.has_artists) == (False, True)
    assert Predictions.concatenate([unknown, known]).has_artists


def test_concatenated_folds_are_all_tracks_in_order() -> None:
    random = np.random.default_rng(0)
    ids, artist = np.array([f"{number:04d}" for number in range(300)]), random.integers(0, 40, 300).astype(str)
    target, logits, title = random.integers(0, 4, 300), random.normal(0, 1, (300, 4)), np.char.add("song ", ids)
    whole = Predictions(ids, target, logits, artist, title, list("abcd"), True)
    joined = Predictions.concatenate([whole.take(rows) for rows in np.array_split(random.permutation(300), 3)])
    for name in ("track_id", "target", "logits", "artist", "title", "cluster_ids", "cluster_counts"):
        assert np.array_equal(getattr(joined, name), getattr(whole, name)), name


def test_size_of_a_test_set_in_words() -> None:
    assert make_predictions([(0, 0)] * 3, ["a"]).describe() == "3 test tracks"
    known = make_predictions([(0, 0)] * 3, ["a"], ["artist X", "artist X", "artist Y"])
    assert known.describe() == "3 test tracks by 2 artists"
    some = make_predictions([(0, 0)] * 3, ["a"], ["artist X", "track 1", "track 2"])
    assert some.describe() == "3 test tracks by 1 artist (2 by unknown ones)"
    repeated = replace(some, track_id=np.array(["1", "1", "2"]), artist=some.artist[[1, 1, 2]], split="val")
    expected = "2 validation tracks by 0 artists (2 by unknown ones), 3 predictions (folds share tracks)"
    assert repeated.describe() == expected
