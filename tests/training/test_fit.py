"""A whole run, its folder, and the same test from it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import f1_score

from genre import run_folder
from genre.config.schema import EvaluateConfig
from genre.evaluation import evaluate
from tests.training.conftest import Runs, learnt, weights


def test_a_run_leaves_a_folder_that_tells_all(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    folder, objective = runs.train("run", "logger=tensorboard")
    names = [run_folder.CONFIG, run_folder.OVERRIDES, run_folder.BEST, run_folder.LAST, run_folder.METRICS]
    names += [run_folder.TRACKS, run_folder.REJECTED, run_folder.PREDICTIONS, run_folder.SCORES, run_folder.LOG]
    assert [name for name in names if not (folder / name).exists()] == []
    assert list(folder.glob("tensorboard/events.*"))

    metrics = pd.read_csv(folder / run_folder.METRICS)
    assert metrics["epoch"].tolist() == [0, 1, 2, 3]
    assert objective == metrics["val/loss"].min()
    scores = {"loss", "accuracy", "f1_macro", "f1_weighted"}
    assert {f"{part}/{name}" for part in ("train", "val") for name in scores} | {"learning_rate"} <= set(metrics)

    said = capsys.readouterr()
    stored = json.loads((folder / run_folder.SCORES).read_text())
    assert f"{stored['test/accuracy']:.4f}" in said.out
    assert str(folder) in said.out
    assert "Traceback" not in said.err
    assert "warn" not in (said.out + said.err).lower()


def test_the_test_scores_are_those_of_the_best_checkpoint(runs: Runs) -> None:
    folder, _ = runs.train("run")
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    stored = json.loads((folder / run_folder.SCORES).read_text())
    tested = table[table["split"] == "test"]
    assert set(table["split"]) == {"val", "test"}
    assert stored["test/tracks"] == len(tested)
    assert stored["test/accuracy"] == pytest.approx((tested["target"] == tested["prediction"]).mean())
    labels = sorted(tested["target"].unique())
    macro = f1_score(tested["target"], tested["prediction"], labels=labels, average="macro", zero_division=0)
    assert stored["test/f1_macro"] == pytest.approx(macro)
    assert (np.stack(table["logits"].to_list()).argmax(axis=1) == table["prediction"]).all()
    # the validation part's loss is the monitored score of the best epoch, not of the last
    logits, targets = evaluate.logits_and_targets(table, "val")
    assert torch.nn.functional.cross_entropy(logits, targets).item() == pytest.approx(stored["val/loss"], abs=1e-6)


def test_evaluating_repeats_the_test_exactly(runs: Runs) -> None:
    folder, _ = runs.train("run")
    run = evaluate.reevaluate_run(EvaluateConfig(accelerator="cpu"), folder)
    scores, table = run.scores, run.predictions
    stored = json.loads((folder / run_folder.SCORES).read_text())
    assert {k: v for k, v in scores.items() if k.startswith("test/")} == {
        k: v for k, v in stored.items() if k.startswith("test/")
    }
    kept = pd.read_parquet(folder / run_folder.PREDICTIONS)
    assert np.array_equal(np.stack(table["logits"].to_list()), np.stack(kept["logits"].to_list()))


def test_the_same_seed_gives_the_same_run_and_another_seed_another(runs: Runs) -> None:
    first, _ = runs.train("first")
    again, _ = runs.train("again")
    other, _ = runs.train("other", "seed=7")
    assert learnt(first).equals(learnt(again))
    assert all(torch.equal(a, b) for a, b in zip(weights(first).values(), weights(again).values(), strict=True))
    assert not learnt(first).equals(learnt(other))
