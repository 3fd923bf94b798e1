"""A synthetic artist: tempo, timbre and production that its tracks share. None of them depends on the genre."""

from dataclasses import dataclass

import numpy as np

from genre.synthetic.genres import ROLES

EQ_HZ = np.geomspace(43, 11025, 9)


@dataclass(frozen=True)
class Timbre:
    """Sound of one role.

    Attributes:
        level: Level in dB.
        decay: Seconds until a drum falls to 1/e; a note takes three times as long.
        pitch: Factor on the frequency of a drum.
        rolloff: Harmonic k of a note has the amplitude `k ** -rolloff`.
        even: Weight of the even harmonics of a note.
    """

    level: float
    decay: float
    pitch: float
    rolloff: float
    even: float


@dataclass(frozen=True)
class Artist:
    """Properties that all tracks of an artist share. A classifier may learn them instead of the genre.

    Attributes:
        seed: Seed of the data set and number of the artist.
        genre: A key of `GENRES`.
        tempo: Preferred position in the genre's range of tempos, in [0, 1].
        timbres: Timbre of each of the `ROLES`.
        eq: Gains of the equalizer at `EQ_HZ` in dB.
        noise: Level of the background noise relative to the music in dB.
        loudness: RMS level relative to full scale in dB.
    """

    seed: tuple[int, int]
    genre: str
    tempo: float
    timbres: tuple[Timbre, ...]
    eq: tuple[float, ...]
    noise: float
    loudness: float

    @classmethod
    def sample(cls, seed: int, number: int, genre: str) -> "Artist":
        """Sample an artist; the seed of the data set and the number determine all but the genre."""
        rng = np.random.default_rng([seed, number])
        timbres = []
        for _ in ROLES:
            level, decay, pitch = rng.normal(0, (3, 0.6, 0.2))
            timbres.append(Timbre(level, 0.1 * 2**decay, 2**pitch, rng.uniform(0.7, 2), rng.random()))
        eq = tuple(rng.normal(0, 4, len(EQ_HZ)))
        noise, loudness = rng.uniform(-45, -20), rng.uniform(-25, -13)
        return cls((seed, number), genre, rng.random(), tuple(timbres), eq, noise, loudness)
