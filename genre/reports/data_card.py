"""Data card of a data set in Markdown: what it holds, how it is split, what was left out, and its limits."""

import pandas as pd

from genre.data.prepared import PreparedData
from genre.data.tracks import SPLITS
from genre.provenance import data_id
from genre.reports.formatting import to_markdown


def count_by_genre(tracks: pd.DataFrame) -> pd.DataFrame:
    """Count the tracks and artists of each genre, in total and per split.

    Args:
        tracks: Track table with `split`.

    Returns:
        One row per genre, the largest first: `genre, tracks, share, artists`, and for each split its tracks as
        `<split>` and its artists as `<split> artists`.
    """
    grouped = tracks.groupby("genre")
    table = pd.DataFrame({"tracks": grouped.size(), "artists": grouped["artist"].nunique()})
    table.insert(1, "share", table["tracks"] / len(tracks))
    for split in SPLITS:
        rows = tracks[tracks["split"] == split].groupby("genre")
        table[split] = rows.size().reindex(table.index, fill_value=0)
        table[f"{split} artists"] = rows["artist"].nunique().reindex(table.index, fill_value=0)
    return table.sort_values(["tracks", "genre"], ascending=[False, True]).reset_index()


def count_licenses(tracks: pd.DataFrame) -> pd.DataFrame:
    """Count the tracks of each license: `license, tracks`, the largest first; empty if the source knows none."""
    licenses = tracks.reindex(columns=["license"])["license"]
    if licenses.notna().sum() == 0:
        return pd.DataFrame(columns=["license", "tracks"])
    return licenses.fillna("unknown").value_counts().rename("tracks").rename_axis("license").reset_index()


def data_card(data: PreparedData, name: str) -> str:
    """Write the data card of a data set.

    Args:
        data: The data with their split.
        name: Name of the data set.

    Returns:
        The text. What only its author knows, such as who chose the labels, is not in it.
    """
    tracks, spec = data.tracks, data.cache.spec
    known, artists = int(tracks["artist"].notna().sum()), tracks["artist"].nunique()
    genres = count_by_genre(tracks).assign(share=lambda table: table["share"].map("{:.1%}".format))
    licenses = count_licenses(tracks)
    shared = (tracks.groupby("artist")["split"].nunique() > 1).sum()
    rejected = data.rejected["reason"].value_counts().rename("tracks").rename_axis("reason").reset_index()
    parts = [
        f"# Data card: {name}",
        f"{len(tracks)} tracks of {len(data.genres)} genres, {tracks['duration'].sum() / 3600:.1f} hours, by "
        f"{artists} known artist{'s' * (artists != 1)}; the artist of {len(tracks) - known} tracks is unknown. "
        f"Id of tracks, audio, labels and split: `{data_id(tracks)}`.",
        "## Genres and splits",
        to_markdown(genres),
        f"{shared} artists are in more than one split." if known else "Whether splits share artists is unknown.",
        "## Licenses",
        to_markdown(licenses) if len(licenses) else "The source does not say under which licenses the tracks are.",
        "## Left out",
        to_markdown(rejected) if len(rejected) else "No track was rejected.",
        "## Preprocessing",
        f"Audio is mixed to mono and resampled to {spec.features.sample_rate} Hz. {spec.clip_seconds:g} s of each "
        f"track are used, as {spec.features.n_features} features in steps of "
        f"{1000 * spec.features.hop_length / spec.features.sample_rate:.1f} ms.",
        "## Limits",
        "Each track has one genre, as its folder or its metadata state it; nobody listened to check it. Scores on one "
        "collection say little about another, which may draw the lines between genres elsewhere.",
    ]
    return "\n\n".join(parts) + "\n"
