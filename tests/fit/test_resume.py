"""An interrupted run goes on as if nothing had happened."""

import pytest
import torch

from genre import predictions, run_folder
from genre.errors import GenreError
from genre.settings import EvaluateSettings
from tests.fit.conftest import Runs, break_at, learnt, weights


def test_a_resumed_run_equals_an_undisturbed_one(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    # A plateau scheduler that acts at every chance and one by steps: both have a state that a resumed run must keep
    lively = ["scheduler=plateau_step", "scheduler.plateau.patience=0", "scheduler.plateau.threshold=0.5"]
    lively.append("scheduler.step.step_size=2")
    whole, _ = runs.train("whole", *lively)
    with monkeypatch.context() as patch:
        break_at(patch, 2)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("cut", *lively)
    assert len(learnt(runs.home / "cut")) == 2
    cut, _ = runs.train("cut", *lively)
    assert learnt(whole).equals(learnt(cut))
    for which in (run_folder.LAST, run_folder.BEST):
        pairs = zip(weights(whole, which).values(), weights(cut, which).values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert learnt(whole)["learning_rate"].nunique() > 2


def test_a_run_that_had_stopped_early_is_only_tested_when_resumed(runs: Runs) -> None:
    stopping = ["early_stopping.patience=1", "monitor.metric=val/accuracy", "monitor.mode=max", "trainer.max_epochs=30"]
    folder, objective = runs.train("run", *stopping)
    epochs = len(learnt(folder))
    assert epochs < 30
    (folder / run_folder.SCORES).unlink()
    _, again = runs.train("run", *stopping)
    assert again == objective
    assert len(learnt(folder)) == epochs


def test_a_run_in_a_folder_that_was_moved_keeps_its_best_epoch(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    early = ("model.learning_rate=3", "scheduler=none")  # so large that an early epoch is the best
    with monkeypatch.context() as patch:
        break_at(patch, 3)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("old", *early)
    (runs.home / "old").rename(runs.home / "new")
    folder, objective = runs.train("new", *early)
    assert objective == learnt(folder)["val/loss"].min()
    assert learnt(folder)["val/loss"].idxmin() < 3  # before the folder was moved
    assert len(learnt(folder)) == 4
    assert not (runs.home / "old").exists()


@pytest.mark.parametrize("name", [run_folder.TRACKS, run_folder.METRICS, run_folder.BEST])
def test_a_damaged_run_folder_is_refused(runs: Runs, name: str) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    if name == run_folder.METRICS:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"garbage")
    with pytest.raises(GenreError, match=r"damaged|missing|not a checkpoint"):
        predictions.repeat_test(EvaluateSettings(accelerator="cpu"), folder)
