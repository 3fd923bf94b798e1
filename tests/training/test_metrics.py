"""The metrics compared with scikit-learn."""

import warnings

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from sklearn.metrics import accuracy_score, f1_score

from genre.training.metrics import F1Macro, GenreMetrics, compute_metrics

CLASSES = 7


def example(case: str, tracks: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Logits and targets of a case, which its name describes."""
    random = np.random.default_rng(len(case))
    targets = random.integers(0, CLASSES, tracks)
    logits = random.normal(size=(tracks, CLASSES))
    if case == "good":
        logits[np.arange(tracks), targets] += 2
    if case == "absent but predicted":
        targets[targets >= 5] = 0
    if case == "absent and never predicted":
        targets[targets >= 5] = 0
        logits[:, 5:] = -100
    if case == "present and never predicted":
        logits[:, 2:5] = -100
    if case == "one genre":
        targets[:] = 3
    if case == "unbalanced":
        targets = random.choice(CLASSES, tracks, p=[0.6, 0.3, 0.06, 0.02, 0.01, 0.01, 0])
        logits[np.arange(tracks), targets] += 1
    return logits.astype(np.float32), targets


CASES = ["chance", "good", "absent but predicted", "absent and never predicted", "present and never predicted"]
CASES += ["one genre", "unbalanced"]


def expected_scores(logits: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    predictions = logits.argmax(axis=1)
    present = np.unique(targets)
    return {
        "accuracy": accuracy_score(targets, predictions),
        "f1_macro": f1_score(targets, predictions, labels=present, average="macro"),
        "f1_weighted": f1_score(targets, predictions, average="weighted"),
    }


@pytest.mark.parametrize("case", CASES)
def test_metrics_equal_scikit_learn(case):
    logits, targets = example(case)
    ours = compute_metrics(torch.from_numpy(logits), torch.from_numpy(targets), "test/")
    assert list(ours) == ["test/loss", "test/accuracy", "test/f1_macro", "test/f1_weighted"]
    assert all(type(value) is float for value in ours.values())
    for name, value in expected_scores(logits, targets).items():
        assert ours[f"test/{name}"] == pytest.approx(value, abs=1e-6), name
    losses = logsumexp(logits.astype(np.float64), axis=1) - logits[np.arange(len(targets)), targets]
    assert ours["test/loss"] == pytest.approx(losses.mean(), rel=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 7, 64, 300])
def test_batches_give_the_same_as_one_call(case, size):
    logits, targets = example(case)
    collection = GenreMetrics(CLASSES, "val/")
    for _ in range(2):  # two epochs, with a reset in between
        for first in range(0, len(targets), size):
            batch = slice(first, first + size)
            collection.update(torch.from_numpy(logits[batch]), torch.from_numpy(targets[batch]))
        for name, value in expected_scores(logits, targets).items():
            assert collection.compute()[f"val/{name}"].item() == pytest.approx(value, abs=1e-6), name
        collection.reset()


def test_a_genre_without_targets_does_not_count():
    # By hand. Genre 0: 2 of 3 found; genre 1: both found; genre 2: predicted once, without targets
    targets = torch.tensor([0, 0, 0, 1, 1])
    predictions = torch.tensor([0, 0, 2, 1, 1])
    metric = F1Macro(3)
    metric.update(predictions, targets)
    assert metric.compute().item() == pytest.approx((2 * 2 / (2 * 2 + 1) + 1) / 2)


def test_weighted_f1_by_hand():
    collection = GenreMetrics(3, "")
    collection.update(torch.eye(3)[[0, 0, 2, 1, 1]], torch.tensor([0, 0, 0, 1, 1]))
    assert collection.compute()["f1_weighted"].item() == pytest.approx((3 * 0.8 + 2 * 1) / 5)


def test_higher_is_better():
    assert all(metric.higher_is_better for metric in GenreMetrics(3, "").values())


def test_absent_genres_give_no_warning():
    logits, targets = example("absent but predicted")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compute_metrics(torch.from_numpy(logits), torch.from_numpy(targets), "test/")


def test_non_finite_logits_are_errors() -> None:
    logits = torch.tensor([[float("nan")] * 3, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, float("inf"), 0.0]])
    targets = torch.tensor([0, 0, 1, 1])
    found = compute_metrics(logits, targets, "test/")
    expected = [3, 0, 1, 3]  # non-finite logits are a class of their own
    assert found["test/accuracy"] == 0.5
    assert found["test/f1_macro"] == pytest.approx(f1_score(targets, expected, labels=[0, 1], average="macro"))
    assert found["test/f1_weighted"] == pytest.approx(f1_score(targets, expected, labels=[0, 1], average="weighted"))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_non_finite_logits_are_errors_in_batches_too(size: int) -> None:
    logits = torch.tensor([[float("nan")] * 3, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, float("inf"), 0.0]])
    targets = torch.tensor([0, 0, 1, 1])  # argmax would be right four times
    collection = GenreMetrics(3, "train/")
    for first in range(0, 4, size):
        collection.update(logits[first : first + size], targets[first : first + size])
    expected = [3, 0, 1, 3]
    found = {name: value.item() for name, value in collection.compute().items()}
    assert found["train/accuracy"] == 0.5
    assert found["train/f1_macro"] == pytest.approx(f1_score(targets, expected, labels=[0, 1], average="macro"))
    assert found["train/f1_weighted"] == pytest.approx(f1_score(targets, expected, labels=[0, 1], average="weighted"))
