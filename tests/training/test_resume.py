"""An interrupted run goes on as if nothing had happened."""

from pathlib import Path

import pytest
import torch

from genre import run_folder
from genre.config.schema import EvaluateConfig
from genre.errors import GenreError
from genre.evaluation import evaluate
from genre.pipeline import train_and_test
from tests.composing import compose
from tests.training.conftest import Runs, break_at, learnt, weights


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


@pytest.fixture
def interrupted(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two epochs that was interrupted after the first."""
    with monkeypatch.context() as patch:
        break_at(patch, 1)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("run", "trainer.max_epochs=2", "model.learning_rate=2e-3")
    return runs.home / "run"


def resume(folder: Path, *overrides: str) -> None:
    train_and_test(compose([*overrides, f"run_dir={folder}"]), folder, [*overrides, f"run_dir={folder}"])


def test_a_run_is_resumed_elsewhere_and_otherwise_logged(runs: Runs, interrupted: Path) -> None:
    same = runs.overrides("trainer.max_epochs=2", "model.learning_rate=0.002")  # the same number, other text
    elsewhere = ["trainer.accelerator=auto", "trainer.deterministic=warn", "executor.workers=2", "finished=skip"]
    resume(interrupted, *same, *elsewhere, "logger=tensorboard", "data.num_workers=0")
    assert list(interrupted.glob("tensorboard/events.*"))
    assert learnt(interrupted)["epoch"].tolist() == [0, 1]


def test_the_run_folder_alone_resumes_with_the_stored_configuration(interrupted: Path) -> None:
    resume(interrupted)
    assert learnt(interrupted)["epoch"].tolist() == [0, 1]
    assert learnt(interrupted)["learning_rate"].tolist() == pytest.approx([2e-3, 2e-3])


def test_the_run_folder_and_what_does_not_change_training_resume_with_the_rest_as_stored(interrupted: Path) -> None:
    resume(interrupted, "logger=tensorboard", "finished=skip", "trainer.accelerator=auto")
    assert list(interrupted.glob("tensorboard/events.*"))
    assert learnt(interrupted)["learning_rate"].tolist() == pytest.approx([2e-3, 2e-3])


def test_an_unfinished_run_is_not_resumed_with_another_value(runs: Runs, interrupted: Path) -> None:
    message = r"run holds an unfinished run with model\.learning_rate=0\.002, not 0\.001: give run_dir alone to resume"
    with pytest.raises(GenreError, match=message):
        resume(interrupted, *runs.overrides("trainer.max_epochs=2"))


@pytest.mark.parametrize("name", [run_folder.TRACKS, run_folder.METRICS, run_folder.BEST])
def test_a_damaged_run_folder_is_refused(runs: Runs, name: str) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    if name == run_folder.METRICS:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"garbage")
    with pytest.raises(GenreError, match=r"damaged|missing|not a usable checkpoint"):
        evaluate.reevaluate_run(EvaluateConfig(accelerator="cpu"), folder)
