"""Which epoch is kept, tested and stopped at, by a script in which loss, F1 and the last epoch disagree."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.wiring.conftest import Training, near
from tests.wiring.networks import TRACKS, Scripted, genre_of

VAL = [(-1.0, -1.0), (3.0, -0.1), (0.2, 0.2), (-1.0, -1.0)]
"""The loss is best in epoch 1, where only A is right, and F1 in epoch 2, where both are, by a narrow margin."""
BY_LOSS: list[str] = []
BY_F1 = ["monitor.metric=val/f1_macro", "monitor.mode=max"]
ALL_EPOCHS = ["trainer.max_epochs=4", "early_stopping.patience=null", "test_last=true"]
SHARE_OF_A = np.mean([genre_of(code) == 0 for code in TRACKS["test"]])


def epoch_of(folder: Path, which: str) -> tuple[int, int]:
    """Of a checkpoint: the epoch that it says, and the one that its weights are of."""
    stored = torch.load(folder / f"checkpoints/{which}.ckpt", weights_only=True)
    return stored["epoch"], int(stored["state_dict"]["net.epochs"]) - 1


@pytest.mark.parametrize(("given", "best"), [(BY_LOSS, 1), (BY_F1, 2)], ids=["by loss", "by F1"])
def test_the_best_epoch_by_the_monitored_score_is_kept_and_tested(
    training: Training, use: Any, given: list[str], best: int
) -> None:
    use(Scripted, judged=VAL)
    folder, objective = training.run(*ALL_EPOCHS, *given)
    epochs = pd.read_csv(folder / "metrics.csv")
    metric = "val/f1_macro" if given else "val/loss"
    assert len(epochs) == 4
    assert epochs["val/loss"].idxmin() == 1
    assert epochs["val/f1_macro"].idxmax() == 2
    assert objective == near(epochs[metric][best])
    assert epoch_of(folder, "best") == (best, best)
    assert epoch_of(folder, "last") == (3, 3)

    stored = json.loads((folder / "scores.json").read_text())
    assert stored[metric] == near(objective)
    assert stored["test/accuracy"] == near(SHARE_OF_A if best == 1 else 1.0)
    assert stored["last/test/accuracy"] == 0.0
    for name, ahead in (("predictions", VAL[best]), ("predictions_last", VAL[3])):
        table = pd.read_parquet(folder / f"{name}.parquet")
        logits = np.stack(table["logits"].to_list())
        right = np.take_along_axis(logits, table["target"].to_numpy()[:, None], axis=1)[:, 0]
        assert 2 * right - logits.sum(axis=1) == near([ahead[genre] for genre in table["target"]])


def test_the_last_epoch_is_tested_only_where_asked(training: Training, use: Any) -> None:
    use(Scripted, judged=VAL)
    folder, _ = training.run("trainer.max_epochs=1")
    assert not [name for name in json.loads((folder / "scores.json").read_text()) if name.startswith("last/")]
    assert not (folder / "predictions_last.parquet").exists()


@pytest.mark.parametrize(
    ("given", "epochs"),
    [
        ([*BY_LOSS, "early_stopping.patience=1"], 3),
        ([*BY_F1, "early_stopping.patience=1"], 4),
        ([*BY_LOSS, "early_stopping.patience=2"], 4),
        ([*BY_F1, "early_stopping.patience=2"], 5),
        ([*BY_LOSS, "early_stopping.patience=null"], 6),
    ],
    ids=["loss 1", "F1 1", "loss 2", "F1 2", "never"],
)
def test_training_stops_when_the_monitored_score_does_not_get_better(
    training: Training, use: Any, given: list[str], epochs: int
) -> None:
    use(Scripted, judged=VAL, learning=[(0.1 * k, 0.1 * k) for k in range(1, 7)])
    folder, _ = training.run("trainer.max_epochs=6", *given)
    assert len(pd.read_csv(folder / "metrics.csv")) == epochs
    assert epoch_of(folder, "last") == (epochs - 1, epochs - 1)


def test_logits_are_adjusted_after_training_where_asked(training: Training, use: Any) -> None:
    """A is 6 of 10 training tracks: B's tracks, 0.5 behind, are right from tau log(6/4) > 0.5 on, which 1.3 is not."""
    use(Scripted, judged=[(2.0, -0.5)])
    plain, _ = training.run("trainer.max_epochs=1", name="plain")
    folder, _ = training.run("trainer.max_epochs=1", "model.logit_adjustment=true", name="adjusted")
    scores = [json.loads((path / "scores.json").read_text()) for path in (plain, folder)]
    assert [score["tau"] for score in scores] == [0.0, 1.3]
    assert [score["test/accuracy"] for score in scores] == near([SHARE_OF_A, 1.0])
    table = pd.read_parquet(folder / "predictions.parquet")
    ahead = np.diff(np.stack(table["logits"].to_list()), axis=1)[:, 0]
    assert ahead == near([(-0.5 if genre else -2.0) + 1.3 * np.log(6 / 4) for genre in table["target"]])
