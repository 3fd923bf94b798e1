"""Errors in the report of a run."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from genre.evaluation.runs import EvaluatedRun
from genre.reports import run_errors
from genre.reports.page import Page
from genre.reports.run_errors import _add_artists, add_errors
from genre.reports.spectrograms import SpectrogramPanel, spectrograms_figure
from tests.evaluation.conftest import make_predictions


def with_logits(run: EvaluatedRun, logits: list[list[float]]) -> EvaluatedRun:
    return replace(run, predictions=replace(run.predictions, logits=np.array(logits)))


def errors(run: EvaluatedRun, audio: bool = False) -> Page:
    page = Page("x")
    add_errors(page, run, Path("report"), audio)
    return page


def test_errors_are_sorted_by_confidence(run: EvaluatedRun) -> None:
    target = run.predictions.target
    wrong = (target + 1) % 3
    logits = [(confidence * np.eye(3)[genre]).tolist() for confidence, genre in zip((1, 3, 2), wrong, strict=True)]
    page = errors(with_logits(run, logits))
    table, *figures, note = page.sections[0].blocks
    ids = run.predictions.track_id
    assert [row[0] for row in table["rows"]] == [ids[1], ids[2], ids[0]]
    assert [row[6] for row in table["rows"]] == [f"{np.exp(x) / (np.exp(x) + 2):.2f}" for x in (3, 2, 1)]
    names = run.predictions.genres
    assert [row[4] for row in table["rows"]] == [names[target[row]] for row in (1, 2, 0)]
    assert [row[5] for row in table["rows"]] == [names[wrong[row]] for row in (1, 2, 0)]
    assert table["caption"] == "The most confident of 3 errors."
    assert [figure["name"] for figure in figures] == ["track_1", "track_2", "track_3"]
    assert figures[0]["caption"].endswith(ids[1])
    assert note["text"].startswith("Confidence in brackets. Saliency: absolute gradient of the predicted genre's score")


def test_errors_can_be_heard(run: EvaluatedRun) -> None:
    wrong = with_logits(run, (5 * np.eye(3)[(run.predictions.target + 1) % 3]).tolist())
    linked = [row[1] for row in errors(wrong).sections[0].blocks[0]["rows"]]
    path = run.datamodule.data.tracks.set_index("track_id").loc[run.predictions.track_id[0], "path"]
    assert linked[0].startswith('<audio controls preload="none" src="../')
    assert linked[0].endswith(f'/{path}"></audio>')
    source = re.search('base64,([^"]+)"', errors(wrong, audio=True).sections[0].blocks[0]["rows"][0][1])
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(source[1])))
    assert rate == 16000
    assert len(samples) == pytest.approx(10 * rate, rel=0.02)
    heard = np.abs(np.fft.rfft(samples[: 2 * rate])).argmax() / 2
    original, other_rate = soundfile.read(run.audio_root / path)
    assert heard == pytest.approx(np.abs(np.fft.rfft(original)).argmax() * other_rate / len(original), abs=2)
    assert errors(replace(wrong, audio_root=Path("nowhere"))).sections[0].blocks[0]["rows"][0][1] == "–"


def test_errors_are_counted_by_artist(run: EvaluatedRun) -> None:
    pairs = [(0, 1), (0, 1), (0, 2), (0, 0), (1, 1), (1, 0), (2, 2)]
    names = [f"artist {name}" for name in "AAABABC"]
    page = Page("x")
    page.section("x")
    _add_artists(page, replace(run, predictions=make_predictions(pairs, ["a", "b", "c"], names)))
    (table,) = page.sections[0].blocks
    assert table["rows"] == [["A", "a", "3 of 3", "b, c"], ["B", "b", "1 of 1", "a"]]
    assert table["caption"] == "Artists with the most errors, of 2 with any."


def test_a_model_without_errors_says_so_and_shows_correct_predictions(run: EvaluatedRun) -> None:
    text, *figures, _ = errors(with_logits(run, (5 * np.eye(3)[run.predictions.target]).tolist())).sections[0].blocks
    assert text["text"] == "No errors: every test track was classified correctly."
    assert len(figures) == run_errors.CORRECT


def test_tracks_without_a_prediction_are_not_among_the_errors(run: EvaluatedRun) -> None:
    page = errors(with_logits(run, [[np.nan] * 3] * 3))
    assert page.sections[0].blocks == []


def test_spectrograms_of_a_leakage_level_show_the_half_that_was_used(
    run: EvaluatedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[SpectrogramPanel] = []
    keep = lambda panels, features, columns=1: drawn.extend(panels) or spectrograms_figure(panels, features, columns)  # noqa: E731
    monkeypatch.setattr(run_errors, "spectrograms_figure", keep)
    frames = run.datamodule.data.cache.spec.n_frames
    for half_clips, length in ((False, frames), (True, frames // 2)):
        monkeypatch.setattr(run.datamodule, "half_clips", half_clips)
        drawn.clear()
        errors(run)
        assert {len(panel.values) for panel in drawn} == {length}
        assert {len(panel.saliency) for panel in drawn if panel.saliency is not None} == {length}


def test_spectrograms_are_in_decibels(run: EvaluatedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[SpectrogramPanel] = []
    keep = lambda panels, features, columns=1: drawn.extend(panels) or spectrograms_figure(panels, features, columns)  # noqa: E731
    monkeypatch.setattr(run_errors, "spectrograms_figure", keep)
    errors(run)
    tracks: pd.DataFrame = run.datamodule.data.tracks.set_index("track_id")
    for panel in drawn:
        lows, highs = (np.abs(tracks[name] - value).min() for name, value in limits(panel))
        assert max(lows, highs) < 0.1


def limits(panel: SpectrogramPanel) -> list[tuple[str, float]]:
    return [("low", panel.values.min()), ("high", panel.values.max())]
