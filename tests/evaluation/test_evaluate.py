"""Evaluating a run again gives the results of its training, or a one-line error."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import f1_score

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import evaluate
from genre.evaluation.evaluate import NO_PREDICTION, predict_splits, reevaluate_run
from genre.evaluation.evaluate import test_scores as scores_of
from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.scores import compute_scores
from tests.composing import evaluation
from tests.conftest import Runs


def evaluated(folder: Path) -> EvaluatedRun:
    return reevaluate_run(evaluation(accelerator="cpu"), folder)


def test_evaluating_repeats_the_test_exactly(runs: Runs) -> None:
    folder, _ = runs.train("run")
    run, stored = evaluated(folder), run_folder.read_scores(folder)
    assert {k: v for k, v in run.scores.items() if k.startswith("test/")} == {
        k: v for k, v in stored.items() if k.startswith("test/")
    }
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    for split, predictions in (("val", run.val_predictions), ("test", run.predictions)):
        rows = table[table["split"] == split].sort_values("track_id")
        assert predictions.track_id.tolist() == rows["track_id"].tolist()
        assert np.array_equal(predictions.logits, np.stack(rows["logits"].to_list()))


def test_logit_adjustment_is_repeated(runs: Runs) -> None:
    folder, _ = runs.train("run", "model.logit_adjustment=true", "trainer.max_epochs=1")
    tau = run_folder.read_scores(folder)["tau"]
    assert 0 <= tau <= 2
    assert evaluated(folder).scores["tau"] == tau


@pytest.mark.parametrize("broken", [1, 3], ids=["one track", "all tracks"])
def test_tracks_with_non_finite_logits_are_errors_without_a_loss(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    track_logits = evaluate.track_logits
    calls = []

    def logits(net: torch.nn.Module, mel: torch.Tensor, *windows: object) -> torch.Tensor:
        calls.append(net)
        found = track_logits(net, mel, *windows)
        if len(calls) % 2 == 0:  # a batch of three validation tracks, then one of three test tracks
            found[:broken, 0] = float("nan")
        return found

    monkeypatch.setattr(evaluate, "track_logits", logits)
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    text = (folder / run_folder.SCORES).read_text()
    stored = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not valid JSON"))
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    tested = table[table["split"] == "test"]
    assert (tested["prediction"] == -1).sum() == stored["test/non_finite"] == broken
    assert stored["test/accuracy"] == pytest.approx((tested["prediction"] == tested["target"]).mean())
    if broken == 3:
        assert stored["test/loss"] is None
    else:
        found = Predictions.from_table(table, pd.read_parquet(folder / run_folder.TRACKS), stored["genres"])
        with np.errstate(invalid="ignore"):
            by_evaluation = compute_scores(found)["log_loss"]
        by_hand = [-row.logits[row.target] for row in tested[tested["prediction"] >= 0].itertuples()]
        assert stored["test/loss"] == pytest.approx(np.mean(by_hand), abs=1e-6)
        assert stored["test/loss"] == pytest.approx(by_evaluation, abs=1e-6)
    assert evaluated(folder).scores["test/loss"] == stored["test/loss"]


def test_a_checkpoint_of_other_genres_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    tracks["genre"] = tracks["genre"].replace({tracks["genre"].iloc[0]: "Zydeco"})
    tracks.to_parquet(folder / run_folder.TRACKS)
    with pytest.raises(GenreError, match=r"and the data have different genres \(.* and Zydeco.*\): evaluate it on"):
        evaluated(folder)


@pytest.mark.parametrize("name", [run_folder.BEST, run_folder.TRACKS, run_folder.CONFIG, run_folder.METRICS])
def test_a_run_folder_with_a_missing_file_is_refused(runs: Runs, name: str) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    (folder / name).unlink()
    with pytest.raises(GenreError, match=r"run_dir must be|is not a run folder"):
        evaluated(folder)


@pytest.mark.parametrize("name", [run_folder.TRACKS, run_folder.METRICS, run_folder.BEST])
def test_a_run_folder_with_a_damaged_file_is_refused(runs: Runs, name: str) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    (folder / name).write_bytes(b"garbage")
    with pytest.raises(GenreError, match=r"damaged|not a usable checkpoint"):
        evaluated(folder)


def test_predictions_of_a_split_are_stored_and_read_no_other(run: EvaluatedRun) -> None:
    stored = pd.read_parquet(run.folder / run_folder.PREDICTIONS)
    table = predict_splits(run.model, run.datamodule, "cpu", ["test"])
    assert set(table["split"]) == {"test"}
    pd.testing.assert_frame_equal(table, stored[stored["split"] == "test"].reset_index(drop=True), check_dtype=False)


def test_scores_of_a_table_by_hand() -> None:
    table = pd.DataFrame({"split": ["test"] * 4 + ["val"], "target": [0, 0, 1, 1, 2]})
    table["logits"] = [
        np.array(row, np.float32) for row in ([2, 0, 0], [0, 2, 0], [0, 2, 0], [np.nan, 0, 0], [0, 0, 9])
    ]
    scores = scores_of(table)
    assert scores["test/accuracy"] == pytest.approx(2 / 4)
    assert scores["test/f1_macro"] == pytest.approx(
        f1_score([0, 0, 1, 1], [0, 1, 1, 3], labels=[0, 1], average="macro")
    )
    right, wrong = np.log(np.exp(2) + 2) - 2, np.log(np.exp(2) + 2)
    assert scores["test/loss"] == pytest.approx((2 * right + wrong) / 3)
    assert (scores["test/tracks"], scores["test/genres"], scores["test/non_finite"]) == (4, 2, 1)
    table["logits"] = [np.full(3, np.nan, np.float32)] * 5
    assert scores_of(table)["test/loss"] is None
    assert NO_PREDICTION == -1


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_stored_split_without_tracks_is_one_line(run: EvaluatedRun, split: str) -> None:
    path = run.folder / run_folder.TRACKS
    content = path.read_bytes()
    tracks = pd.read_parquet(path)
    tracks[tracks["split"] != split].to_parquet(path)
    try:
        with pytest.raises(GenreError) as caught:
            reevaluate_run(evaluation(accelerator="cpu"), run.folder)
    finally:
        path.write_bytes(content)
    assert str(caught.value) == f"{path} has no {split} tracks: train again"


def test_metrics_without_seconds_are_damaged(run: EvaluatedRun) -> None:
    path = run.folder / run_folder.METRICS
    content = path.read_bytes()
    path.write_text("epoch\n0\n")
    try:
        with pytest.raises(GenreError) as caught:
            reevaluate_run(evaluation(accelerator="cpu"), run.folder)
    finally:
        path.write_bytes(content)
    assert str(caught.value) == f"{path} is damaged: train again"


def test_a_run_without_an_accelerator_is_tested_on_the_one_that_there_is(runs: Runs) -> None:
    folder, _ = runs.train("run", "~trainer.accelerator", "trainer.max_epochs=1")
    assert (
        reevaluate_run(evaluation(), folder).scores["test/accuracy"] == run_folder.read_scores(folder)["test/accuracy"]
    )
