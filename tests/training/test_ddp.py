"""A training on several devices: one process of it writes, prints and tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from lightning.pytorch.utilities import rank_zero_only
from sklearn.metrics import f1_score, log_loss

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import evaluate
from tests.composing import ROOT
from tests.training.conftest import Runs, break_at, learnt


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
    epochs = learnt(folder)
    assert epochs["epoch"].tolist() == [0, 1]
    assert epochs["step"].tolist() == [2, 5]  # 24 tracks in batches of 4 for each of two processes
    last = pd.read_parquet(folder / run_folder.PREDICTIONS_LAST)
    logits, targets = evaluate.logits_and_targets(last, "val")
    assert len(targets) == 3  # not a multiple of 2
    loss = log_loss(targets, logits.double().softmax(dim=1), labels=[0, 1, 2])
    assert epochs["val/loss"].iloc[-1] == pytest.approx(loss, abs=1e-5)
    macro = f1_score(targets, logits.argmax(dim=1), labels=sorted(set(targets.tolist())), average="macro")
    assert epochs["val/f1_macro"].iloc[-1] == pytest.approx(macro, abs=1e-6)
    assert json.loads((folder / run_folder.SCORES).read_text())["test/tracks"] == 3
    writers = {path.name.split(".")[-2] for path in folder.glob("tensorboard/events.*")}
    assert len(writers) == 1  # process ids


def test_the_other_processes_of_a_training_neither_lock_nor_test_nor_print(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        break_at(patch, 1)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("run", "trainer.max_epochs=2")
    log = (runs.home / "run" / run_folder.LOG).read_text()
    capsys.readouterr()
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    monkeypatch.setattr("genre.training.run_lock.FileLock", None)  # would fail if it was called
    monkeypatch.setattr("genre.training.fit.fit_network", lambda *_: 0.5)
    folder, score = runs.train("run", "trainer.max_epochs=2")
    assert score == 0.5
    assert not run_folder.is_finished(folder)
    assert not (folder / run_folder.PREDICTIONS).exists()
    assert (folder / run_folder.LOG).read_text() == log
    assert capsys.readouterr().out == ""


def test_several_devices_without_a_gpu_are_refused(runs: Runs) -> None:
    with pytest.raises(GenreError, match=r"trainer\.devices=2 requires GPUs"):
        runs.train("run", "trainer.devices=2", "trainer.strategy=ddp")
    assert not (runs.home / "run").exists()
