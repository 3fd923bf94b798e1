"""Evaluating a run again gives what its training wrote, or one line that says why not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import evaluate
from genre.evaluation.predictions import answers
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.scores import scores_from_counts
from tests.composing import evaluation
from tests.conftest import Runs


def evaluated(folder: Path) -> EvaluatedRun:
    return evaluate.reevaluate_run(evaluation(accelerator="cpu"), folder)


def test_evaluating_repeats_the_test_exactly(runs: Runs) -> None:
    folder, _ = runs.train("run")
    run, stored = evaluated(folder), run_folder.read_scores(folder)
    assert {k: v for k, v in run.scores.items() if k.startswith("test/")} == {
        k: v for k, v in stored.items() if k.startswith("test/")
    }
    kept = pd.read_parquet(folder / run_folder.PREDICTIONS)
    assert np.array_equal(np.stack(run.predictions["logits"].to_list()), np.stack(kept["logits"].to_list()))


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
        found = answers(table, pd.read_parquet(folder / run_folder.TRACKS), stored["genres"])
        with np.errstate(invalid="ignore"):
            by_evaluation = scores_from_counts(found.counts.sum(axis=0), 3)["log_loss"]
        by_hand = [-row.logits[row.target] for row in tested[tested["prediction"] >= 0].itertuples()]
        assert stored["test/loss"] == pytest.approx(np.mean(by_hand), abs=1e-6)
        assert stored["test/loss"] == pytest.approx(by_evaluation, abs=1e-6)
    assert evaluated(folder).scores["test/loss"] == stored["test/loss"]


def test_a_checkpoint_of_other_genres_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    tracks["genre"] = tracks["genre"].replace({tracks["genre"].iloc[0]: "Zydeco"})
    tracks.to_parquet(folder / run_folder.TRACKS)
    with pytest.raises(GenreError, match=r"genres .*Zydeco"):
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
