import numpy as np

from genre.synthetic.artist import Artist, eq_and_reverb
from genre.synthetic.composer import render

RATE = 22050


def test_the_seed_and_the_number_determine_an_artist() -> None:
    artist = Artist.sample(5, 3, "Jazz")
    assert artist == Artist.sample(5, 3, "Jazz")
    assert artist.tuning != Artist.sample(6, 3, "Jazz").tuning
    assert artist.tuning != Artist.sample(5, 4, "Jazz").tuning


def test_the_frequency_response_belongs_to_the_artist() -> None:
    one, other = (eq_and_reverb(Artist.sample(0, number, "Rock"), RATE, 4096) for number in (1, 2))
    assert one.shape == (2049,)
    assert np.isfinite(one).all()
    assert not np.allclose(np.abs(one), np.abs(other))


def test_tracks_of_an_artist_sound_more_alike_than_tracks_of_a_genre() -> None:
    def spectrum(artist: int, take: int) -> np.ndarray:
        samples = render(Artist.sample(0, artist, "Rock"), take, 4.0, RATE)
        power = np.abs(np.fft.rfft(samples[: RATE * 4].reshape(-1, 2205), axis=1)) ** 2
        return np.log10(power.mean(axis=0)[1:] + 1e-9)

    spectra = [[spectrum(artist, take) for take in range(2)] for artist in range(8)]
    within = np.mean([np.abs(a - b).mean() for a, b in spectra])
    across = np.mean([np.abs(spectra[i][0] - spectra[j][1]).mean() for i in range(8) for j in range(8) if i != j])
    assert across > 1.3 * within
