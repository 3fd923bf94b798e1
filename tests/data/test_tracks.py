import pandas as pd
import pytest

from genre.data.tracks import COLUMNS, Selection
from genre.errors import GenreError
from tests.conftest import track_table

GENRES = {"a": "Rock", "b": "Rock", "c": "Rock", "d": "Jazz", "e": "Jazz", "f": "Polka", "g": None, "h": None}


def selection() -> Selection:
    return Selection(track_table(GENRES))


def ids(table: pd.DataFrame) -> str:
    return "".join(table["track_id"])


def test_at_first_everything_is_kept():
    chosen = selection()
    assert ids(chosen.kept) == "abcdefgh"
    assert len(chosen.rejected) == 0
    assert list(chosen.rejected.columns) == [*COLUMNS, "reason", "detail"]
    assert chosen.reasons == {}


def test_what_is_dropped_stays_in_the_other_table_with_its_reason():
    chosen = selection()
    chosen.drop(chosen.kept["track_id"].isin(["b", "f"]), "short", "1.0 s")
    assert ids(chosen.kept) == "acdegh"
    expected = track_table(GENRES).iloc[[1, 5]].reset_index(drop=True).assign(reason="short", detail="1.0 s")
    pd.testing.assert_frame_equal(chosen.rejected, expected, check_dtype=False)


def test_details_of_their_own_go_with_their_tracks():
    chosen = selection()
    chosen.drop(chosen.kept["genre"] == "Jazz", "short", chosen.kept["track_id"] + "!")
    assert dict(zip(chosen.rejected["track_id"], chosen.rejected["detail"], strict=True)) == {"d": "d!", "e": "e!"}


def test_dropping_nothing_changes_nothing():
    for detail in ("", "as one", selection().kept["track_id"] + "!"):
        chosen = selection()
        chosen.drop(chosen.kept["genre"] == "Techno", "excluded_genre", detail)
        pd.testing.assert_frame_equal(chosen.kept, track_table(GENRES))
        assert len(chosen.rejected) == 0
        assert chosen.reasons == {}


def test_no_genre_and_excluded_genres():
    chosen = selection()
    chosen.drop_genres(["Jazz", "Polka"])
    assert ids(chosen.kept) == "abc"
    assert dict(zip(chosen.rejected["track_id"], chosen.rejected["reason"], strict=True)) == {
        "g": "missing_genre",
        "h": "missing_genre",
        "d": "excluded_genre",
        "e": "excluded_genre",
        "f": "excluded_genre",
    }


def test_tracks_without_a_genre_go_even_if_none_is_excluded():
    chosen = selection()
    chosen.drop_genres([])
    assert ids(chosen.kept) == "abcdef"
    assert chosen.reasons == {"missing_genre": 2}


@pytest.mark.parametrize(("least", "kept"), [(1, "abcdef"), (2, "abcde"), (3, "abc"), (4, "")])
def test_rare_genres_have_fewer_tracks_than_asked_for(least, kept):
    chosen = selection()
    chosen.drop_genres([])
    chosen.drop_rare(least)
    assert ids(chosen.kept) == kept
    assert chosen.reasons.get("rare_genre", 0) == 6 - len(kept)
    rare = chosen.rejected[chosen.rejected["reason"] == "rare_genre"]
    assert all(rare["detail"] == f"its genre has fewer than {least} tracks")


def test_rareness_counts_what_is_left():
    chosen = selection()
    chosen.drop(chosen.kept["track_id"].isin(["a", "b", "g", "h"]), "short")
    chosen.drop_rare(2)
    assert ids(chosen.kept) == "de"


def test_reasons_are_counted_most_first():
    chosen = selection()
    chosen.drop_genres(["Rock"])
    chosen.drop_rare(2)
    assert list(chosen.reasons.items()) == [("excluded_genre", 3), ("missing_genre", 2), ("rare_genre", 1)]
    assert len(chosen.kept) + sum(chosen.reasons.values()) == len(GENRES)


@pytest.mark.parametrize(
    ("exclude", "said"),
    [
        (["Rcok", "Jazz", "jazz"], "Rcok, jazz is not here, did you mean Rock, Jazz"),
        (["rock"], "rock is not here, did you mean Rock"),
        (["Soul-RnB"], "Soul-RnB is not here"),
    ],
)
def test_an_excluded_genre_that_is_not_here_is_refused(exclude, said):
    chosen = selection()
    with pytest.raises(GenreError) as caught:
        chosen.drop_genres(exclude)
    assert str(caught.value) == f"data.exclude_genres: {said}: use some of Jazz, Polka, Rock"
    assert ids(chosen.kept) == "abcdefgh"


def test_a_genre_that_the_source_knows_may_be_absent():
    chosen = selection()
    chosen.drop_genres(["Rock", "Soul-RnB"], ["Jazz", "Soul-RnB"])
    assert ids(chosen.kept) == "def"
