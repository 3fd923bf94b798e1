from itertools import chain

import pytest

from genre.data.sources.fma import Fma
from genre.synthetic.genres import GENRES
from genre.synthetic.instruments import DRUMS, INSTRUMENTS
from genre.synthetic.style import SCALES


def test_names_are_fma_s_and_shares_are_percentages() -> None:
    assert set(GENRES) < set(Fma.known_genres)
    assert sum(style.share for style in GENRES.values()) == 100


@pytest.mark.parametrize("genre", GENRES)
def test_a_genre_refers_to_scales_instruments_drums_and_genres_that_exist(genre: str) -> None:
    style = GENRES[genre]
    assert set(style.scales) <= set(SCALES)
    assert set(chain.from_iterable(part.instruments for part in style.parts.values())) <= set(INSTRUMENTS)
    assert set(style.beats) <= set(DRUMS)
    assert set(style.related) <= set(GENRES) - {genre}
    assert set(style.parts) == {"bass", "chords", "lead"}


@pytest.mark.parametrize("genre", GENRES)
def test_patterns_have_sixteen_steps(genre: str) -> None:
    style = GENRES[genre]
    for patterns in (*(part.patterns for part in style.parts.values()), *style.beats.values()):
        for pattern in patterns:
            assert len(pattern) == 16, pattern
            assert set(pattern) <= set("xo.0123456789"), pattern
