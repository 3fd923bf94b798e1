"""Calibration, embedding map and errors in the report of a run."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import EvaluatedRun
from genre.reports import run_diagnostics
from genre.reports.page import Page
from genre.reports.run_diagnostics import add_calibration, add_embedding_map, add_errors
from genre.reports.spectrograms import SpectrogramPanel, spectrograms_figure
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


@pytest.mark.parametrize(("artists", "panels"), [(None, 1), ([f"artist X{number % 4}" for number in range(20)], 2)])
def test_a_map_is_colored_by_genre_and_by_known_artists(
    run: EvaluatedRun, monkeypatch: pytest.MonkeyPatch, artists: list[str] | None, panels: int
) -> None:
    embeddings = np.random.default_rng(0).normal(0, 1, (20, 4))
    monkeypatch.setattr(run_diagnostics, "embed_test_set", lambda *_: embeddings)
    pairs = [(number % 2, number % 3 % 2) for number in range(20)]
    drawn: list[dict[str, list[str]]] = []
    real = run_diagnostics.embedding_scatter
    monkeypatch.setattr(run_diagnostics, "embedding_scatter", lambda p, groups: drawn.append(groups) or real(p, groups))
    page = Page("x")
    add_embedding_map(page, replace(run, predictions=make_predictions(pairs, ["a", "b"], artists)))
    assert len(drawn[0]) == panels
    assert drawn[0]["by genre"] == ["a", "b"] * 10
    if artists:
        assert drawn[0]["by artist"][:2] == ["X0", "X1"]
    embeddings[3, 1] = np.nan
    unknown = replace(run, predictions=make_predictions(pairs, ["a", "b"]))
    assert embedding_note(unknown) == "Skipped: some embeddings are not finite."


def with_logits(run: EvaluatedRun, logits: list[list[float]]) -> EvaluatedRun:
    return replace(run, predictions=replace(run.predictions, logits=np.array(logits)))


def errors(run: EvaluatedRun) -> Page:
    page = Page("x")
    add_errors(page, run)
    return page


def test_errors_are_sorted_by_confidence(run: EvaluatedRun) -> None:
    target = run.predictions.target
    wrong = (target + 1) % 3
    logits = [(confidence * np.eye(3)[genre]).tolist() for confidence, genre in zip((1, 3, 2), wrong, strict=True)]
    page = errors(with_logits(run, logits))
    table, figure = page.sections[0].blocks
    ids = run.predictions.track_id
    assert [row[0] for row in table["rows"]] == [ids[1], ids[2], ids[0]]
    assert [row[5] for row in table["rows"]] == [f"{np.exp(x) / (np.exp(x) + 2):.2f}" for x in (3, 2, 1)]
    names = run.predictions.genres
    assert [row[3] for row in table["rows"]] == [names[target[row]] for row in (1, 2, 0)]
    assert [row[4] for row in table["rows"]] == [names[wrong[row]] for row in (1, 2, 0)]
    assert table["caption"] == "The most confident of 3 errors."
    assert figure["name"] == "errors"
    assert figure["caption"] == (
        "The most confident errors. Confidence in brackets. Saliency: absolute gradient of the predicted genre's score."
    )


def test_a_model_without_errors_says_so_and_shows_correct_predictions(run: EvaluatedRun) -> None:
    text, figure = errors(with_logits(run, (5 * np.eye(3)[run.predictions.target]).tolist())).sections[0].blocks
    assert text["text"] == "No errors: every test track was classified correctly."
    assert figure["name"] == "right"


def test_tracks_without_a_prediction_are_not_among_the_errors(run: EvaluatedRun) -> None:
    page = errors(with_logits(run, [[np.nan] * 3] * 3))
    assert page.sections[0].blocks == []


def test_spectrograms_of_a_leakage_level_show_the_half_that_was_used(
    run: EvaluatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[SpectrogramPanel] = []
    keep = lambda panels, features: drawn.extend(panels) or spectrograms_figure(panels, features)  # noqa: E731
    monkeypatch.setattr(run_diagnostics, "spectrograms_figure", keep)
    frames = run.datamodule.data.cache.spec.n_frames
    for half_clips, length in ((False, frames), (True, frames // 2)):
        monkeypatch.setattr(run.datamodule, "half_clips", half_clips)
        drawn.clear()
        errors(run)
        assert {len(panel.values) for panel in drawn} == {length}
        assert {len(panel.saliency) for panel in drawn if panel.saliency is not None} == {length}


def test_spectrograms_are_in_decibels(run: EvaluatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[SpectrogramPanel] = []
    keep = lambda panels, features: drawn.extend(panels) or spectrograms_figure(panels, features)  # noqa: E731
    monkeypatch.setattr(run_diagnostics, "spectrograms_figure", keep)
    errors(run)
    tracks: pd.DataFrame = run.datamodule.data.tracks.set_index("track_id")
    for panel in drawn:
        track = tracks.loc[panel.title.partition(":")[0]]
        assert panel.values.min() == pytest.approx(track["low"], abs=0.1)
        assert panel.values.max() == pytest.approx(track["high"], abs=0.1)
