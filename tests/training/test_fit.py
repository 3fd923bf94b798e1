"""Training a network: what cannot start, precision, class weights and several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from lightning.pytorch.utilities import rank_zero_only
from sklearn.metrics import f1_score, log_loss

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import evaluate
from genre.training.classifier import GenreClassifier
from tests.composing import ROOT
from tests.conftest import Runs, read_metrics, read_weights


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.root=/does/not/exist", "is not a folder"),
        ("best=/does/not/exist", r"no best\.yaml in"),
        (
            "trainer.limit_train_batches=0.1",
            r"limit_train_batches=0.1 is less than one of 6 train batches: use at least 0.167",
        ),
        ("trainer.limit_val_batches=0.5", r"limit_val_batches=0.5 is less than one of 1 val batches: use at least 1.0"),
        ("trainer.overfit_batches=0.1", r"overfit_batches=0.1 is less than one of 6 train batches: use at least 0.167"),
        ("trainer.devices=2", r"trainer\.devices=2 requires GPUs"),
    ],
)
def test_a_run_that_cannot_start_leaves_no_folder(runs: Runs, override: str, message: str) -> None:
    with pytest.raises(GenreError, match=message):
        runs.train("run", override)
    assert not (runs.home / "run").exists()


def test_the_smallest_fraction_of_batches_in_the_message_can_be_used(runs: Runs) -> None:
    runs.train("run", "trainer.limit_train_batches=0.167", "trainer.max_epochs=1")


@pytest.mark.parametrize("weighted", [True, False])
def test_class_weights_are_used_on_request(runs: Runs, weighted: bool) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1", f"model.class_weights={weighted}")
    assert ("loss.weight" in read_weights(folder)) == weighted


def test_too_little_memory_on_a_gpu_is_an_error_of_one_line(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(GenreClassifier, "training_step", fail)
    with pytest.raises(GenreError, match=r"too little memory for data\.batch_size=4: set a smaller one"):
        runs.train("run")


def test_a_callback_that_watches_no_score_is_an_error_of_one_line(runs: Runs) -> None:
    callback = "{_target_: lightning.pytorch.callbacks.ModelCheckpoint, monitor: val/acc}"
    with pytest.raises(GenreError, match=r"the training cannot be run: .*monitor='val/acc'"):
        runs.train("run", f"callbacks.mine={callback}")


TYPES = {"bf16-true": torch.bfloat16, "64-true": torch.float64, "bf16-mixed": torch.float32}
TOLERANCE = {"bf16-true": 2e-2, "64-true": 1e-4, "bf16-mixed": 2e-2}


@pytest.mark.parametrize("precision", TYPES)
def test_a_run_trains_in_its_precision_and_is_tested_in_float32(runs: Runs, precision: str) -> None:
    common = ("trainer.max_epochs=2", "model.class_weights=true")
    folder, best = runs.train("run", *common, f"trainer.precision={precision}")
    assert read_weights(folder)["net.head.0.weight"].dtype == TYPES[precision]
    losses = read_metrics(folder)[["train/loss", "val/loss"]]
    reference, _ = runs.train("reference", *common)
    expected = read_metrics(reference)[losses.columns].to_numpy()
    assert losses.to_numpy() == pytest.approx(expected, abs=TOLERANCE[precision])
    logits, targets = evaluate.logits_and_targets(pd.read_parquet(folder / run_folder.PREDICTIONS), "val")
    assert logits.dtype == torch.float32
    loss = torch.nn.functional.cross_entropy(logits, targets).item()
    assert loss == pytest.approx(best, abs=TOLERANCE[precision])
    assert run_folder.read_scores(folder)["val/loss"] == best


@pytest.mark.slow
def test_two_processes_train_one_run_and_validate_on_each_track_once(runs: Runs) -> None:
    folder = runs.home / "run"
    ddp = ["trainer.devices=2", "trainer.strategy=ddp", "trainer.max_epochs=2", "test_last=true", "logger=tensorboard"]
    command = [sys.executable, str(Path(__file__).with_name("ddp.py")), str(folder), *runs.overrides(*ddp)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("run folder: ") == 1
    assert done.stdout.count("30 tracks of 3 genres") == 1
    assert "another process" not in done.stderr
    table = read_metrics(folder)
    assert table["epoch"].tolist() == [0, 1]
    assert table["step"].tolist() == [2, 5]  # 24 tracks in batches of 4 on each of two processes
    last = pd.read_parquet(folder / run_folder.PREDICTIONS_LAST)
    logits, targets = evaluate.logits_and_targets(last, "val")
    assert len(targets) == 3  # not a multiple of 2
    loss = log_loss(targets, logits.double().softmax(dim=1), labels=[0, 1, 2])
    assert table["val/loss"].iloc[-1] == pytest.approx(loss, abs=1e-5)
    macro = f1_score(targets, logits.argmax(dim=1), labels=sorted(set(targets.tolist())), average="macro")
    assert table["val/f1_macro"].iloc[-1] == pytest.approx(macro, abs=1e-6)
    assert run_folder.read_scores(folder)["test/tracks"] == 3
    writers = {path.name.split(".")[-2] for path in folder.glob("tensorboard/events.*")}
    assert len(writers) == 1  # process ids


def test_processes_of_another_rank_neither_lock_nor_test_nor_print(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = (runs.interrupt("run", 1, "trainer.max_epochs=2") / run_folder.LOG).read_text()
    capsys.readouterr()
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    monkeypatch.setattr("genre.training.run_lock.FileLock", None)  # fails if it is called
    monkeypatch.setattr("genre.training.fit.fit_network", lambda *_: 0.5)
    folder, score = runs.train("run", "trainer.max_epochs=2")
    assert score == 0.5
    assert not run_folder.is_finished(folder)
    assert not (folder / run_folder.PREDICTIONS).exists()
    assert (folder / run_folder.LOG).read_text() == log
    assert capsys.readouterr().out == ""
