"""Whole runs of baselines, of the study's protocol, and of the last epoch's weights."""

import json

import numpy as np
import pandas as pd
import pytest

from genre import run_folder
from genre.config.schema import EvaluateConfig
from genre.evaluation import evaluate
from genre.pipeline import train_and_test
from tests.composing import compose
from tests.training.conftest import Runs, learnt


def test_a_baseline_leaves_the_same_folder(runs: Runs) -> None:
    network, _ = runs.train("network", "trainer.max_epochs=1")
    for name in ("majority", "logreg"):
        folder, objective = runs.train(name, f"model={name}")
        assert {p.name for p in folder.iterdir()} == {p.name for p in network.iterdir()}
        scores = evaluate.reevaluate_run(EvaluateConfig(), folder).scores
        stored = json.loads((folder / run_folder.SCORES).read_text())
        assert scores["test/accuracy"] == stored["test/accuracy"]
        assert objective == stored["val/loss"] == learnt(folder)["val/loss"].item()
    majority = pd.read_parquet(runs.home / "majority" / run_folder.PREDICTIONS)
    assert majority["prediction"].nunique() == 1
    tracks = pd.read_parquet(runs.home / "majority" / run_folder.TRACKS)
    shares = tracks[tracks["split"] == "train"]["genre"].value_counts(normalize=True).sort_index()
    assert np.exp(majority["logits"][0]) == pytest.approx(shares.to_numpy(), abs=1e-6)


def test_the_last_epoch_is_tested_too_where_asked(runs: Runs) -> None:
    folder, _ = runs.train("run", "test_last=true")
    stored = json.loads((folder / run_folder.SCORES).read_text())
    last = pd.read_parquet(folder / run_folder.PREDICTIONS_LAST)
    tested = last[last["split"] == "test"]
    assert stored["last/test/accuracy"] == pytest.approx((tested["target"] == tested["prediction"]).mean())


@pytest.mark.parametrize("model", ["cnn1d_gru", "cnn1d_lstm", "cnn2d_gru", "cnn2d_lstm"])
def test_the_studys_protocol_runs_on_any_collection_and_any_features(runs: Runs, model: str) -> None:
    tiny = [text for text in runs.common if not text.startswith("model=")]
    overrides = [f"experiment=study_{model}", *tiny, "features=mfcc", "features.n_mfcc=8", "trainer.max_epochs=1"]
    folder = runs.home / model
    train_and_test(compose([*overrides, f"run_dir={folder}"]), folder, overrides)
    stored = json.loads((folder / run_folder.SCORES).read_text())
    assert stored["model"] == model
    assert {"test/accuracy", "last/test/accuracy"} <= stored.keys()
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    # floor(0.8 n) and floor(0.1 n) of each genre's 10
    assert tracks.groupby(["split", "genre"]).size().groupby("split").unique().map(list).to_dict() == {
        "train": [8],
        "val": [1],
        "test": [1],
    }
