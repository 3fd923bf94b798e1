"""A run that diverges ends with an error, in whichever epoch, and stays a failed run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from genre import run_folder
from genre.config.schema import EvaluateConfig
from genre.errors import GenreError
from genre.evaluation import evaluate
from genre.evaluation.predictions import answers
from genre.evaluation.scores import scores_from_counts
from genre.training.classifier import GenreClassifier
from tests.training.conftest import Runs, learnt, weights

BY_ACCURACY = ("monitor.metric=val/accuracy", "monitor.mode=max")


def spoil_at(patch: pytest.MonkeyPatch, epoch: int) -> None:
    """Make the weights NaN as that epoch begins."""
    start = GenreClassifier.on_train_epoch_start

    def start_spoiled(self: GenreClassifier) -> None:
        if self.current_epoch == epoch:
            for weight in self.net.parameters():
                weight.data.fill_(float("nan"))
        start(self)

    patch.setattr(GenreClassifier, "on_train_epoch_start", start_spoiled)


def test_nan_weights_are_not_the_best_where_the_monitor_is_a_score(runs: Runs) -> None:
    with pytest.raises(GenreError, match=r"training diverged \(val/loss is nan in epoch 0\): lower model"):
        runs.train("run", "model.learning_rate=1e30", *BY_ACCURACY)
    assert learnt(runs.home / "run")["val/accuracy"].tolist() == [0.0]  # one genre in three would have been right
    assert not (runs.home / "run" / run_folder.SCORES).exists()


@pytest.mark.parametrize("epoch", [2, 3], ids=["late", "last"])
@pytest.mark.parametrize("monitor", [(), BY_ACCURACY], ids=["by loss", "by accuracy"])
def test_a_run_that_diverges_late_has_failed_and_cannot_be_resumed(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, epoch: int, monitor: tuple[str, ...]
) -> None:
    with monkeypatch.context() as patch:
        spoil_at(patch, epoch)
        with pytest.raises(GenreError, match=rf"training diverged \(val/loss is nan in epoch {epoch}\)"):
            runs.train("run", *monitor)
    folder = runs.home / "run"
    epochs = learnt(folder)
    assert epochs["epoch"].tolist() == list(range(epoch + 1))
    assert epochs[["train/accuracy", "val/accuracy"]].iloc[-1].tolist() == [0.0, 0.0]
    assert all(weight.isfinite().all() for weight in weights(folder, run_folder.BEST).values())
    with pytest.raises(GenreError, match=rf"training diverged \(val/loss is nan in epoch {epoch}\)"):
        runs.train("run", *monitor)
    assert learnt(folder).equals(epochs)
    assert not (folder / run_folder.SCORES).exists()


def test_a_training_loss_alone_ends_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    log = GenreClassifier._log

    def log_infinite(self: GenreClassifier, name: str, value: torch.Tensor, size: int) -> None:
        log(self, name, value * (float("inf") if (name, self.current_epoch) == ("train/loss", 1) else 1), size)

    monkeypatch.setattr(GenreClassifier, "_log", log_infinite)
    with pytest.raises(GenreError, match=r"training diverged \(train/loss is inf in epoch 1\)"):
        runs.train("run")
    assert len(learnt(runs.home / "run")) == 2


@pytest.mark.parametrize("model", ["logreg", "majority"])
def test_a_baseline_with_non_finite_logits_has_failed(runs: Runs, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setattr("genre.training.baselines.track_logits", lambda net, mel, *_: net(mel) * float("nan"))
    with pytest.raises(GenreError, match=r"val/loss is nan"):
        runs.train("run", f"model={model}", *BY_ACCURACY)
    assert not (runs.home / "run" / run_folder.SCORES).exists()


@pytest.mark.parametrize("broken", [1, 3], ids=["one track", "all tracks"])
def test_tracks_with_non_finite_logits_are_errors_without_a_loss(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    track_logits = evaluate.track_logits
    calls: list[Any] = []

    def logits(net: Any, mel: torch.Tensor, *windows: Any) -> torch.Tensor:
        calls.append(net)
        found = track_logits(net, mel, *windows)
        if len(calls) % 2 == 0:  # a batch of three validation tracks, then one of three test tracks
            found[:broken, 0] = float("nan")
        return found

    monkeypatch.setattr(evaluate, "track_logits", logits)
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    stored = strict_json(folder / run_folder.SCORES)
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    tested = table[table["split"] == "test"]
    assert (tested["prediction"] == -1).sum() == stored["test/non_finite"] == broken
    assert stored["test/accuracy"] == pytest.approx((tested["prediction"] == tested["target"]).mean())
    found = answers(table, pd.read_parquet(folder / run_folder.TRACKS), stored["genres"])
    with np.errstate(invalid="ignore"):
        by_evaluation = scores_from_counts(found.counts.sum(axis=0), 3)["log_loss"]
    if broken == 3:
        assert stored["test/loss"] is None
    else:
        own = [-row.logits[row.target] for row in tested[tested["prediction"] >= 0].itertuples()]
        assert stored["test/loss"] == pytest.approx(np.mean(own), abs=1e-6)
        assert stored["test/loss"] == pytest.approx(by_evaluation, abs=1e-6)
    again = evaluate.reevaluate_run(EvaluateConfig(accelerator="cpu"), folder).scores
    assert again["test/loss"] == stored["test/loss"]


def strict_json(path: Path) -> dict[str, Any]:
    """Read JSON as the standard has it: without NaN."""
    return json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} in {path}"))
