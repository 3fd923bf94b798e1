import numpy as np
import pytest

from genre.synthetic.artist import Artist
from genre.synthetic.composer import render
from genre.synthetic.genres import GENRES


def test_the_artist_and_the_track_number_determine_every_sample() -> None:
    artist = Artist.sample(5, 3, "Jazz")
    first = render(artist, 0, 1.0, 22050)
    assert first.shape == (22050,)
    assert np.array_equal(first, render(Artist.sample(5, 3, "Jazz"), 0, 1.0, 22050))
    assert not np.array_equal(first, render(artist, 1, 1.0, 22050))
    assert not np.array_equal(first, render(Artist.sample(6, 3, "Jazz"), 0, 1.0, 22050))
    assert np.abs(first).max() <= 1


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_is_audible(genre: str) -> None:
    samples = render(Artist.sample(0, 1, genre), 0, 3.0, 22050)
    assert np.isfinite(samples).all()
    blocks = samples[: len(samples) // 1102 * 1102].reshape(-1, 1102)
    assert (np.sqrt((blocks**2).mean(axis=1)) > 1e-3).mean() > 0.5
