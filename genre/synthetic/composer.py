"""Compose and render a synthetic track from a genre, an artist and a track number."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from genre.synthetic.artist import EQ_HZ, Artist, Timbre
from genre.synthetic.genres import GENRES, ROLES

GENERATOR_VERSION = 3
"""Increase it when the same seed no longer gives the same data set."""
Samples = NDArray[np.float32]
DRUMS = {"kick": (55, 0.8, 30, 300), "snare": (190, 0.4, 700, 4000), "hat": (400, 0.0, 5000, 10000)}
"""Frequency of each drum's tone in Hz, its share of the sound, lowest and highest frequency of the noise in Hz."""
PITCHES = {"bass": 36, "chords": 60, "lead": 72}  # lowest MIDI pitch
SCALES = np.array([(0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)])  # major, minor
BAR = 16
BORROWED = 0.05  # probability that a role is played as in any genre
PERIOD, HIT = 2048, 32768  # samples of a period and of a drum hit


def render(artist: Artist, track: int, seconds: float, rate: int) -> Samples:
    """Render one track of an artist, mono in [-1, 1], shape (samples,); the same track number gives the same audio."""
    rng = np.random.default_rng([*artist.seed, track])
    own, length = GENRES[artist.genre], round(seconds * rate)
    slow, fast = own.tempo
    step = 15 * rate / (slow + (fast - slow) * np.clip(artist.tempo + rng.normal(0, 0.15), 0, 1))  # samples
    first = rng.integers(BAR)  # the excerpt starts anywhere in a bar
    scale, key, roots = rng.choice(SCALES), rng.integers(12), rng.permutation(4)
    mix = np.zeros(length, np.float32)
    for role, timbre in zip(ROLES, artist.timbres, strict=True):
        style = GENRES[rng.choice(list(GENRES))] if rng.random() < BORROWED else own
        pattern = style.rhythm.split()[ROLES.index(role)]
        # Two bars more at both ends, so that each sample is between two onsets
        steps = np.arange(first - 2 * BAR, first + int(length / step) + 2 * BAR)
        steps = steps[(np.frombuffer(pattern.encode(), "S1") == b"x")[steps % len(pattern)]]
        times = steps - first + style.swing * (steps % 4 == 2) + rng.normal(0, style.freedom, len(steps))
        onsets = np.round(np.sort(times) * step).astype(np.float32)
        notes = np.repeat(np.arange(len(onsets) - 1), np.diff(np.clip(onsets, 0, length).astype(int)))
        since = np.arange(length, dtype=np.float32) - onsets[notes]  # samples since the onset
        left = np.diff(onsets)[notes] - since  # samples to the next onset
        decay = timbre.decay * rate * (1 if role in DRUMS else 3)
        fade = np.exp((left if role in style.swell else since) * np.float32(-1 / decay))
        if role in DRUMS:
            wave = _drum(role, timbre, rate, rng)[since.astype(np.int32) & (HIT - 1)] * fade
        else:
            contour = {"bass": style.bass, "lead": style.lead}.get(role, "0") or rng.permutation(8)
            degrees = np.resize([int(degree) for degree in contour], len(steps)) + roots[steps // BAR % 4]
            wave = np.zeros(length, np.float32)
            for above in (0, 2, 4) if role == "chords" else (0,):
                octave, place = np.divmod(degrees + above, len(scale))
                hz = 440 * 2 ** ((PITCHES[role] - 69 + key + 12 * octave + scale[place]) / 12)
                phase = (hz * PERIOD / rate).astype(np.float32)[notes] * since
                wave += _period(timbre, rate / hz.max())[phase.astype(np.int32) & (PERIOD - 1)]
            wave *= fade * np.minimum(1, np.minimum(since, left / 4) * np.float32(200 / rate))  # no clicks
        mix += _leveled(wave, timbre.level + rng.normal(0, 1.5))
    return _master(mix, artist, rate, rng)


def _drum(role: str, timbre: Timbre, rate: int, rng: np.random.Generator) -> Samples:
    """Render a hit of a drum without its decay: a tone of falling pitch and band-limited noise."""
    hz, share, low, high = DRUMS[role]
    time, frequency = np.arange(HIT) / rate, np.fft.rfftfreq(HIT, 1 / rate)
    spectrum = np.exp(2j * np.pi * rng.random(len(frequency))) * ((frequency > low) & (frequency < high))
    tone = np.sin(2 * np.pi * hz * timbre.pitch * (time + 0.04 * (1 - np.exp(-time / 0.03))))
    noise = _leveled(fft.irfft(spectrum, HIT), 0)
    return (share * tone + (1 - share) * noise).astype(np.float32)


def _period(timbre: Timbre, samples: float) -> Samples:
    """Compute one period of a tone of up to ten harmonics that can be played within that many samples."""
    k = np.arange(1, int(np.clip(samples * 0.45, 1, 10)) + 1)
    levels = k**-timbre.rolloff * np.where(k % 2, 1, timbre.even)
    return (np.sin(2 * np.pi * np.outer(np.arange(PERIOD) / PERIOD, k)) @ levels).astype(np.float32)


def _master(mix: Samples, artist: Artist, rate: int, rng: np.random.Generator) -> Samples:
    """Apply the equalizer, background noise, compression and loudness."""
    gains = np.array(artist.eq) + rng.normal(0, 2, len(EQ_HZ))
    octaves = np.log2(np.arange(1, len(mix) // 2 + 2, dtype=np.float32) * rate / len(mix))
    gain = 10 ** (np.interp(octaves, np.log2(EQ_HZ), gains).astype(np.float32) / 20)
    mix = _leveled(fft.irfft(fft.rfft(mix) * gain, len(mix)), 0)
    mix += np.float32(10 ** (artist.noise / 20)) * rng.standard_normal(len(mix), np.float32)
    return np.clip(_leveled(np.tanh(mix / 2), artist.loudness), -1, 1)


def _leveled(wave: Samples, db: float) -> Samples:
    return wave * np.float32(10 ** (db / 20) / (np.sqrt(np.mean(wave**2)) + 1e-9))
