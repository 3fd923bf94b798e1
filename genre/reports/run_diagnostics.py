"""Diagnostics in the report of a run: calibration, embedding map, most confident errors."""

import numpy as np
import pandas as pd
from scipy.special import softmax

from genre.evaluation import calibration
from genre.evaluation.embeddings import MIN_TRACKS, embed_test_set, tsne
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.saliency import saliency_map
from genre.reports.figures import embedding_scatter, reliability_diagram
from genre.reports.page import Page
from genre.reports.spectrograms import SpectrogramPanel, denormalize, spectrograms_figure
from genre.reports.theme import truncate_middle

CALIBRATION_TRACKS = 100
"""With fewer tracks the calibration error is mostly noise: with 30, even a perfect model has 0.17."""
ERRORS = 6
CORRECT = 2


def add_calibration(page: Page, run: EvaluatedRun) -> None:
    """Add a section that compares confidence with accuracy, before and after temperature scaling."""
    page.section("Calibration")
    (val_logits, val_target), (logits, target) = (
        (each.logits[each.is_finite], each.target[each.is_finite]) for each in (run.val_predictions, run.predictions)
    )
    if min(len(val_target), len(target)) < CALIBRATION_TRACKS:
        page.text(
            f"Skipped: calibration needs {CALIBRATION_TRACKS} validation tracks ({len(val_target)} found) and "
            f"{CALIBRATION_TRACKS} test tracks ({len(target)} found).",
            "note",
        )
        return
    temperature = calibration.fit_temperature(val_logits, val_target)
    low, high = calibration.TEMPERATURES
    if not 1.01 * low < temperature < high / 1.01:
        page.text(f"The temperature is not an estimate: it is at the limit of its range, {low} to {high:.0f}.", "note")
    rows, bins = [], {}
    for name, scaled in (("unscaled", logits), (f"temperature {temperature:.2f}", logits / temperature)):
        probability = softmax(scaled, axis=1)
        bins[name] = calibration.reliability_table(probability, target)
        rows.append(
            {
                "probabilities": name,
                "expected calibration error": calibration.expected_calibration_error(probability, target),
                "log loss": calibration.log_loss(scaled, target),
                "mean confidence": probability.max(axis=1).mean(),
                "accuracy": (probability.argmax(axis=1) == target).mean(),
            }
        )
    table = pd.DataFrame(rows)
    shown = table.map(lambda value: value if isinstance(value, str) else f"{value:.3f}")
    page.table(table, "calibration", f"Temperature fitted on {len(val_target)} validation tracks.", shown=shown)
    page.figure(
        reliability_diagram(bins),
        "reliability",
        "Accuracy over confidence in ten bins, before and after temperature scaling, and the tracks per bin.",
        "Points on the diagonal are perfectly calibrated.",
    )


def add_embedding_map(page: Page, run: EvaluatedRun) -> None:
    """Add a section with a t-SNE map of the test tracks."""
    page.section("Embeddings")
    test = run.predictions
    if len(test.target) < MIN_TRACKS:
        page.text(f"Skipped: t-SNE needs at least {MIN_TRACKS} test tracks ({len(test.target)} found).", "note")
        return
    if (test.logits == test.logits[0]).all():
        page.text("Skipped: the model gives the same prediction for every track.", "note")
        return
    embeddings = embed_test_set(run.model, run.datamodule, run.device)
    if not np.isfinite(embeddings).all():
        page.text("Skipped: some embeddings are not finite.", "note")
        return
    groupings = {"by genre": [test.genres[number] for number in test.target]}
    if test.has_artists:
        groupings["by artist"] = [name.partition(" ")[2] for name in test.artist]
    page.figure(
        embedding_scatter(tsne(embeddings), groupings),
        "map",
        f"t-SNE of the embeddings of {len(test.target)} test tracks, colored {' and '.join(groupings)}.",
        "t-SNE of the input of the last layer, with the number of test tracks per group. Distances between groups and "
        "their sizes mean little in t-SNE.",
    )


def add_errors(page: Page, run: EvaluatedRun) -> None:
    """Add a section with the most confident errors, their spectrograms and saliency maps."""
    page.section("Errors")
    test = run.predictions
    confidence = np.where(test.is_finite, np.exp(test.log_probability.max(axis=1)), -1)
    ranked = np.argsort(-confidence, kind="stable").tolist()
    wrong = [row for row in ranked if test.is_finite[row] and not test.correct[row]]
    tracks = run.datamodule.data.tracks
    errors = tracks[tracks["split"] == "test"].iloc[wrong]
    table = pd.DataFrame(
        {
            "track": test.track_id[wrong],
            "artist": errors["artist"].to_numpy(),
            "title": errors["title"].to_numpy(),
            "true": [test.genres[number] for number in test.target[wrong]],
            "predicted": [test.genres[number] for number in test.prediction[wrong]],
            "confidence": confidence[wrong],
        }
    )
    if wrong:
        shown = table.head(4 * ERRORS).assign(confidence=table["confidence"].map("{:.2f}".format))
        page.table(table, "errors", f"The most confident of {len(wrong)} errors.", shown=shown)
        _add_spectrograms(page, run, wrong[:ERRORS], confidence, "errors", "The most confident errors.")
    elif test.is_finite.all():
        page.text("No errors: every test track was classified correctly.")
    best = {int(test.target[row]): row for row in reversed(ranked) if test.correct[row]}  # the most confident per genre
    if best:
        rows = sorted(best.values(), key=lambda row: -confidence[row])[:CORRECT]
        _add_spectrograms(page, run, rows, confidence, "right", "The most confident correct predictions.")


def _add_spectrograms(
    page: Page, run: EvaluatedRun, rows: list[int], confidence: np.ndarray, name: str, text: str
) -> None:
    data, test = run.datamodule.data, run.predictions
    window = data.cache.spec.n_segment_frames(run.model.metadata["segment_seconds"])
    first, length = run.datamodule.clip_span("test")
    sound = (data.audio_frames - first).clip(0, length).tolist()
    indices = np.flatnonzero(data.tracks["split"] == "test")[rows].tolist()
    panels = []
    for row, index, clip in zip(rows, indices, data.read_clips(indices), strict=True):
        mel = clip[first : first + length]  # what the network received
        track, predicted = data.tracks.iloc[index], int(test.prediction[row])
        title = f"{truncate_middle(track['track_id'])}: {test.genres[test.target[row]]}"
        title += "" if test.correct[row] else f", predicted {test.genres[predicted]}"
        saliency = saliency_map(run.model, mel, predicted, window, sound[index])
        panels.append(SpectrogramPanel(f"{title} ({confidence[row]:.2f})", denormalize(mel, track), saliency))
    caption = f"{text} Confidence in brackets."
    if any(panel.saliency is not None for panel in panels):
        caption += " Saliency: absolute gradient of the predicted genre's score."
    page.figure(spectrograms_figure(panels, data.cache.spec.features), name, f"Spectrograms. {text}", caption)
