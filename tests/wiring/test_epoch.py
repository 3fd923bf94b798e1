"""Epochs of a network of two parameters against numbers worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.wiring import by_hand
from tests.wiring.conftest import Training, near
from tests.wiring.networks import Line, Recorder, Scripted

SCORES = ("accuracy", "f1_macro", "f1_weighted")
FROZEN, RATE = "model.learning_rate=1e-12", "model.learning_rate=0.004"
WEIGHTS = (10 / (2 * 6), 10 / (2 * 4))
"""Inverse to the genres' 6 and 4 training tracks, of mean 1 over the 10."""


def parameters(folder: Path, which: str = "last") -> list[float]:
    state = torch.load(folder / f"checkpoints/{which}.ckpt", weights_only=True)["state_dict"]
    return [state["net.weight"].item(), state["net.bias"].item()]


PLAIN = (["model.weight_decay=0"], {})
DECAY = (["model.weight_decay=0.2"], {"weight_decay": 0.2})
SMOOTH = (["model.label_smoothing=0.3", "model.weight_decay=0"], {"smoothing": 0.3})
WEIGHTED = (["model.class_weights=true", "model.weight_decay=0"], {"class_weights": WEIGHTS})
ALL = ([*DECAY[0], SMOOTH[0][0], WEIGHTED[0][0]], {**DECAY[1], **SMOOTH[1], **WEIGHTED[1]})


@pytest.mark.parametrize(
    ("given", "told"), [PLAIN, DECAY, SMOOTH, WEIGHTED, ALL], ids=["plain", "decay", "smooth", "weighted", "all"]
)
def test_three_epochs_are_what_the_formulas_say(
    training: Training, use: Any, given: list[str], told: dict[str, Any]
) -> None:
    use(Line)
    rates = ["model.learning_rate=0.2", "scheduler=step", "scheduler.step.step_size=1", "scheduler.step.gamma=0.5"]
    folder, _ = training.run("trainer.max_epochs=3", *rates, *given)
    x, genre = by_hand.part("training")
    val_x, val_genre = by_hand.part("validation")
    adam = by_hand.Adam(**told)
    rows = pd.read_csv(folder / "metrics.csv").to_dict("records")
    assert len(rows) == 3
    for number, row in enumerate(rows):
        rate = 0.2 * 0.5**number
        p = by_hand.probability(adam.logits(x))
        assert row["learning_rate"] == near(rate)
        assert row["train/loss"] == near(by_hand.smoothed(p, genre, adam.smoothing, adam.class_weights))
        assert [row[f"train/{name}"] for name in SCORES] == near(by_hand.scores(p, genre))
        adam.step(rate, x, genre)
        p = by_hand.probability(adam.logits(val_x))
        assert row["val/loss"] == near(by_hand.cross_entropy(p, val_genre))
        assert [row[f"val/{name}"] for name in SCORES] == near(by_hand.scores(p, val_genre))
    assert parameters(folder) == near(adam.parameters)


@pytest.mark.parametrize("given", [[], ["model.label_smoothing=0.3"], ["model.class_weights=true"]])
def test_the_validation_loss_is_unweighted_and_unsmoothed(training: Training, use: Any, given: list[str]) -> None:
    use(Line)
    (row,) = training.epochs("trainer.max_epochs=1", FROZEN, *given).to_dict("records")
    start = by_hand.Adam()
    plain = {}
    for name in ("training", "validation"):
        x, genre = by_hand.part(name)
        plain[name] = by_hand.cross_entropy(by_hand.probability(start.logits(x)), genre)
    assert row["val/loss"] == near(plain["validation"])
    assert (row["train/loss"] == near(plain["training"])) == (not given)


def test_losses_are_means_over_tracks_not_over_batches(training: Training, use: Any) -> None:
    use(Line)
    (row,) = training.epochs("trainer.max_epochs=1", FROZEN, "data.batch_size=4").to_dict("records")
    start = by_hand.Adam()
    for name, part in (("train", "training"), ("val", "validation")):  # batches of 4, 4, 2 and of 4, 1
        x, genre = by_hand.part(part)
        p = by_hand.probability(start.logits(x))
        assert row[f"{name}/loss"] == near(by_hand.cross_entropy(p, genre))
        assert [row[f"{name}/{score}"] for score in SCORES] == near(by_hand.scores(p, genre))


STILL, BETTER = [(0.5, 0.5)], [(0.1 * k, 0.1 * k) for k in range(1, 6)]
RISING = [(0.5, -0.5), (0.5, 0.5), (0.1, 0.1), (0.05, 0.05), (0.01, 0.01)]
"""F1 rises once and stays; the loss falls once and rises."""
BY_F1 = ["monitor.metric=val/f1_macro", "monitor.mode=max"]


@pytest.mark.parametrize(
    ("train", "val", "given", "halved"),
    [
        (BETTER, STILL, [], [0, 0, 1, 2, 3]),
        (STILL, BETTER, [], [0, 0, 0, 0, 0]),
        (BETTER, STILL, BY_F1, [0, 0, 1, 2, 3]),
        (STILL, RISING, BY_F1, [0, 0, 0, 1, 2]),
        (BETTER, STILL, ["scheduler.plateau.patience=1"], [0, 0, 0, 1, 1]),
    ],
    ids=["stalled", "improving", "by F1", "by rising F1", "patient"],
)
def test_a_plateau_watches_the_monitored_score(
    training: Training, use: Any, train: list, val: list, given: list[str], halved: list[int]
) -> None:
    use(Scripted, learning=train, judged=val)
    plateau = ["scheduler=plateau", "scheduler.plateau.patience=0", "scheduler.plateau.factor=0.5"]
    epochs = training.epochs("trainer.max_epochs=5", "early_stopping.patience=null", RATE, *plateau, *given)
    assert epochs["learning_rate"].tolist() == near([0.004 / 2**n for n in halved])


def test_plateau_and_step_lower_the_rate_together(training: Training, use: Any) -> None:
    use(Scripted)
    both = ["scheduler=plateau_step", "scheduler.plateau.patience=0", "scheduler.plateau.factor=0.5"]
    both += ["scheduler.step.step_size=2", "scheduler.step.gamma=0.1", "early_stopping.patience=null"]
    epochs = training.epochs("trainer.max_epochs=5", RATE, *both)
    expected = [1, 1, 0.5 * 0.1, 0.25 * 0.1, 0.125 * 0.01]
    assert epochs["learning_rate"].tolist() == near([0.004 * factor for factor in expected])


def test_training_alone_is_augmented(training: Training, use: Any) -> None:
    seen: dict[bool, list[torch.Tensor]] = {}
    use(Recorder, seen=seen)
    halve = ["augment=study", "augment.p=1", "augment.amplitude_scale.p=1", "augment.amplitude_scale.low=0.5"]
    halve += ["augment.amplitude_scale.high=0.5"]
    others = ("frequency_mask", "time_mask", "time_shift", "noise", "frequency_shift")
    training.run("trainer.max_epochs=1", *halve, *(f"augment.{name}=null" for name in others))
    assert seen[True][0].amax(dim=(1, 2)).numpy() == near(np.full(10, 0.5))
    assert seen[False][0].amax(dim=(1, 2)).numpy() == near(np.full(5, 1.0))
