"""A synthetic artist: tuning, tempo, timbre and production that its tracks share."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from genre.synthetic.genres import GENRES
from genre.synthetic.instruments import Samples


@dataclass(frozen=True)
class Artist:
    """Properties that all tracks of an artist share. A classifier may learn them instead of the genre.

    Attributes:
        seed: Seed of the data set and number of the artist.
        genre: A key of `GENRES`.
        tuning: Deviation from A = 440 Hz in semitones.
        tempo: Preferred position in the genre's tempo range, in [0, 1].
        preferences: Preferred position among the options of each choice, in [0, 1].
        tone: Brightness of the instruments, added to `Instrument.rolloff`.
        drum_tuning: Factor on the pitches of the drums.
        tilt: Slope of the equalizer in dB per octave.
        peaks: Frequency in Hz, gain in dB and width in octaves of each peak of the equalizer.
        room: Reverberation time in seconds.
        wet: Level of the reverberation.
        compression: Drive of the compressor.
        loudness: RMS level in dB relative to full scale.
    """

    seed: tuple[int, int]
    genre: str
    tuning: float
    tempo: float
    preferences: tuple[float, ...]
    tone: float
    drum_tuning: float
    tilt: float
    peaks: tuple[tuple[float, float, float], ...]
    room: float
    wet: float
    compression: float
    loudness: float

    @classmethod
    def sample(cls, seed: int, number: int, genre: str) -> "Artist":
        """Sample an artist; the seed of the data set and the number determine the result."""
        rng = np.random.default_rng([seed, number])
        style = GENRES[genre]
        return cls(
            seed=(seed, number),
            genre=genre,
            tuning=rng.normal(0, 0.25),
            tempo=rng.random(),
            preferences=tuple(rng.random(16)),
            tone=rng.normal(0, 0.15),
            drum_tuning=2 ** rng.normal(0, 0.2),
            tilt=rng.normal(0, 1.2),
            peaks=tuple((2 ** rng.uniform(7, 13), rng.normal(0, 7), rng.uniform(0.15, 0.7)) for _ in range(4)),
            room=rng.uniform(*style.room),
            wet=rng.uniform(0.05, 0.45),
            compression=rng.uniform(0.3, 2.0),
            loudness=rng.uniform(-25, -13),
        )


@lru_cache(maxsize=4)
def eq_and_reverb(artist: Artist, rate: int, size: int) -> np.ndarray:
    """Compute the frequency response of an artist's equalizer and room, complex, shape (size // 2 + 1,)."""
    rng = np.random.default_rng([*artist.seed, 0, 2])
    hz = np.fft.rfftfreq(size, 1 / rate)
    grid = np.geomspace(20, 24000, 256)
    octave = np.log2(grid)
    db = artist.tilt * (octave - 10)
    for center, gain, width in artist.peaks:
        db += gain * np.exp(-(((octave - np.log2(center)) / width) ** 2))
    if GENRES[artist.genre].lo_fi:
        low, high = rng.uniform(150, 400), rng.uniform(2800, 5500)
        db -= 10 * np.log10(1 + (low / grid) ** 6) + 10 * np.log10(1 + (grid / high) ** 8)
    gain = np.interp(hz, grid, 10 ** (db / 20)).astype(np.float32)
    time = np.arange(int(artist.room * rate)) / rate
    tail: Samples = rng.standard_normal(len(time), np.float32) * np.exp(-6.9 * time / artist.room).astype(np.float32)
    tail *= np.float32(artist.wet / np.sqrt((tail**2).sum()))
    tail[0] += 1
    return fft.rfft(tail, size) * gain
