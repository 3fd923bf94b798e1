"""Confidence against accuracy, by hand and where the answer is known."""

import numpy as np
import pytest

from genre.evaluation.calibration import calibration_error, probabilities, reliability, temperature


def test_reliability_by_hand() -> None:
    probability = np.array([[0.95, 0.05], [0.92, 0.08], [0.35, 0.65], [0.7, 0.3]])
    table = reliability(probability, np.array([0, 1, 1, 0]))
    assert table["low"].tolist() == pytest.approx([0.6, 0.9])
    assert table["tracks"].tolist() == [2, 2]  # 0.7 is the upper edge of its bin
    assert table["confidence"].tolist() == pytest.approx([0.675, 0.935])
    assert table["accuracy"].tolist() == [1.0, 0.5]
    expected = 0.5 * abs(1 - 0.675) + 0.5 * abs(0.5 - 0.935)
    assert calibration_error(probability, np.array([0, 1, 1, 0])) == pytest.approx(expected)


def test_the_temperature_of_logits_that_were_made_too_sure_is_found_again() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20000, 4))
    chance = probabilities(logits)
    target = (random.random((20000, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    assert temperature(3 * logits, target) == pytest.approx(3, rel=0.05)
    assert calibration_error(probabilities(3 * logits, 3), target) < 0.02
    assert calibration_error(probabilities(3 * logits), target) > 0.1


def test_probabilities_at_a_temperature_keep_their_order() -> None:
    made = probabilities(np.array([[1.0, 2.0]]), 2.0)
    assert made[0, 1] == pytest.approx(1 / (1 + np.exp(-0.5)))


def test_a_confidence_of_one_belongs_to_the_last_bin() -> None:
    probability = np.array([[0.95, 0.05]] * 10 + [[1.0, 0.0]] * 10)
    assert calibration_error(probability, np.array([0] * 19 + [1])) == pytest.approx(0.025)
