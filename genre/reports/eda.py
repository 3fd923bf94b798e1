"""Report of a data set: genres, files, rejected tracks, examples."""

from pathlib import Path

import numpy as np
import pandas as pd

from genre.audio.decoding import load_clip
from genre.data.prepared import PreparedData
from genre.data.tracks import SPLITS
from genre.reports.data_card import count_by_genre, count_licenses, data_card
from genre.reports.eda_figures import histogram, waveform_plot, word_cloud
from genre.reports.figures import bar_chart
from genre.reports.page import Page
from genre.reports.spectrograms import SpectrogramPanel, denormalize, spectrograms_figure
from genre.reports.theme import truncate_middle

DATA_CARD = "data_card.md"
EXAMPLES = 2
"""Tracks shown per genre."""
REASONS = {
    "missing_genre": "genre unknown",
    "excluded_genre": "genre excluded by data.exclude_genres",
    "excluded_license": "license is none of data.licenses",
    "missing_file": "file does not exist",
    "rare_genre": "genre has fewer tracks than data.min_tracks_per_genre",
    "undecodable": "cannot be decoded",
    "truncated": "decodes to much less than its header announces",
    "not_finite": "samples are NaN, infinite or out of range",
    "short": "shorter than data.min_seconds",
    "silent": "almost entirely silent",
    "duplicate": "same audio as another track",
}


def write_eda_report(data: PreparedData, root: Path, name: str, folder: Path, genres: list[str] | None = None) -> Path:
    """Write the report of a data set.

    Args:
        data: The data with their split.
        root: Folder that the paths of the tracks are relative to.
        name: Name of the data set.
        folder: Folder of the report.
        genres: Genres of which example tracks are shown; None for all.

    Returns:
        Path of the page.
    """
    tracks = data.tracks
    artists = tracks["artist"].nunique()
    by = f" by {artists} artist{'s' * (artists > 1)}" if artists else ""
    hours = tracks["duration"].sum() / 3600
    page = Page(f"Data set: {name}", f"{len(tracks)} tracks{by}, {len(data.genres)} genres, {hours:.1f} hours")
    _add_genres(page, tracks)
    _add_licenses(page, tracks)
    _add_files(page, tracks)
    _add_rejected(page, data.rejected)
    _add_track(page, data, root)
    _add_examples(page, data, genres)
    page.file(DATA_CARD, data_card(data, name))
    return page.write(folder)


def _add_genres(page: Page, tracks: pd.DataFrame) -> None:
    page.section("Genres")
    table = count_by_genre(tracks)
    counts = table.set_index("genre")["tracks"]
    page.figure(bar_chart(counts, "tracks"), "genres", f"Tracks per genre, from {counts.max()} to {counts.min()}.")
    page.figure(word_cloud(counts), "cloud", "Word cloud of the genres, sized by number of tracks.")
    shown = table.assign(share=table["share"].map("{:.1%}".format))
    caption = "Tracks and artists, in total and per split."
    if tracks["artist"].isna().all():
        shown = shown[["genre", "tracks", "share", *SPLITS]]
        caption = "Tracks, in total and per split; artists unknown."
    page.table(table, "genres", caption, shown=shown)


def _add_licenses(page: Page, tracks: pd.DataFrame) -> None:
    table = count_licenses(tracks)
    if len(table):
        page.section("Licenses")
        page.table(table, "licenses", "Tracks by license, as the source states it.")


def _add_files(page: Page, tracks: pd.DataFrame) -> None:
    page.section("Files")
    durations = tracks["duration"]
    bit_rates = (8 * tracks["size"] / durations / 1000).round()
    alt = f"Durations: {durations.min():.1f} to {durations.max():.1f} s, median {durations.median():.1f} s."
    page.figure(histogram(durations, "duration in s"), "durations", alt)
    alt = f"Bit rates: {bit_rates.min():.0f} to {bit_rates.max():.0f} kbit/s, median {bit_rates.median():.0f} kbit/s."
    page.figure(histogram(bit_rates, "bit rate in kbit/s"), "bit_rates", alt, "File size divided by duration.")
    formats = tracks.assign(format=tracks["path"].str.rpartition(".")[2].str.lower())
    table = formats.groupby(["format", "rate", "channels"]).size().rename("tracks").reset_index()
    table = table.sort_values("tracks", ascending=False)
    page.table(table.rename(columns={"rate": "sample rate in Hz"}), "formats")


def _add_rejected(page: Page, rejected: pd.DataFrame) -> None:
    page.section("Rejected")
    if rejected.empty:
        page.text("No track was rejected.")
        return
    grouped = rejected.groupby("reason")
    table = grouped.agg(tracks=("track_id", "size"), example=("path", "first"), detail=("detail", "first"))
    table = table.sort_values("tracks", ascending=False).reset_index()
    table.insert(1, "meaning", table["reason"].map(REASONS))
    page.table(table, "rejected", "Rejected tracks by reason, with an example of each.")


def _add_track(page: Page, data: PreparedData, root: Path) -> None:
    page.section("One track")
    track, spec = data.tracks.iloc[0], data.cache.spec
    features = spec.features
    clip = load_clip(root / track["path"], features.sample_rate, spec.clip_seconds, spec.clip_start)
    title = f"{track['track_id']}, {track['genre']}"
    waveform = waveform_plot(clip.samples, features.sample_rate, title)
    page.figure(waveform, "waveform", f"Waveform of track {title}.")
    panel = SpectrogramPanel(title, denormalize(data.read_clips([0])[0], track))
    caption = f"{spec.n_frames} frames of {features.hop_length / features.sample_rate * 1000:.1f} ms."
    page.figure(spectrograms_figure([panel], features), "spectrogram", f"Spectrogram of track {title}.", caption)


def _add_examples(page: Page, data: PreparedData, genres: list[str] | None) -> None:
    page.section("Examples")
    column = data.tracks["genre"]
    for genre in genres or data.genres:
        rows = np.flatnonzero(column == genre)
        rows = rows[np.linspace(0, len(rows) - 1, min(EXAMPLES, len(rows))).astype(int)]
        panels = [
            SpectrogramPanel(truncate_middle(track["track_id"]), denormalize(mel, track))
            for (_, track), mel in zip(data.tracks.iloc[rows].iterrows(), data.read_clips(rows.tolist()), strict=True)
        ]
        figure = spectrograms_figure(panels, data.cache.spec.features, columns=EXAMPLES)
        name = f"examples_{data.genres.index(genre)}"
        page.figure(figure, name, f"Spectrograms of {len(panels)} tracks of {genre}.", genre)
