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
    val, test = (each.take(each.is_finite) for each in (run.val_predictions, run.predictions))
    if min(len(val.target), len(test.target)) < CALIBRATION_TRACKS:
        page.text(
            f"Skipped: calibration needs {CALIBRATION_TRACKS} validation tracks ({len(val.target)} found) and "
            f"{CALIBRATION_TRACKS} test tracks ({len(test.target)} found).",
            "note",
        )
        return
    temperature = calibration.fit_temperature(val.logits, val.target)
    low, high = calibration.TEMPERATURES
    if not 1.01 * low < temperature < high / 1.01:
        page.text(f"The temperature is not an estimate: it is at the limit of its range, {low} to {high:.0f}.", "note")
    rows, bins = [], {}
    for name, scaled in (("unscaled", test.logits), (f"temperature {temperature:.2f}", test.logits / temperature)):
        probability = softmax(scaled, axis=1)
        bins[name] = calibration.reliability_table(probability, test.target)
        rows.append(
            {
                "probabilities": name,
                "expected calibration error": calibration.expected_calibration_error(bins[name]),
                "log loss": calibration.log_loss(scaled, test.target),
                "mean confidence": probability.max(axis=1).mean(),
                "accuracy": (probability.argmax(axis=1) == test.target).mean(),
            }
        )
    table = pd.DataFrame(rows)
    shown = table.map(lambda value: value if isinstance(value, str) else f"{value:.3f}")
    page.table(table, "calibration", f"Temperature fitted on {len(val.target)} validation tracks.", shown=shown)
    alt = "Accuracy over confidence in ten bins, before and after temperature scaling, and the tracks per bin."
    caption = "Points on the diagonal are perfectly calibrated."
    page.figure(reliability_diagram(bins), "reliability", alt, caption)


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
    shown = test.take(chosen)
    genres = [shown.genres[number] for number in shown.target]
    named = zip(shown.artist, shown.title, genres, strict=True)
    names = [f"{artist.partition(' ')[2]}: {title or ''} ({genre})" for artist, title, genre in named]
    alt = f"t-SNE of the embeddings of {len(chosen)} test tracks, colored by genre."
    caption = (
        "t-SNE of the input of the last layer, by true genre. Hollow: wrong predictions. Point at a track for its "
        "artist and title. Distances between groups and their sizes mean little in t-SNE."
    )
    page.drawing(embedding_map(tsne(embeddings[chosen]), genres, names, ~shown.correct), "map", alt, caption)
