"""Who plays the music by rule."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from genre.synthetic.genres import GENRES
from genre.synthetic.instruments import Samples


@dataclass(frozen=True)
class Artist:
    """What all tracks of one artist share, and what a classifier can learn in place of the genre.

    Attributes:
        seed: Two numbers, the collection's and the artist's.
        genre: A key of `STYLES`.
        tuning: Semitones off A = 440 Hz.
        tempo: Favourite place in the genre's range, in [0, 1].
        taste: Favourite instrument, pattern, scale of each choice, in [0, 1].
        tone: Darker or brighter instruments: added to `rolloff`.
        drum_tuning: Factor on the drums' pitches.
        tilt: Equaliser in dB an octave.
        peaks: Equaliser: Hz, dB and octaves of each peak.
        room: Seconds of reverberation.
        wet: Its share.
        press: Compression; loud artists have much.
        loudness: RMS in dB below full scale.
    """

    seed: tuple[int, int]
    genre: str
    tuning: float
    tempo: float
    taste: tuple[float, ...]
    tone: float
    drum_tuning: float
    tilt: float
    peaks: tuple[tuple[float, float, float], ...]
    room: float
    wet: float
    press: float
    loudness: float

    @classmethod
    def draw(cls, seed: int, number: int, genre: str) -> "Artist":
        """Invent the artist `number` of the collection `seed`."""
        rng = np.random.default_rng([seed, number])
        style = GENRES[genre]
        return cls(
            seed=(seed, number),
            genre=genre,
            tuning=rng.normal(0, 0.25),
            tempo=rng.random(),
            taste=tuple(rng.random(16)),
            tone=rng.normal(0, 0.15),
            drum_tuning=2 ** rng.normal(0, 0.2),
            tilt=rng.normal(0, 1.2),
            peaks=tuple((2 ** rng.uniform(7, 13), rng.normal(0, 7), rng.uniform(0.15, 0.7)) for _ in range(4)),
            room=rng.uniform(*style.room),
            wet=rng.uniform(0.05, 0.45),
            press=rng.uniform(0.3, 2.0),
            loudness=rng.uniform(-25, -13),
        )


@lru_cache(maxsize=4)
def eq_and_reverb(artist: Artist, rate: int, size: int) -> np.ndarray:
    """The artist's equaliser and room as one spectrum.

    Args:
        artist: Whose.
        rate: Samples a second.
        size: Samples of the transform.

    Returns:
        Complex gain of each frequency, shape (size // 2 + 1,).
    """
    rng = np.random.default_rng([*artist.seed, 0, 2])
    hz = np.fft.rfftfreq(size, 1 / rate)
    grid = np.geomspace(20, 24000, 256)
    octave = np.log2(grid)
    db = artist.tilt * (octave - 10)
    for centre, gain, width in artist.peaks:
        db += gain * np.exp(-(((octave - np.log2(centre)) / width) ** 2))
    if GENRES[artist.genre].old:
        low, high = rng.uniform(150, 400), rng.uniform(2800, 5500)
        db -= 10 * np.log10(1 + (low / grid) ** 6) + 10 * np.log10(1 + (grid / high) ** 8)
    gain = np.interp(hz, grid, 10 ** (db / 20)).astype(np.float32)
    time = np.arange(int(artist.room * rate)) / rate
    tail: Samples = rng.standard_normal(len(time), np.float32) * np.exp(-6.9 * time / artist.room).astype(np.float32)
    tail *= np.float32(artist.wet / np.sqrt((tail**2).sum()))
    tail[0] += 1
    return fft.rfft(tail, size) * gain
