"""All leakage levels have one test set and equally large training sets, and each leaks exactly what its name says."""

import numpy as np
import pandas as pd
import pytest

from genre.config.schema import LEAKAGE_LEVELS
from genre.data.leakage import leakage_split
from genre.errors import GenreError
from tests.conftest import track_table


def collection(artists: int = 40, genres: int = 2) -> pd.DataFrame:
    """Artists of one genre, with one to three albums of three tracks."""
    rows = {}
    names: dict[str, list[str]] = {"artist": [], "album": []}
    for artist in range(artists):
        for album in range(1 + artist // genres % 3):
            for track in range(3):
                rows[f"{artist:02d}-{album}-{track}"] = f"genre {artist % genres}"
                names["artist"].append(f"artist {artist}")
                names["album"].append(f"album {artist}-{album}")
    return track_table(rows, **names)


def all_levels(tracks: pd.DataFrame, seed: int = 1) -> dict[str, pd.DataFrame]:
    return {level: leakage_split(tracks, level, seed) for level in LEAKAGE_LEVELS}


def part(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["split"] == name]


def test_test_and_validation_are_the_same_and_training_is_as_large_in_every_genre() -> None:
    levels = all_levels(collection())
    first = levels["leak_nothing"]
    for level, table in levels.items():
        for name in ("test", "val"):
            assert part(table, name)["track_id"].tolist() == part(first, name)["track_id"].tolist(), level
        sizes = part(table, "train")["genre"].value_counts().sort_index()
        assert sizes.equals(part(first, "train")["genre"].value_counts().sort_index())
        assert table["track_id"].is_unique


def test_each_level_leaks_what_its_name_says_and_nothing_else() -> None:
    levels = all_levels(collection())
    test = part(levels["leak_nothing"], "test")
    assert len(test) >= 10
    doses = []
    for level, table in levels.items():
        train = part(table, "train")
        new = train[~train["path"].isin(part(levels["leak_nothing"], "train")["path"])]
        assert (len(new) == 0) == (level == "leak_nothing")
        doses += [tuple(new["genre"].value_counts().sort_index())] * (level not in ("leak_nothing", "leak_segments"))
        if level == "leak_segments":  # the other halves have the paths of the test tracks
            doses.append(tuple(train.loc[train["path"].isin(test["path"]), "genre"].value_counts().sort_index()))
        assert new["artist"].isin(test["artist"]).all()
        assert new["album"].isin(test["album"]).all() == (level != "leak_artists" or len(new) == 0)
        assert new["path"].isin(test["path"]).all() == (level in ("leak_nothing", "leak_segments"))
        kept = train.drop(new.index)
        assert not kept["artist"].isin(test["artist"]).any()
        assert not kept["album"].isin(test["album"]).any()
    assert len(set(doses)) == 1  # the same number of tracks of each genre at all levels
    artists = part(levels["leak_artists"], "train")
    assert not artists["album"].isin(test["album"]).any()
    albums = part(levels["leak_albums"], "train")
    assert not albums["path"].isin(test["path"]).any()


def test_levels_depend_on_the_seed_and_not_on_the_order_of_rows() -> None:
    tracks = collection()
    mixed = tracks.sample(frac=1, random_state=0).reset_index(drop=True)
    for level in LEAKAGE_LEVELS:
        assert leakage_split(tracks, level, 3).equals(leakage_split(mixed, level, 3))
    ids = [set(part(leakage_split(tracks, "leak_nothing", seed), "test")["track_id"]) for seed in (1, 2)]
    assert ids[0] != ids[1]


def test_validation_shares_no_artist_with_training() -> None:
    for table in all_levels(collection()).values():
        val, train = part(table, "val"), part(table, "train")
        assert len(val) > 0
        assert not train["artist"].isin(val["artist"]).any()


def test_a_tenth_of_all_tracks_is_for_validation() -> None:
    tracks = collection(artists=200)
    for seed in range(3):
        val = part(leakage_split(tracks, "leak_nothing", seed), "val")
        assert len(val) / len(tracks) == pytest.approx(0.1, abs=0.02)


def test_too_few_albums_are_refused() -> None:
    one_album_each = collection().assign(album=lambda table: table["artist"])
    with pytest.raises(GenreError, match="needs artists with several albums"):
        leakage_split(one_album_each, "leak_albums", 1)
    with pytest.raises(GenreError, match="names no album"):
        leakage_split(collection().assign(album=np.nan), "leak_albums", 1)


def test_a_genre_of_one_artist_stays_in_training() -> None:
    tracks = collection()
    lone = tracks["genre"] == "genre 1"
    tracks.loc[lone, "artist"] = "artist 5"  # genre 1 is now one artist with many albums
    for table in all_levels(tracks).values():
        assert set(part(table, "train")["genre"]) == {"genre 0", "genre 1"}
        assert set(part(table, "test")["genre"]) == {"genre 0"}
        assert len(part(table, "val")) > 0


def test_a_genre_missing_in_training_is_refused_with_advice() -> None:
    tracks = collection()
    guests = tracks["artist"] == "artist 5"  # artist 5's only album is of a genre of its own, and ties him to others
    tracks.loc[guests, "genre"] = "rare"
    tracks.loc[guests, "album"] = "album 4-0"
    tied = tracks["artist"].isin(["artist 4", "artist 5"])
    others = tracks[tied | (tracks["genre"] == "genre 0")].reset_index(drop=True)
    found = set()
    for seed in range(20):
        try:
            found |= set(part(leakage_split(others, "leak_nothing", seed), "train")["genre"])
        except GenreError as error:
            found.add(str(error).partition(":")[0])
    assert found == {"genre 0", "rare", "data.splits=leak_nothing leaves train without a track of rare"}


def test_of_the_artists_on_a_compilation_only_test_artists_leak() -> None:
    tracks = collection()
    ties = tracks[tracks["track_id"].str.endswith("-0-0")].index  # the first song of each artist
    for pair in range(0, 40, 4):  # a two-track compilation ties two artists of one genre
        names = [f"artist {pair}", f"artist {pair + 2}"]
        tracks.loc[ties[tracks.loc[ties, "artist"].isin(names)], "album"] = f"compilation {pair}"
    for seed in range(5):
        nothing, artists = (leakage_split(tracks, level, seed) for level in LEAKAGE_LEVELS[:2])
        test = part(nothing, "test")
        new = part(artists, "train").loc[lambda t, n=nothing: ~t["path"].isin(part(n, "train")["path"])]
        assert len(new) > 0
        assert new["artist"].isin(test["artist"]).all()
        assert not new["album"].isin(test["album"]).any()
