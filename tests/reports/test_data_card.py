"""The data card of a data set."""

from types import SimpleNamespace

import pandas as pd

from genre.provenance import data_id
from genre.reports.data_card import count_licenses, data_card
from tests.conftest import track_table

FEATURES = SimpleNamespace(sample_rate=22050, hop_length=1024, n_features=64)
SPEC = SimpleNamespace(features=FEATURES, clip_seconds=30.0)


def card(**columns: object) -> tuple[str, pd.DataFrame]:
    tracks = track_table({"1": "Rock", "2": "Rock", "3": "Folk|Pop"}, **columns)
    tracks = tracks.assign(audio_digest=["x", "y", "z"], duration=1800.0)
    rejected = tracks.iloc[:1].assign(reason="short", detail="1 s")
    data = SimpleNamespace(
        tracks=tracks, rejected=rejected, genres=["Folk|Pop", "Rock"], cache=SimpleNamespace(spec=SPEC)
    )
    return data_card(data, "mine"), tracks


def test_a_card_says_what_a_collection_holds() -> None:
    text, tracks = card(artist=["A", "A", None], license=["CC0", None, "CC0"], split=["train", "test", "val"])
    assert text.startswith("# Data card: mine\n\n3 tracks of 2 genres, 1.5 hours, by 1 known artist; the artist of 1 ")
    assert f"`{data_id(tracks)}`" in text
    rows = [[cell.strip() for cell in line.split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    assert ["| Rock", "2", "66.7%", "1", "1", "1", "0", "0", "1", "1 |"] in rows
    assert r"| Folk\|Pop" in text
    assert ["| CC0", "2 |"] in rows
    assert ["| short", "1 |"] in rows
    assert "1 artists are in more than one split." in text
    assert "resampled to 22050 Hz. 30 s of each track are used, as 64 features in steps of 46.4 ms." in text


def test_a_card_says_what_is_unknown() -> None:
    text, tracks = card(split="train")
    assert "The source does not say under which licenses the tracks are." in text
    assert "Whether splits share artists is unknown." in text
    assert count_licenses(tracks).empty
