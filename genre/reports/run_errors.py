"""Errors in the report of a run: the most confident ones, with their sound and spectrograms, and errors by artist."""

import base64
import io
import os
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import soundfile
from markupsafe import Markup

from genre.audio.decoding import AudioError, decoder_output_suppressed, load_clip
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.saliency import saliency_map
from genre.reports.page import Page
from genre.reports.spectrograms import SpectrogramPanel, denormalize, spectrograms_figure
from genre.reports.theme import truncate_middle

LISTED = 12
"""Errors, and artists, in the tables of the page; the csv files have all."""
ERRORS, CORRECT = 4, 2
"""Spectrograms of errors and of correct predictions."""
EXCERPT_SECONDS, EXCERPT_RATE = 10.0, 16000


def add_errors(page: Page, run: EvaluatedRun, folder: Path, audio: bool = False) -> None:
    """Add a section with the most confident errors, errors by artist, and spectrograms with saliency maps.

    Args:
        page: The page.
        run: The run.
        folder: Folder of the report, from which the audio files are linked.
        audio: Whether the page holds excerpts instead of the links.
    """
    page.section("Errors")
    test = run.predictions
    confidence = np.where(test.is_finite, np.exp(test.log_probability.max(axis=1)), -1)
    ranked = np.argsort(-confidence, kind="stable").tolist()
    wrong = [row for row in ranked if test.is_finite[row] and not test.correct[row]]
    tracks = run.datamodule.data.tracks
    tracks = tracks[tracks["split"] == "test"].reset_index(drop=True)
    if wrong:
        errors = tracks.loc[wrong]
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
        shown = table.head(LISTED).assign(confidence=table["confidence"].map("{:.2f}".format))
        players = [_player(run.audio_root / path, folder, audio) for path in errors["path"].head(LISTED)]
        shown.insert(1, "listen", pd.Series(players, shown.index, object))  # a column of text would lose the markup
        page.table(table, "errors", f"The most confident of {len(wrong)} errors.", shown=shown)
        if test.has_artists:
            _add_artists(page, run)
    elif test.is_finite.all():
        page.text("No errors: every test track was classified correctly.")
    best = {int(test.target[row]): row for row in reversed(ranked) if test.correct[row]}  # the most confident per genre
    right = sorted(best.values(), key=lambda row: -confidence[row])[:CORRECT]
    if wrong or right:
        _add_spectrograms(page, run, [*wrong[:ERRORS], *right], confidence)


def _player(path: Path, folder: Path, embed: bool) -> Markup:
    """Player of an audio file, which is linked or, as 10 s of MP3, part of the page; a dash if the file is gone."""
    source = quote(os.path.relpath(path.absolute(), folder.absolute()))
    if not path.is_file():
        return Markup("–")
    if embed:
        try:
            with decoder_output_suppressed():
                clip = load_clip(path, EXCERPT_RATE, EXCERPT_SECONDS, 0.0)
        except AudioError:
            return Markup("–")
        encoded = io.BytesIO()
        soundfile.write(encoded, clip.samples, EXCERPT_RATE, format="MP3", compression_level=0.9)
        source = "data:audio/mpeg;base64," + base64.b64encode(encoded.getvalue()).decode()
    return Markup('<audio controls preload="none" src="{}"></audio>').format(source)


def _add_artists(page: Page, run: EvaluatedRun) -> None:
    """Add a table of the artists with the most errors, in each of their genres."""
    test = run.predictions
    rows = pd.DataFrame({"artist": [name.partition(" ")[2] for name in test.artist]})
    rows["genre"] = [test.genres[number] for number in test.target]
    rows["wrong"] = ~test.correct
    rows["predicted"] = [test.genres[number] if number >= 0 else None for number in test.prediction]
    wrong = rows[rows["wrong"]].groupby(["artist", "genre"])["predicted"]
    table = (
        rows.groupby(["artist", "genre"])["wrong"]
        .agg(wrong="sum", tracks="size")
        .join(wrong.agg(lambda names: ", ".join(names.value_counts().index)).rename("predicted as"))
    )
    table = table[table["wrong"] > 0].reset_index().sort_values(["wrong", "tracks"], ascending=[False, True])
    shown = table.head(LISTED)
    counts = [f"{row.wrong} of {row.tracks}" for row in shown.itertuples()]
    shown = shown.drop(columns="tracks").assign(wrong=counts)
    page.table(table, "artists", f"Artists with the most errors, of {len(table)} with any.", shown=shown)


def _add_spectrograms(page: Page, run: EvaluatedRun, rows: list[int], confidence: np.ndarray) -> None:
    """Add the spectrogram of what the network received, and its saliency map, of some test tracks."""
    data, test = run.datamodule.data, run.predictions
    window = data.cache.spec.n_segment_frames(run.model.metadata["segment_seconds"])
    first, length = run.datamodule.clip_span("test")
    sound = (data.audio_frames - first).clip(0, length).tolist()
    indices = np.flatnonzero(data.tracks["split"] == "test")[rows].tolist()
    has_saliency = False
    for number, (row, index, clip) in enumerate(zip(rows, indices, data.read_clips(indices), strict=True), 1):
        mel = clip[first : first + length]
        track, predicted = data.tracks.iloc[index], int(test.prediction[row])
        saliency = saliency_map(run.model, mel, predicted, window, sound[index])
        has_saliency |= saliency is not None
        title = test.genres[test.target[row]]
        title += ", correct" if test.correct[row] else f", predicted {test.genres[predicted]}"
        panel = SpectrogramPanel(f"{title} ({confidence[row]:.2f})", denormalize(mel, track), saliency)
        alt = f"Spectrogram of {track['track_id']}: {title}."
        caption = truncate_middle(" · ".join(filter(pd.notna, track[["artist", "title", "track_id"]])), 60)
        page.figure(spectrograms_figure([panel], data.cache.spec.features), f"track_{number}", alt, caption)
    if has_saliency:
        page.text(
            "Confidence in brackets. Saliency: absolute gradient of the predicted genre's score, smoothed, 1 at the "
            "99.5 % quantile of each map."
        )
