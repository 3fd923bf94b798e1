"""Genres of two collections are matched by their names."""

import pytest

from genre.data.shared_genres import normalize_genre, share_genres
from genre.errors import GenreError


@pytest.mark.parametrize("name", ["Hip-Hop", "hip hop", "HipHop", " HIP_HOP ", "Hip–Hop", "Ｈｉｐ Hop"])
def test_case_spacing_and_punctuation_do_not_matter(name: str) -> None:
    assert normalize_genre(name) == "hiphop"


def test_names_without_letters_stay_apart() -> None:
    assert normalize_genre("!!!") != normalize_genre("???")
    assert normalize_genre("Música") == normalize_genre("música")


def test_shared_genres_have_the_models_spelling_and_the_others_no_name() -> None:
    shared = share_genres(["jazz", "hip hop", "polka"], [["Hip-Hop", "Jazz", "Rock"]], {})
    assert shared.names == ["Hip-Hop", "Jazz"]
    assert [shared.find(genre) for genre in ("hip hop", "jazz", "polka", "Rock")] == ["Hip-Hop", "Jazz", None, None]
    assert shared.groups(["Hip-Hop", "Jazz", "Rock"]) == [[0], [1]]


def test_a_genre_of_the_collection_gets_the_models_name() -> None:
    shared = share_genres(["rap", "jazz"], [["Hip-Hop", "Jazz"]], {"Rap": "hip hop"})
    assert shared.find("rap") == shared.find("Hip-Hop") == "Hip-Hop"


def test_several_genres_of_a_model_become_one() -> None:
    shared = share_genres(["pop-rock", "jazz"], [["Jazz", "Pop", "Rock"]], {"pop": "pop-rock", "rock": "pop-rock"})
    assert shared.names == ["Jazz", "pop-rock"]
    assert shared.groups(["Jazz", "Pop", "Rock"]) == [[0], [1, 2]]


def test_only_the_genres_of_all_models_are_shared() -> None:
    shared = share_genres(["a", "b", "c"], [["A", "B", "D"], ["b", "a", "c"]], {})
    assert shared.names == ["A", "B"]
    assert shared.groups(["b", "a", "c"]) == [[1], [0]]


def test_a_renamed_genre_must_exist() -> None:
    with pytest.raises(GenreError) as caught:
        share_genres(["rap"], [["Rock"]], {"rpa": "Rock"})
    assert str(caught.value) == "on_genres: rpa is not a genre of the music or of the run: did you mean rap?"
