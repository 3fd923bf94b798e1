"""Calibration and embedding map in the report of a run."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn

from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import EvaluatedRun
from genre.reports import run_diagnostics
from genre.reports.page import Page
from genre.reports.run_diagnostics import add_calibration, add_embedding_map
from tests.evaluation.conftest import make_predictions


def two_genres(tracks: int, scale: float, errors: int) -> Predictions:
    """So many tracks of two genres, of which the first are wrong, with logits of this scale."""
    pairs = [(number % 2, (number + (number < errors)) % 2) for number in range(tracks)]
    made = make_predictions(pairs, ["a", "b"])
    return replace(made, logits=scale / 2 * made.logits)


def calibration(tracks: int, scale: float, errors: int = 0) -> Page:
    predictions = two_genres(tracks, scale, errors)
    page = Page("x")
    add_calibration(page, SimpleNamespace(predictions=predictions, val_predictions=predictions))
    return page


def test_calibration_needs_a_hundred_tracks() -> None:
    (note,) = calibration(99, 1.0).sections[0].blocks
    assert note == {
        "kind": "note",
        "text": "Skipped: calibration needs 100 validation tracks (99 found) and 100 test tracks (99 found).",
    }
    blocks = calibration(100, 1.0, errors=20).sections[0].blocks
    assert [block["kind"] for block in blocks] == ["table", "figure"]


def test_calibration_before_and_after_scaling_by_hand() -> None:
    # 80 % correct at a confidence of 1 / (1 + exp(-4)) = 0.982; the best temperature gives a confidence of 0.8
    page = calibration(100, 4.0, errors=20)
    before, after = page.sections[0].blocks[0]["rows"]
    assert before == ["unscaled", "0.182", f"{np.log1p(np.exp(-4)) + 0.2 * 4:.3f}", "0.982", "0.800"]
    assert after[0] == f"temperature {4 / np.log(4):.2f}"
    assert after[1:] == ["0.000", f"{-0.8 * np.log(0.8) - 0.2 * np.log(0.2):.3f}", "0.800", "0.800"]


@pytest.mark.parametrize(("scale", "errors", "limit"), [(1.0, 0, 0.05), (1000.0, 20, 20.0)])
def test_a_temperature_at_its_limit_is_noted(scale: float, errors: int, limit: float) -> None:
    note, table, _ = calibration(100, scale, errors).sections[0].blocks
    assert table["rows"][1][0] == f"temperature {limit:.2f}"
    assert note["text"] == "The temperature is not an estimate: it is at the limit of its range, 0.05 to 20."


def embedding_note(run: EvaluatedRun) -> str:
    page = Page("x")
    add_embedding_map(page, run)
    (block,) = page.sections[0].blocks
    return block["text"]


def test_no_map_of_few_tracks_or_of_equal_predictions(run: EvaluatedRun) -> None:
    assert embedding_note(run) == "Skipped: t-SNE needs at least 10 test tracks (3 found)."
    same = replace(run, predictions=make_predictions([(0, 1), (1, 1)] * 10, ["a", "b"]))
    assert embedding_note(same) == "Skipped: the model gives the same prediction for every track."


def test_a_map_shows_genres_artists_and_errors(run: EvaluatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = np.random.default_rng(0).normal(0, 1, (20, 4))
    monkeypatch.setattr(run_diagnostics, "embed_test_set", lambda *_: embeddings)
    pairs = [(number % 2, number % 3 % 2) for number in range(20)]
    artists = [f"artist X{number % 4}" for number in range(20)]
    predictions = replace(make_predictions(pairs, ["a", "b"], artists), title=np.full(20, "A & B"))
    shown = replace(run, predictions=predictions)
    page = Page("x")
    add_embedding_map(page, shown)
    drawing = page.files["figures/map.svg"].decode()
    assert drawing.count("<title>") == 20
    assert "<title>X1: A &amp; B (b)</title>" in drawing
    assert ">a: 10</text>" in drawing
    assert drawing.count('fill="#fff"') == sum(true != predicted for true, predicted in pairs)
    monkeypatch.setattr(run_diagnostics, "MAP_TRACKS", 12)
    add_embedding_map(page, shown)
    assert page.files["figures/map.svg"].decode().count("<title>") == 12
    embeddings[3, 1] = np.nan
    assert embedding_note(shown) == "Skipped: some embeddings are not finite."
    plain = replace(run.model, net=nn.Linear(4, 2))
    assert embedding_note(replace(shown, model=plain)) == "Skipped: the network has no method embed."
