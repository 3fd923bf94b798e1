"""Sections of a run's report that look closer: calibration, the map of the test tracks, its worst errors."""

import numpy as np
import pandas as pd

from genre.evaluation.calibration import (
    TEMPERATURES,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    probabilities,
    reliability_table,
)
from genre.evaluation.embeddings import MIN_TRACKS, embed_test_set, tsne
from genre.evaluation.predictions import Predictions, answers
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.saliency import saliency_map
from genre.reports.figures import embedding_scatter, reliability_diagram
from genre.reports.page import Page
from genre.reports.spectrograms import SpectrogramPanel, denormalize, spectrograms_figure
from genre.reports.theme import truncate_middle

CALIBRATION_TRACKS = 100
"""Of fewer tracks the expected calibration error is mostly noise: of 30 even a perfect model has 0.17."""
ERRORS = 6
RIGHT = 2


def add_calibration(page: Page, run: EvaluatedRun, test: Predictions) -> None:
    """Compare confidence with accuracy, before and after a temperature that is fitted on validation."""
    page.section("Calibration")
    val = answers(run.predictions, run.data.data.tracks, test.genres, "val")
    if min(val.usable.sum(), test.usable.sum()) < CALIBRATION_TRACKS:
        page.text(
            f"Left out: calibration needs {CALIBRATION_TRACKS} validation tracks ({val.usable.sum()} here) and "
            f"{CALIBRATION_TRACKS} test tracks ({test.usable.sum()} here).",
            "note",
        )
        return
    divisor = fit_temperature(val.logits[val.usable], val.target[val.usable])
    low, high = TEMPERATURES
    if not 1.01 * low < divisor < high / 1.01:
        page.text(
            f"The temperature is at the limit of the range that is searched, {low} to {high:.0f}: it is no estimate.",
            "note",
        )
    target = test.target[test.usable]
    both = [probabilities(test.logits[test.usable], by) for by in (1.0, divisor)]
    names = ("as it is", f"at temperature {divisor:.2f}")
    rows = [
        {
            "probabilities": name,
            "expected calibration error": expected_calibration_error(probability, target),
            "log loss": log_loss(test.logits[test.usable] / by, target),
            "mean confidence": probability.max(axis=1).mean(),
            "accuracy": (probability.argmax(axis=1) == target).mean(),
        }
        for name, by, probability in zip(names, (1.0, divisor), both, strict=True)
    ]
    table = pd.DataFrame(rows)
    caption = f"The temperature has the least log loss on {val.usable.sum()} validation tracks; ten bins."
    page.table(table, "calibration", caption, shown=table.map(lambda v: v if isinstance(v, str) else f"{v:.3f}"))
    bins = [reliability_table(probability, target) for probability in both]
    page.figure(
        lambda: reliability_diagram(bins[0], bins[1], names),
        "reliability",
        "Accuracy over confidence in ten bins, before and after temperature scaling; below it the tracks a bin.",
        "On the diagonal a model is right as often as it says.",
    )


def add_embedding_map(page: Page, run: EvaluatedRun, test: Predictions) -> None:
    """Lay the test tracks' embeddings out in the plane."""
    page.section("Map")
    if len(test.target) < MIN_TRACKS:
        page.text(f"Left out: {len(test.target)} test tracks are no map.", "note")
        return
    if (test.logits == test.logits[0]).all():
        page.text("Left out: this model says the same of every track.", "note")
        return
    points = embed_test_set(run.model, run.data, run.device)
    if not np.isfinite(points).all():
        page.text("Left out: some embeddings are no numbers.", "note")
        return
    where = tsne(points)
    groups = [("by genre", [test.genres[number] for number in test.target])]
    if test.by_artist:
        groups.append(("by artist", [name.partition(" ")[2] for name in test.artist]))
    page.figure(
        lambda: embedding_scatter(where, groups),
        "map",
        f"t-SNE of the network's embeddings of {len(test.target)} test tracks, coloured "
        + " and ".join(title for title, _ in groups)
        + ".",
        "t-SNE of what the head sees, test tracks only; counts and shares in the legend. Distances between groups, and "
        "their sizes, mean little in t-SNE.",
    )


def add_errors(page: Page, run: EvaluatedRun, test: Predictions) -> None:
    """Show the errors that the model was surest of, what it heard, and what in it the answer depends on."""
    page.section("Errors")
    sure = np.where(test.usable, np.exp(test.log_probability.max(axis=1)), -1)
    ranked = np.argsort(-sure, kind="stable")
    wrong = [int(row) for row in ranked if test.usable[row] and not test.correct[row]]
    right = {int(test.target[row]): int(row) for row in ranked[::-1] if test.correct[row]}  # the surest of each genre
    tracks = run.data.data.tracks
    rows = tracks.index[tracks["split"] == "test"]
    table = pd.DataFrame(
        {
            "track": test.track_id[wrong],
            "artist": tracks.loc[rows[wrong], "artist"].to_numpy(),
            "title": tracks.loc[rows[wrong], "title"].to_numpy(),
            "true": [test.genres[number] for number in test.target[wrong]],
            "predicted": [test.genres[number] for number in test.prediction[wrong]],
            "confidence": sure[wrong],
        }
    )
    if silent := int((~test.usable).sum()):
        page.text(f"{silent} test tracks have no answer: their logits are no numbers.", "note")
    if table.empty:
        if not silent:
            page.text("There is none: every test track was answered rightly.")
    else:
        shown = table.head(4 * ERRORS).assign(confidence=table["confidence"].map("{:.2f}".format))
        page.table(table, "errors", f"Of {len(wrong)} errors those that the model was surest of.", shown=shown)
        _draw(page, run, test, wrong[:ERRORS], sure, "errors", "The errors that the model was surest of.")
    if right:
        surest = sorted(right.values(), key=lambda row: -sure[row])[:RIGHT]
        _draw(page, run, test, surest, sure, "right", "Right answers that the model was surest of.")


def _draw(
    page: Page, run: EvaluatedRun, test: Predictions, chosen: list[int], sure: np.ndarray, name: str, alt: str
) -> None:
    prepared = run.data.data
    rows = np.flatnonzero(prepared.tracks["split"] == "test")[chosen].tolist()
    window = prepared.cache.spec.n_segment_frames(run.model.metadata["segment_seconds"])
    first, length = run.data.clip_span("test")
    sound = (prepared.audio_frames - first).clip(0, length).tolist()
    pictures = []
    for number, row, clip in zip(chosen, rows, prepared.read_clips(rows), strict=True):
        mel = clip[first : first + length]  # what was heard
        track, said = prepared.tracks.iloc[row], int(test.prediction[number])
        title = f"{truncate_middle(track['track_id'])}: {test.genres[test.target[number]]}"
        title += "" if said == test.target[number] else f", taken for {test.genres[said]}"
        depends = saliency_map(run.model, mel, said, window, sound[row])
        pictures.append(SpectrogramPanel(f"{title} ({sure[number]:.2f})", denormalize(mel, track), depends))
    caption = "Confidence in brackets."
    if any(picture.saliency is not None for picture in pictures):
        caption += " Below each: where a change moves the answer's score most (absolute gradient)."
    features = prepared.cache.spec.features
    page.figure(lambda: spectrograms_figure(pictures, features), name, f"Spectrograms. {alt}", caption)
