"""What a collection is like, before any training."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from genre.audio.decoding import load_clip
from genre.data.prepare import PreparedData
from genre.data.tracks import SPLITS
from genre.reports.eda_figures import histogram, waveform_plot, word_cloud
from genre.reports.figures import bar_chart
from genre.reports.page import Page
from genre.reports.spectrograms import SpectrogramPanel, denormalize, spectrograms_figure
from genre.reports.theme import truncate_middle

USUAL = ("Rock", "Pop", "Electronic")
EACH = 3
REASONS = {
    "missing_genre": "no genre is known",
    "excluded_genre": "its genre is excluded by data.exclude_genres",
    "missing_file": "the file is not there",
    "rare_genre": "its genre has fewer tracks than data.min_tracks_per_genre",
    "undecodable": "it cannot be decoded",
    "truncated": "it decodes to much less than its header promises",
    "not_finite": "samples of it are no numbers, or too large",
    "short": "it is shorter than data.min_seconds",
    "silent": "hardly anything in it is above the noise floor",
    "duplicate": "the same audio is there already",
}


def write_eda_report(
    prepared: PreparedData, root: Path, name: str, folder: Path, wanted: list[str] | None = None
) -> Path:
    """Write the page on a collection.

    Args:
        prepared: The collection with its split.
        root: What the paths of its tracks are relative to: one of them is decoded for its waveform.
        name: The collection's name.
        folder: Where to.
        wanted: Genres of which tracks are shown; None for the usual ones, or else the largest.

    Returns:
        The page.
    """
    tracks = prepared.tracks
    hours = tracks["duration"].sum() / 3600
    artists = tracks["artist"].nunique()
    known = f" by {artists} artists" if artists else ""
    page = Page(f"Collection: {name}", f"{len(tracks)} tracks{known}, {len(prepared.genres)} genres, {hours:.1f} hours")
    _genres(page, tracks)
    _files(page, tracks)
    _rejected(page, prepared.rejected)
    _one_track(page, prepared, root)
    _examples(page, prepared, wanted)
    return page.write(folder)


def by_genre(tracks: pd.DataFrame) -> pd.DataFrame:
    """Count tracks and artists of each genre, in all and in each part.

    Args:
        tracks: Track table with `split`.

    Returns:
        One row a genre, the largest first: `genre, tracks, share, artists`; of each part `<part>`, `<part> artists`.
    """
    grouped = tracks.groupby("genre")
    table = pd.DataFrame({"tracks": grouped.size(), "artists": grouped["artist"].nunique()})
    table.insert(1, "share", table["tracks"] / len(tracks))
    for part in SPLITS:
        rows = tracks[tracks["split"] == part].groupby("genre")
        table[part] = rows.size().reindex(table.index, fill_value=0)
        table[f"{part} artists"] = rows["artist"].nunique().reindex(table.index, fill_value=0)
    return table.sort_values(["tracks", "genre"], ascending=[False, True]).reset_index()


def _genres(page: Page, tracks: pd.DataFrame) -> None:
    page.section("Genres")
    table = by_genre(tracks)
    counts = table.set_index("genre")["tracks"]
    most = f"{counts.index[0]} has most, {counts.iloc[0]}"
    page.figure(lambda: bar_chart(counts, "tracks"), "genres", f"Tracks per genre: {most}.")
    page.figure(lambda: word_cloud(counts), "cloud", "Word cloud of the genres, sized by their tracks.")
    known = tracks["artist"].notna().any()
    shown = table.assign(share=table["share"].map("{:.1%}".format))
    page.table(
        table,
        "genres",
        "Tracks and artists, in all and in each part of the split." if known else "Tracks. Artists are not known.",
        shown=shown if known else shown[["genre", "tracks", "share", *SPLITS]],
    )


def _files(page: Page, tracks: pd.DataFrame) -> None:
    page.section("Files")
    bit_rate = (8 * tracks["size"] / tracks["duration"] / 1000).round()
    durations = tracks["duration"]
    page.figure(
        lambda: histogram(durations, "duration in s"),
        "durations",
        f"Durations: from {durations.min():.1f} to {durations.max():.1f} s, median {durations.median():.1f} s.",
    )
    page.figure(
        lambda: histogram(bit_rate, "bit rate in kbit/s"),
        "bit_rates",
        f"Bit rates: from {bit_rate.min():.0f} to {bit_rate.max():.0f} kbit/s, median {bit_rate.median():.0f} kbit/s.",
        "Mean of each file: its size by its duration.",
    )
    formats = tracks.assign(format=tracks["path"].str.rpartition(".")[2].str.lower())
    table = formats.groupby(["format", "rate", "channels"]).size().rename("tracks").reset_index()
    table = table.sort_values("tracks", ascending=False)
    page.table(table.rename(columns={"rate": "sample rate in Hz"}), "formats")


def _rejected(page: Page, rejected: pd.DataFrame) -> None:
    page.section("Rejected")
    if rejected.empty:
        page.text("No track was rejected.")
        return
    grouped = rejected.groupby("reason")
    table = grouped.agg(tracks=("track_id", "size"), example=("path", "first"), detail=("detail", "first"))
    table = table.sort_values("tracks", ascending=False).reset_index()
    table.insert(1, "meaning", table["reason"].map(REASONS))
    page.table(table, "rejected", "Tracks that take no part, by the reason, with an example of each.")


def _one_track(page: Page, prepared: PreparedData, root: Path) -> None:
    page.section("One track")
    track, recipe = prepared.tracks.iloc[0], prepared.cache.spec
    clip = load_clip(root / track["path"], recipe.features.sample_rate, recipe.clip_seconds, recipe.clip_start)
    title = f"{track['track_id']}, {track['genre']}"
    page.figure(
        lambda: waveform_plot(clip.samples, recipe.features.sample_rate, title),
        "waveform",
        f"Waveform of track {title}.",
    )
    picture = SpectrogramPanel(title, denormalize(prepared.read_clips([0])[0], track))
    page.figure(
        lambda: spectrograms_figure([picture], recipe.features, columns=1),
        "spectrogram",
        f"Spectrogram of track {title}.",
        f"{recipe.n_frames} frames of {recipe.features.hop_length / recipe.features.sample_rate * 1000:.1f} ms.",
    )


def _examples(page: Page, prepared: PreparedData, wanted: list[str] | None) -> None:
    page.section("Examples")
    genres = prepared.tracks["genre"]
    largest = genres.value_counts().index[: len(USUAL)].tolist()
    usual = list(USUAL) if set(USUAL) <= set(prepared.genres) else largest
    for genre in wanted or usual:
        rows = np.flatnonzero(genres == genre)
        chosen = rows[np.linspace(0, len(rows) - 1, min(EACH, len(rows))).astype(int)].tolist()
        name = f"examples_{prepared.genres.index(genre)}"
        draw = partial(spectrograms_figure, _pictures(prepared, chosen), prepared.cache.spec.features, columns=EACH)
        page.figure(draw, name, f"Spectrograms of {len(chosen)} tracks of {genre}.", genre)


def _pictures(prepared: PreparedData, rows: list[int]) -> list[SpectrogramPanel]:
    chosen = [prepared.tracks.iloc[row] for row in rows]
    clips = prepared.read_clips(rows)
    return [
        SpectrogramPanel(truncate_middle(track["track_id"]), denormalize(mel, track))
        for track, mel in zip(chosen, clips, strict=True)
    ]
