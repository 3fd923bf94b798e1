import pytest

from genre.data.sources.fma import Fma
from genre.synthetic.genres import GENRES, ROLES


def test_names_are_fma_s_and_shares_are_percentages() -> None:
    assert set(GENRES) < set(Fma.known_genres)
    assert sum(style.share for style in GENRES.values()) == 100


@pytest.mark.parametrize("genre", GENRES)
def test_a_genre_has_a_pattern_for_each_role_and_scale_degrees(genre: str) -> None:
    style = GENRES[genre]
    patterns = style.rhythm.split()
    assert len(patterns) == len(ROLES)
    for pattern in patterns:
        assert len(pattern) in (12, 16), pattern
        assert set(pattern) == {"x", "."}, pattern
    assert set(style.bass + style.lead) <= set("01234567")
    assert set(style.swell) <= set(ROLES)
    assert style.tempo[0] < style.tempo[1]


def test_tempos_overlap_and_densities_are_similar() -> None:
    for one in GENRES.values():
        overlapping = [s for s in GENRES.values() if s.tempo[0] < one.tempo[1] and one.tempo[0] < s.tempo[1]]
        assert len(overlapping) >= 4  # itself included
    for role in range(len(ROLES)):
        densities = []
        for style in GENRES.values():
            pattern = style.rhythm.split()[role]
            densities.append(pattern.count("x") / len(pattern) * sum(style.tempo) / 2 * 4 / 60)
        assert max(densities) < 3 * min(densities)
