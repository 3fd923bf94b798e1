import logging
import sys
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.callbacks import RichProgressBar

from genre import run_folder
from genre.errors import GenreError
from genre.training.callbacks import EpochLogger, progress_callback
from genre.training.classifier import GenreClassifier
from tests.conftest import Runs, read_metrics, read_weights

BY_ACCURACY = ("monitor.metric=val/accuracy", "monitor.mode=max")


def test_a_terminal_has_a_progress_bar_and_a_file_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress_callback("val/loss"), EpochLogger)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(progress_callback("val/loss"), RichProgressBar)


def test_an_epoch_logs_its_scores_and_the_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 106.0, 112.0])
    monkeypatch.setattr("genre.training.callbacks.time.perf_counter", lambda: next(clock))
    scores = {"val/f1_macro": 0.25, "train/loss": 1.25, "val/loss": 1.5, "val/accuracy": 0.5}
    trainer = SimpleNamespace(current_epoch=4, max_epochs=10, callback_metrics=scores)  # a resumed run
    callback = EpochLogger("val/f1_macro")
    callback.on_train_start(trainer, None)  # type: ignore[arg-type]
    trainer.current_epoch = 5
    with caplog.at_level(logging.INFO, "genre"):
        callback.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]
        trainer.current_epoch = 9
        callback.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]
    values = "val/f1_macro 0.2500, train/loss 1.2500, val/loss 1.5000, val/accuracy 0.5000"
    assert caplog.messages == [
        f"epoch 6 of at most 10: {values}; at most 12 s left",
        f"epoch 10 of at most 10: {values}",
    ]


def spoil_at(patch: pytest.MonkeyPatch, epoch: int) -> None:
    """Make the weights NaN at the start of that epoch."""
    start = GenreClassifier.on_train_epoch_start

    def start_spoiled(classifier: GenreClassifier) -> None:
        if classifier.current_epoch == epoch:
            for weight in classifier.net.parameters():
                weight.data.fill_(float("nan"))
        start(classifier)

    patch.setattr(GenreClassifier, "on_train_epoch_start", start_spoiled)


def test_nan_weights_are_not_the_best_by_accuracy(runs: Runs) -> None:
    with pytest.raises(GenreError, match=r"training diverged \(val/loss is nan in epoch 1\): lower model"):
        runs.train("run", "model.learning_rate=1e30", *BY_ACCURACY)
    assert read_metrics(runs.home / "run")["val/accuracy"].tolist() == [0.0]  # argmax would be right once in three
    assert not run_folder.is_finished(runs.home / "run")


@pytest.mark.parametrize("epoch", [2, 3], ids=["late", "last"])
@pytest.mark.parametrize("monitor", [(), BY_ACCURACY], ids=["by loss", "by accuracy"])
def test_a_diverged_run_fails_and_cannot_be_resumed(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, epoch: int, monitor: tuple[str, ...]
) -> None:
    message = rf"training diverged \(val/loss is nan in epoch {epoch + 1}\)"
    with monkeypatch.context() as patch:
        spoil_at(patch, epoch)
        with pytest.raises(GenreError, match=message):
            runs.train("run", *monitor)
    folder = runs.home / "run"
    table = read_metrics(folder)
    assert table["epoch"].tolist() == list(range(epoch + 1))
    assert table[["train/accuracy", "val/accuracy"]].iloc[-1].tolist() == [0.0, 0.0]
    assert all(weight.isfinite().all() for weight in read_weights(folder, run_folder.BEST).values())
    with pytest.raises(GenreError, match=message):
        runs.train("run", *monitor)
    assert read_metrics(folder).equals(table)
    assert not run_folder.is_finished(folder)


def test_an_infinite_training_loss_alone_ends_the_run(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    log = GenreClassifier._log

    def log_infinite(self: GenreClassifier, name: str, value: torch.Tensor, size: int) -> None:
        log(self, name, value * (float("inf") if (name, self.current_epoch) == ("train/loss", 1) else 1), size)

    monkeypatch.setattr(GenreClassifier, "_log", log_infinite)
    with pytest.raises(GenreError, match=r"training diverged \(train/loss is inf in epoch 2\)"):
        runs.train("run")
    assert len(read_metrics(runs.home / "run")) == 2


def test_the_best_epoch_is_kept_when_the_folder_is_moved(runs: Runs) -> None:
    early = ("model.learning_rate=3", "scheduler=none")  # so large that an early epoch is the best
    runs.interrupt("old", 3, *early).rename(runs.home / "new")
    folder, best = runs.train("new", *early)
    table = read_metrics(folder)
    assert best == table["val/loss"].min()
    assert table["val/loss"].idxmin() < 3  # before the folder was moved
    assert len(table) == 4
    assert not (runs.home / "old").exists()
