"""The strategies, and their messages when a split is impossible."""

import shlex

import numpy as np
import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from genre.data.grouping import connected_groups
from genre.data.splits import assign_splits, missing_genres
from genre.errors import GenreError
from tests.data.splits.conftest import deviations, music, table


def test_auto_is_by_artist_if_any_is_known():
    tracks = music("emotify", 0)
    tracks.loc[tracks.index % 3 == 0, "artist"] = None
    assert assign_splits(tracks, "auto").equals(assign_splits(tracks, "artist"))
    tracks["artist"] = None
    assert assign_splits(tracks, "auto").equals(assign_splits(tracks, "stratified"))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_unknown_artists_are_groups_of_their_own(missing):
    tracks = table(["Rock"] * 60, [*["band"] * 20, *[missing] * 40])
    assert len(set(connected_groups(tracks, ["artist"]))) == 41
    parts = assign_splits(tracks, "artist")
    assert set(parts[:20]) == {"train"}
    assert sorted(parts[20:].value_counts()) == [6, 6, 28]


def test_an_artist_counts_in_each_of_their_genres():
    # Whoever is dealt by one genre alone spoils the other: the duos' second halves are all of Jazz.
    genre = [name for _ in range(10) for name in ["Rock"] * 4 + ["Jazz"] * 4]
    artist = [f"duo {number}" for number in range(10) for _ in range(8)]
    parts = assign_splits(table(genre, artist), "artist")
    assert (parts.groupby(artist).nunique() == 1).all()
    assert deviations(table(genre), parts).abs().to_numpy().max() < 1e-9


@pytest.mark.parametrize("seed", range(2))
def test_a_compilation_keeps_its_artists_together(seed):
    tracks = music("emotify", seed)
    sampler = tracks.groupby("genre").head(2).index
    tracks.loc[sampler, "album"] = "sampler"
    who = tracks.loc[sampler, "artist"]
    parts = assign_splits(tracks, "artist_album", seed)
    assert len(set(who)) > 4
    assert parts[tracks["artist"].isin(who)].nunique() == 1
    assert (parts.groupby(tracks["album"]).nunique() == 1).all()


def test_official_splits_are_the_sources():
    official = ["test", "train", "val", "train"]
    tracks = table(["Rock"] * 4, "one artist", official=official)
    assert assign_splits(tracks, "official").tolist() == official
    assert assign_splits(tracks[::-1], "official").tolist() == official[::-1]


def test_missing_genres_per_split():
    tracks = table(["Rock", "Rock", "Rock", "Jazz", "Blues"])
    parts = pd.Series(["train", "val", "test", "train", "test"])
    assert missing_genres(tracks, parts) == {"train": ["Blues"], "val": ["Blues", "Jazz"], "test": ["Jazz"]}


ROCK = ["Rock"] * 20
ERRORS = {
    "data.splits=albums is unknown: use one of auto, artist, artist_album, official, fault_filtered, stratified": (
        table(ROCK),
        "albums",
    ),
    "no track is left: lower data.min_tracks_per_genre or shorten data.exclude_genres": (table([]), "auto"),
    "this data names no artist: use data.splits=stratified": (table(ROCK), "artist"),
    "this data names no album: use data.splits=artist": (table(ROCK, "band"), "artist_album"),
    "this data has no split of its own: use data.splits=artist": (table(ROCK, "band"), "official"),
    "this data has no split of its own: use data.splits=stratified": (table(ROCK), "official"),
    "unknown split dev, eval (first: 000016): use train, val, test, or data.splits=artist for another split": (
        table(ROCK, official=["train", "val", "test"] * 5 + ["train", "dev", None, "eval", "dev"]),
        "official",
    ),
    "3 of 20 tracks have no split (first: 000017): use data.splits=stratified": (
        table(ROCK, official=["train", "val", "test"] * 5 + ["train", "val", None, pd.NA, np.nan]),
        "official",
    ),
    "data.splits=official leaves val without a track: use data.splits=artist or stratified": (
        table(ROCK, official=["train", "test"] * 10),
        "official",
    ),
    "data.splits=stratified leaves val without a track: add tracks": (table(ROCK[:9]), "stratified"),
    "data.splits=artist leaves val and test without a track: use data.splits=stratified or add artists": (
        table(ROCK, "band"),
        "artist",
    ),
}


@pytest.mark.parametrize("message", ERRORS)
def test_errors_say_what_to_do(message):
    tracks, strategy = ERRORS[message]
    with pytest.raises(GenreError) as caught:
        assign_splits(tracks, strategy)
    assert str(caught.value) == message


def test_a_genre_without_training_is_an_error_with_two_ways_out():
    rare = {"Rock'n'Roll": 2, "Old-Time / Historic": 1}
    genre = ROCK + [name for name, size in rare.items() for _ in range(size)]
    tracks = table(genre, official=["train", "val", "test", "train"] * 5 + ["test"] * 3)
    with pytest.raises(GenreError) as caught:
        assign_splits(tracks, "official")
    message = str(caught.value)
    assert message.startswith("data.splits=official leaves train without a track of Old-Time / Historic, Rock'n'Roll:")
    assert "\n" not in message
    given = shlex.split(message.partition(": set ")[2])[0]  # as one would paste it
    override = OverridesParser.create().parse_override(given)
    assert (override.key_or_group, override.value()) == ("data.exclude_genres", sorted(rare))
    assert message.endswith("data.min_tracks_per_genre=3")


def test_a_single_track_cannot_be_stratified():
    with pytest.raises(GenreError, match=r"train without a track of Polka: .*data.min_tracks_per_genre=2$"):
        assign_splits(table([*ROCK, "Polka"]), "stratified")


def test_a_genre_of_one_artist_has_no_folds_and_no_advice_that_is_refused() -> None:
    tracks = music("emotify", 0)
    tracks = pd.concat([tracks, table(["rare"] * 4, "hermit").assign(track_id=list("wxyz"))], ignore_index=True)
    with pytest.raises(GenreError) as caught:
        assign_splits(tracks, "artist", fold=0)
    assert str(caught.value) == (
        "data.folds=5 needs as many artists of each genre, and rare has 1: add it to data.exclude_genres"
    )


def test_the_split_and_what_is_unknown_are_logged(caplog) -> None:
    caplog.set_level("INFO")
    tracks = music("emotify", 0)
    assign_splits(tracks, "auto")
    assert caplog.messages == ["split: artist"]
    caplog.clear()
    tracks.loc[tracks.index[1:], "artist"] = None
    assign_splits(tracks, "auto")
    assert caplog.messages == [
        "split: artist",
        "artist unknown for 279 of 280 tracks: each counts as a separate artist",
    ]
    caplog.clear()
    tracks["artist"] = None
    assign_splits(tracks, "auto")
    assert caplog.messages == [
        "split: stratified",
        "artist unknown for all 280 tracks: tracks of one artist may be in train and in test",
    ]
