from dataclasses import replace

import numpy as np
import pytest

from genre.synthetic.artist import EQ_HZ, Artist
from genre.synthetic.composer import render

RATE = 22050


def test_the_seed_and_the_number_determine_an_artist() -> None:
    artist = Artist.sample(5, 3, "Jazz")
    assert artist == Artist.sample(5, 3, "Jazz")
    assert artist.eq != Artist.sample(6, 3, "Jazz").eq
    assert artist.eq != Artist.sample(5, 4, "Jazz").eq


def test_the_genre_determines_nothing_else_of_an_artist() -> None:
    assert replace(Artist.sample(5, 3, "Jazz"), genre="Rock") == Artist.sample(5, 3, "Rock")


def test_the_equalizer_of_the_artist_shapes_the_spectrum() -> None:
    artist = replace(Artist.sample(0, 1, "Rock"), noise=-200.0)
    flat, shaped = (replace(artist, eq=eq) for eq in ((0.0,) * 9, (0.0,) * 5 + (-30.0,) * 4))
    hz = np.fft.rfftfreq(RATE * 4, 1 / RATE)
    high = hz > EQ_HZ[5]
    share = []
    for one in (flat, shaped):
        power = np.abs(np.fft.rfft(render(one, 0, 4.0, RATE))) ** 2
        share.append(power[high].sum() / power[hz < EQ_HZ[4]].sum())
    assert 10 * np.log10(share[1] / share[0]) == pytest.approx(-30, abs=5)  # the compressor adds harmonics


def test_tracks_of_an_artist_sound_more_alike_than_tracks_of_a_genre() -> None:
    def spectrum(artist: int, take: int) -> np.ndarray:
        samples = render(Artist.sample(0, artist, "Rock"), take, 4.0, RATE)
        power = np.abs(np.fft.rfft(samples[: RATE * 4].reshape(-1, 2205), axis=1)) ** 2
        return np.log10(power.mean(axis=0)[1:] + 1e-9)

    spectra = [[spectrum(artist, take) for take in range(2)] for artist in range(8)]
    within = np.mean([np.abs(a - b).mean() for a, b in spectra])
    across = np.mean([np.abs(spectra[i][0] - spectra[j][1]).mean() for i in range(8) for j in range(8) if i != j])
    assert across > 1.3 * within
