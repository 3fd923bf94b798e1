"""Calibration by hand, and where the answer is known."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from genre.evaluation.calibration import expected_calibration_error, fit_temperature, log_loss, reliability_table


def test_reliability_by_hand() -> None:
    probability = np.array([[0.95, 0.05], [0.92, 0.08], [0.35, 0.65], [0.7, 0.3]])
    table = reliability_table(probability, np.array([0, 1, 1, 0]))
    assert table["low"].tolist() == pytest.approx([0.6, 0.9])
    assert table["tracks"].tolist() == [2, 2]  # 0.7 is the upper edge of its bin
    assert table["confidence"].tolist() == pytest.approx([0.675, 0.935])
    assert table["accuracy"].tolist() == [1.0, 0.5]
    expected = 0.5 * abs(1 - 0.675) + 0.5 * abs(0.5 - 0.935)
    assert expected_calibration_error(reliability_table(probability, np.array([0, 1, 1, 0]))) == pytest.approx(expected)


def test_a_confidence_of_one_belongs_to_the_last_bin() -> None:
    probability = np.array([[0.95, 0.05]] * 10 + [[1.0, 0.0]] * 10)
    assert expected_calibration_error(reliability_table(probability, np.array([0] * 19 + [1]))) == pytest.approx(0.025)


def test_the_temperature_of_overconfident_logits_is_recovered() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20000, 4))
    target = (random.random((20000, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(3 * logits, target) == pytest.approx(3, rel=0.05)
    assert expected_calibration_error(reliability_table(softmax(logits, axis=1), target)) < 0.02
    assert expected_calibration_error(reliability_table(softmax(3 * logits, axis=1), target)) > 0.1


def test_log_loss_equals_that_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    logits, target = random.normal(0, 2, (50, 4)), random.integers(0, 4, 50)
    expected = metrics.log_loss(target, softmax(logits, axis=1), labels=range(4))
    assert log_loss(logits, target) == pytest.approx(expected)
