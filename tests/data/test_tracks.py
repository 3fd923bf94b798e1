"""The selection of tracks, and the names of artists and albums."""

import pandas as pd
import pytest

from genre.config.validate import validate
from genre.data.tracks import COLUMNS, Selection, collection_name, unify_names
from genre.errors import GenreError
from tests.composing import compose
from tests.conftest import track_table

GENRES = {"a": "Rock", "b": "Rock", "c": "Rock", "d": "Jazz", "e": "Jazz", "f": "Polka", "g": None, "h": None}


def selection() -> Selection:
    return Selection(track_table(GENRES))


def ids(table: pd.DataFrame) -> str:
    return "".join(table["track_id"])


def test_initially_everything_is_kept():
    chosen = selection()
    assert ids(chosen.kept) == "abcdefgh"
    assert len(chosen.rejected) == 0
    assert list(chosen.rejected.columns) == [*COLUMNS, "reason", "detail"]
    assert chosen.reason_counts == {}


def test_rejected_tracks_are_kept_in_a_second_table_with_a_reason():
    chosen = selection()
    chosen.reject(chosen.kept["track_id"].isin(["b", "f"]), "short", "1.0 s")
    assert ids(chosen.kept) == "acdegh"
    expected = track_table(GENRES).iloc[[1, 5]].reset_index(drop=True).assign(reason="short", detail="1.0 s")
    pd.testing.assert_frame_equal(chosen.rejected, expected, check_dtype=False)


def test_details_per_track():
    chosen = selection()
    chosen.reject(chosen.kept["genre"] == "Jazz", "short", chosen.kept["track_id"] + "!")
    assert dict(zip(chosen.rejected["track_id"], chosen.rejected["detail"], strict=True)) == {"d": "d!", "e": "e!"}


def test_rejecting_nothing_changes_nothing():
    for detail in ("", "as one", selection().kept["track_id"] + "!"):
        chosen = selection()
        chosen.reject(chosen.kept["genre"] == "Techno", "excluded_genre", detail)
        pd.testing.assert_frame_equal(chosen.kept, track_table(GENRES))
        assert len(chosen.rejected) == 0
        assert chosen.reason_counts == {}


def test_no_genre_and_excluded_genres():
    chosen = selection()
    chosen.reject_genres(["Jazz", "Polka"])
    assert ids(chosen.kept) == "abc"
    assert dict(zip(chosen.rejected["track_id"], chosen.rejected["reason"], strict=True)) == {
        "g": "missing_genre",
        "h": "missing_genre",
        "d": "excluded_genre",
        "e": "excluded_genre",
        "f": "excluded_genre",
    }


def test_tracks_without_a_genre_are_rejected_even_if_none_is_excluded():
    chosen = selection()
    chosen.reject_genres([])
    assert ids(chosen.kept) == "abcdef"
    assert chosen.reason_counts == {"missing_genre": 2}


def licensed(*licenses: str | None) -> Selection:
    table = track_table(dict.fromkeys("abcd"[: len(licenses)], "Rock"), license=list(licenses))
    return Selection(table)


def test_tracks_without_an_allowed_license_are_rejected():
    chosen = licensed("CC0 1.0", "Attribution 3.0", "Attribution-Noncommercial 3.0", None)
    chosen.reject_licenses([])
    assert ids(chosen.kept) == "abcd"
    chosen.reject_licenses(["cc0*", "attribution 3.0"])
    assert ids(chosen.kept) == "ab"
    assert chosen.reason_counts == {"excluded_license": 2}


def test_a_license_that_no_track_has_is_refused():
    for chosen, said in (
        (licensed("CC0", "CC0", "MIT", None), "they are CC0; MIT"),
        (licensed(None, None), "they are unknown here"),
    ):
        with pytest.raises(GenreError) as caught:
            chosen.reject_licenses(["GPL*"])
        assert str(caught.value) == f"data.licenses: no track has the license GPL*: {said}"


@pytest.mark.parametrize(("least", "kept"), [(1, "abcdef"), (2, "abcde"), (3, "abc"), (4, "")])
def test_genres_with_too_few_tracks_are_rejected(least, kept):
    chosen = selection()
    chosen.reject_genres([])
    chosen.reject_rare_genres(least)
    assert ids(chosen.kept) == kept
    assert chosen.reason_counts.get("rare_genre", 0) == 6 - len(kept)
    rare = chosen.rejected[chosen.rejected["reason"] == "rare_genre"]
    assert all(rare["detail"] == f"its genre has fewer than {least} tracks")


def test_rare_genres_are_counted_among_the_kept_tracks():
    chosen = selection()
    chosen.reject(chosen.kept["track_id"].isin(["a", "b", "g", "h"]), "short")
    chosen.reject_rare_genres(2)
    assert ids(chosen.kept) == "de"


def test_reasons_are_counted_most_first():
    chosen = selection()
    chosen.reject_genres(["Rock"])
    chosen.reject_rare_genres(2)
    assert list(chosen.reason_counts.items()) == [("excluded_genre", 3), ("missing_genre", 2), ("rare_genre", 1)]
    assert len(chosen.kept) + sum(chosen.reason_counts.values()) == len(GENRES)


@pytest.mark.parametrize(
    ("exclude", "said"),
    [
        (["Rcok", "Jazz", "jazz"], "Rcok, jazz (did you mean Rock, Jazz?)"),
        (["rock"], "rock (did you mean Rock?)"),
        (["Soul-RnB"], "Soul-RnB"),
    ],
)
def test_an_unknown_excluded_genre_is_refused(exclude, said):
    chosen = selection()
    with pytest.raises(GenreError) as caught:
        chosen.reject_genres(exclude)
    assert str(caught.value) == f"data.exclude_genres: unknown genre {said}: use some of Jazz, Polka, Rock"
    assert ids(chosen.kept) == "abcdefgh"


def test_a_genre_that_the_source_knows_may_be_absent():
    chosen = selection()
    chosen.reject_genres(["Rock", "Soul-RnB"], ["Jazz", "Soul-RnB"])
    assert ids(chosen.kept) == "def"


def names(artist: list[str | None], album: list[str | None]) -> list[tuple[str | None, str | None]]:
    genres = dict.fromkeys([str(number) for number in range(len(artist))], "Rock")
    table = unify_names(track_table(genres, artist=artist, album=album))
    assert list(table.columns) == COLUMNS
    known = table[["artist", "album"]].astype(object).where(table[["artist", "album"]].notna(), None)
    return list(known.itertuples(index=False, name=None))


def test_spellings_of_one_artist_are_unified():
    artists = ["AC/DC", "Ac/Dc", "ac/dc ", "Bj\u00f6rk", "Bjo\u0308rk", "ABBA", None, " ", "Abba"]
    expected = ["AC/DC", "AC/DC", "AC/DC", "Bj\u00f6rk", "Bj\u00f6rk", "ABBA", None, None, "ABBA"]
    assert [artist for artist, _ in names(artists, [None] * 9)] == expected


def test_an_album_is_its_artist_s_unless_it_is_a_compilation():
    artists = ["Ann", "ann", "Bob", None, "Ann", "Bob", "Ann", "Bob", "Cid", None]
    hits, sampler = ["Greatest Hits"] * 4, ["Sampler [Various Artists]"] * 2
    assert names(artists, [*hits, *sampler, "Live [7]", "Live [7]", "Own", "Own"]) == [
        ("Ann", "Greatest Hits [Ann]"),
        ("Ann", "Greatest Hits [Ann]"),
        ("Bob", "Greatest Hits [Bob]"),
        (None, "Greatest Hits"),
        ("Ann", "Sampler [Various Artists]"),
        ("Bob", "Sampler [Various Artists]"),
        ("Ann", "Live [7]"),
        ("Bob", "Live [7]"),
        ("Cid", "Own"),
        (None, "Own"),
    ]


def test_tables_without_names_are_unchanged():
    pd.testing.assert_frame_equal(unify_names(track_table(GENRES)), track_table(GENRES))


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["data=folder", "data.root=music/my songs"], "my songs"),
        (["data=folder", "data.root=music", "data.name=emotify"], "emotify"),
        (["data=fma", "data.root=x", "data.subset=small"], "fma_small"),
        (["data=synthetic"], "synthetic"),
        (["data=table", "data.table=lists/good.csv", "data.root=music"], "music-good"),
    ],
)
def test_the_collection_has_a_name(overrides: list[str], name: str) -> None:
    assert collection_name(validate(compose(overrides)).data) == name
