"""Baselines beside a network."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation.baselines import verdicts
from genre.models.checkpoint import load_model
from tests.conftest import Runs

SCORES = {
    "model": "cnn1d_gru",
    "val/f1_macro": 0.6,
    "val/accuracy": 0.7,
    "logreg/val/f1_macro": 0.5,
    "logreg/val/accuracy": 0.6,
    "majority/val/f1_macro": 0.1,
    "majority/val/accuracy": 0.3,
}


def test_a_network_above_both_has_no_verdict() -> None:
    assert verdicts(SCORES) == []


def test_a_network_that_is_not_better_is_named_with_its_scores() -> None:
    line = (
        "cnn1d_gru is not better than logistic regression on the same features on the validation tracks: F1 macro "
        "0.600, not above 0.600"
    )
    assert verdicts(SCORES | {"logreg/val/f1_macro": 0.6}) == [line]
    (regression, majority) = verdicts(SCORES | {"val/f1_macro": 0.05, "val/accuracy": 0.2})
    assert regression.endswith("F1 macro 0.050, not above 0.500; accuracy 0.200, not above 0.600")
    assert "the most frequent genre" in majority


def test_the_probe_is_named_where_it_was_fitted() -> None:
    (line,) = verdicts(SCORES | {"probe/val/f1_macro": 0.65, "probe/val/accuracy": 0.65})
    assert line == (
        "cnn1d_gru is not better than logistic regression on pretrained features on the validation tracks: F1 macro "
        "0.600, not above 0.650"
    )


def test_the_scores_beside_a_run_are_those_of_a_run_of_the_baseline(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    printed = capsys.readouterr().out
    assert "│ logreg " in printed
    assert "│ majority " in printed
    scores = run_folder.read_scores(folder)
    for name in ("logreg", "majority"):
        own = run_folder.read_scores(runs.train(name, f"model={name}")[0])
        assert "logreg/test/accuracy" not in own  # only beside networks
        for score in ("test/accuracy", "test/f1_macro", "val/f1_macro", "val/accuracy"):
            assert scores[f"{name}/{score}"] == pytest.approx(own[score]), (name, score)


def test_the_probe_stands_beside_a_run_once_its_features_are_cached(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    features = "features@probe=mfcc", "probe.n_mfcc=13"
    before, _ = runs.train("before", "trainer.max_epochs=1", *features)
    own = run_folder.read_scores(runs.train("probe", "model=probe", *features)[0])
    capsys.readouterr()
    after, _ = runs.train("after", "trainer.max_epochs=1", *features)
    assert "probe/test/accuracy" not in run_folder.read_scores(before)
    scores = run_folder.read_scores(after)
    for score in ("test/accuracy", "test/f1_macro", "val/f1_macro", "val/accuracy"):
        assert scores[f"probe/{score}"] == pytest.approx(own[score]), score
    assert "│ probe " in capsys.readouterr().out
    with pytest.raises(GenreError, match="probe: n_mfcc must be between 1 and n_mels=128, not 200"):
        runs.train("wrong", "features@probe=mfcc", "probe.n_mfcc=200")  # before it trains
    metadata = load_model(runs.home / "probe" / run_folder.BEST).metadata
    assert metadata["features"]["n_mfcc"] == metadata["net"]["n_mels"] == 13


def test_validation_scores_are_those_of_the_tested_weights(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=2")
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    val = table[table["split"] == "val"]
    target, prediction = val["target"].to_numpy(), val["prediction"].to_numpy()
    scores = run_folder.read_scores(folder)
    assert scores["val/accuracy"] == pytest.approx(np.mean(target == prediction))
    labels = np.unique(target)
    assert scores["val/f1_macro"] == pytest.approx(f1_score(target, prediction, labels=labels, average="macro"))
