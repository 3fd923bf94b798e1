"""Where there is no terminal, an epoch is a line."""

import logging
import sys
from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import RichProgressBar

from genre.training.callbacks import EpochLogger, progress_callback


def test_a_terminal_has_a_bar_and_a_file_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress_callback("val/loss"), EpochLogger)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(progress_callback("val/loss"), RichProgressBar)


def test_an_epoch_says_its_scores_and_what_is_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 106.0])
    monkeypatch.setattr("genre.training.callbacks.time.perf_counter", lambda: next(clock))
    scores = {"val/f1_macro": 0.25, "val/loss": 1.5, "val/accuracy": 0.5}
    trainer = SimpleNamespace(current_epoch=4, max_epochs=10, callback_metrics=scores)  # a resumed run
    lines = EpochLogger("val/f1_macro")
    lines.on_train_start(trainer, None)  # type: ignore[arg-type]
    trainer.current_epoch = 5
    with caplog.at_level(logging.INFO, "genre"):
        lines.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]
    said = "epoch 6 of at most 10: val/f1_macro 0.2500, val/loss 1.5000, val/accuracy 0.5000; at most 12 s left"
    assert caplog.messages == [said]
