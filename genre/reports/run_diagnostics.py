"""Diagnostics in the report of a run: calibration and embedding map."""

import numpy as np
import pandas as pd
from scipy.special import softmax

from genre.evaluation import calibration
from genre.evaluation.embeddings import MIN_TRACKS, embed_test_set, tsne
from genre.evaluation.runs import EvaluatedRun
from genre.reports.embedding_map import embedding_map
from genre.reports.figures import reliability_diagram
from genre.reports.page import Page

CALIBRATION_TRACKS = 100
"""With fewer tracks the calibration error is mostly noise: with 30, even a perfect model has 0.17."""
MAP_TRACKS = 2000
"""Tracks in the map; of more, some are drawn at random, which keeps the page small."""


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
                "expected calibration error": calibration.expected_calibration_error(bins[name]),
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
    if not hasattr(run.model.net, "embed"):
        page.text("Skipped: the network has no method embed.", "note")
        return
    embeddings = embed_test_set(run.model, run.datamodule, run.device)
    if not np.isfinite(embeddings).all():
        page.text("Skipped: some embeddings are not finite.", "note")
        return
    chosen = np.sort(np.random.default_rng(0).permutation(len(embeddings))[:MAP_TRACKS])
    genres = [test.genres[number] for number in test.target]
    named = zip(test.artist, test.title, strict=True)
    names = [f"{artist.partition(' ')[2]}: {title or ''}" for artist, title in named]
    drawing = embedding_map(
        tsne(embeddings[chosen]),
        [genres[row] for row in chosen],
        [f"{names[row]} ({genres[row]})" for row in chosen],
        ~test.correct[chosen],
    )
    page.drawing(
        drawing,
        "map",
        f"t-SNE of the embeddings of {len(chosen)} test tracks, colored by genre.",
        "t-SNE of the input of the last layer, by true genre. Hollow: wrong predictions. Point at a track for its "
        "artist and title. Distances between groups and their sizes mean little in t-SNE.",
    )
