"""Confidence against accuracy, by hand and where the answer is known."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genre.evaluation.calibration import expected_calibration_error, fit_temperature, reliability_table, softmax
from genre.evaluation.predictions import answers
from genre.reports import run_diagnostics
from genre.reports.page import Page


def test_reliability_by_hand() -> None:
    probability = np.array([[0.95, 0.05], [0.92, 0.08], [0.35, 0.65], [0.7, 0.3]])
    table = reliability_table(probability, np.array([0, 1, 1, 0]))
    assert table["low"].tolist() == pytest.approx([0.6, 0.9])
    assert table["tracks"].tolist() == [2, 2]  # 0.7 is the upper edge of its bin
    assert table["confidence"].tolist() == pytest.approx([0.675, 0.935])
    assert table["accuracy"].tolist() == [1.0, 0.5]
    expected = 0.5 * abs(1 - 0.675) + 0.5 * abs(0.5 - 0.935)
    assert expected_calibration_error(probability, np.array([0, 1, 1, 0])) == pytest.approx(expected)


def test_the_temperature_of_logits_that_were_made_too_sure_is_found_again() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (20000, 4))
    chance = softmax(logits)
    target = (random.random((20000, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    assert fit_temperature(3 * logits, target) == pytest.approx(3, rel=0.05)
    assert expected_calibration_error(softmax(3 * logits, 3), target) < 0.02
    assert expected_calibration_error(softmax(3 * logits), target) > 0.1


def test_probabilities_at_a_temperature_keep_their_order() -> None:
    made = softmax(np.array([[1.0, 2.0]]), 2.0)
    assert made[0, 1] == pytest.approx(1 / (1 + np.exp(-0.5)))


def written(tracks: int, sureness: float, errors: int = 0) -> list[dict[str, Any]]:
    """The blocks of a calibration section, of so many validation and test tracks of two genres, that many wrong."""
    target = np.arange(2 * tracks) % 2
    logits = sureness * np.eye(2)[np.where(np.arange(2 * tracks) % tracks < errors, 1 - target, target)]
    ids = [f"{number:04d}" for number in range(2 * tracks)]
    table = pd.DataFrame({"track_id": ids, "split": ["val"] * tracks + ["test"] * tracks, "target": target})
    table["logits"] = list(logits)
    names = pd.DataFrame({"track_id": ids, "artist": None})
    run = SimpleNamespace(predictions=table, data=SimpleNamespace(prepared=SimpleNamespace(tracks=names)))
    page = Page("x")
    run_diagnostics.add_calibration(page, run, answers(table, names, ["a", "b"]))
    return page.sections[0].blocks


def test_calibration_needs_a_hundred_tracks() -> None:
    assert written(99, 1.0) == [
        {
            "kind": "note",
            "text": "Left out: calibration needs 100 validation tracks (99 here) and 100 test tracks (99 here).",
        }
    ]
    assert [block["kind"] for block in written(100, 1.0, errors=20)] == ["table", "figure"]


@pytest.mark.parametrize(("sureness", "errors", "edge"), [(1.0, 0, 0.05), (1000.0, 20, 20.0)])
def test_a_temperature_at_its_limit_is_said(sureness: float, errors: int, edge: float) -> None:
    note, table, _ = written(100, sureness, errors)
    assert table["values"]["probabilities"][1] == f"at temperature {edge:.2f}"
    assert note == {
        "kind": "note",
        "text": "The temperature is at the limit of the range that is searched, 0.05 to 20: it is no estimate.",
    }


def test_a_confidence_of_one_belongs_to_the_last_bin() -> None:
    probability = np.array([[0.95, 0.05]] * 10 + [[1.0, 0.0]] * 10)
    assert expected_calibration_error(probability, np.array([0] * 19 + [1])) == pytest.approx(0.025)
