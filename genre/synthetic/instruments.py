"""Synthesize notes, drum hits and noise textures from a few parameters each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

TABLE = 2048
RELEASE_SECONDS = 0.04


@dataclass(frozen=True)
class Instrument:
    """A pitched instrument: wavetable synthesis with an envelope, vibrato and noise.

    Attributes:
        rolloff: Harmonic k has the amplitude `k ** -rolloff`.
        even: Weight of the even harmonics; 0 gives a clarinet or a square wave.
        formants: Resonances in Hz, independent of the pitch.
        cutoff: Cutoff frequency of the low-pass filter in Hz.
        attack: Seconds to full loudness.
        decay: Seconds until the amplitude falls to 1/e; 0 sustains.
        shine: Reduction of `rolloff` at the onset.
        shine_decay: Seconds until `shine` falls to 1/e.
        vibrato: Depth of the vibrato (5.5 Hz) in cents.
        detune: Cents between two oscillators; 0 for one oscillator.
        breath: Level of noise that follows the note's envelope.
        drive: Distortion of the whole part; 0 for none.
        drop: Semitones by which the pitch falls at the onset.
    """

    rolloff: float
    even: float = 1.0
    formants: tuple[float, ...] = ()
    cutoff: float = 16000.0
    attack: float = 0.004
    decay: float = 0.0
    shine: float = 0.0
    shine_decay: float = 0.1
    vibrato: float = 0.0
    detune: float = 0.0
    breath: float = 0.0
    drive: float = 0.0
    drop: float = 0.0


INSTRUMENTS = {
    "acid": Instrument(1.3, cutoff=2500, decay=0.25, shine=0.8, shine_decay=0.08, drive=1.5),
    "banjo": Instrument(0.5, formants=(900, 2600), decay=0.14, shine=0.4, shine_decay=0.03),
    "bass guitar": Instrument(1.2, cutoff=1800, decay=0.6, shine=0.5, shine_decay=0.06),
    "bell": Instrument(0.3, even=0.2, cutoff=7000, decay=0.9, shine=0.5, shine_decay=0.2),
    "brass": Instrument(0.9, formants=(1200,), attack=0.03, shine=0.4, shine_decay=0.15, vibrato=12),
    "clarinet": Instrument(1.0, even=0.1, cutoff=4500, attack=0.04, vibrato=8, breath=0.03),
    "distorted": Instrument(0.8, cutoff=4200, decay=2.5, detune=8, drive=4.0),
    "double bass": Instrument(1.6, cutoff=900, decay=0.45, shine=0.6, shine_decay=0.03),
    "electric piano": Instrument(2.0, even=0.5, decay=0.9, shine=1.0, shine_decay=0.12, detune=4),
    "fiddle": Instrument(0.8, formants=(1000, 2800), attack=0.03, vibrato=14, breath=0.04),
    "flute": Instrument(2.2, attack=0.06, vibrato=18, breath=0.12),
    "overdriven": Instrument(1.0, cutoff=5000, decay=1.6, detune=6, drive=1.8),
    "guitar": Instrument(1.1, formants=(250, 1900), decay=0.7, shine=0.5, shine_decay=0.08),
    "steel guitar": Instrument(0.8, formants=(450, 3200), decay=0.9, shine=0.6, shine_decay=0.1, detune=3),
    "organ": Instrument(0.9, even=0.8, cutoff=3500, attack=0.01, vibrato=7),
    "pad": Instrument(1.3, cutoff=3500, attack=0.25, detune=14),
    "piano": Instrument(1.5, decay=1.1, shine=0.7, shine_decay=0.12, detune=2),
    "saw": Instrument(1.0, cutoff=7000, decay=0.5, detune=11),
    "sax": Instrument(0.8, formants=(700, 1700), attack=0.025, vibrato=16, breath=0.08),
    "square": Instrument(1.0, even=0.0, cutoff=6000, decay=0.3),
    "strings": Instrument(1.1, formants=(600, 2200), attack=0.09, vibrato=12, detune=9),
    "sub": Instrument(3.0, decay=0.7, drop=9, drive=0.8),
    "talk": Instrument(0.9, formants=(600, 1300, 2700), attack=0.012, decay=0.12, breath=0.35, drop=2),
    "voice": Instrument(1.0, formants=(550, 1100, 2800), attack=0.05, vibrato=22, breath=0.1),
}


def render_note(instrument: Instrument, hz: float, seconds: float, rate: int, rng: np.random.Generator) -> Samples:
    """Render one note, with `seconds` from onset to release and an RMS of about 1, shape (samples,)."""
    time = np.arange(int((seconds + RELEASE_SECONDS) * rate)) / rate
    phase = hz * time
    if instrument.vibrato:
        depth = hz * (2 ** (instrument.vibrato / 1200) - 1) / (2 * np.pi * 5.5)
        phase += depth * np.sin(2 * np.pi * 5.5 * time)
    if instrument.drop:
        phase += hz * (2 ** (instrument.drop / 12) - 1) * 0.02 * (1 - np.exp(-time / 0.02))
    dull = _period(instrument, hz, rate, 0.0)
    bright = _period(instrument, hz, rate, instrument.shine) - dull if instrument.shine else None
    shine = np.exp(-time / instrument.shine_decay).astype(np.float32) if instrument.shine else None
    wave = np.zeros(len(time), np.float32)
    for cents in (-instrument.detune / 2, instrument.detune / 2) if instrument.detune else (0.0,):
        index = (phase * (TABLE * 2 ** (cents / 1200))).astype(np.int32) & (TABLE - 1)
        wave += dull[index]
        if bright is not None:
            wave += bright[index] * shine
    if instrument.breath:
        wave += np.float32(instrument.breath) * rng.standard_normal(len(time), np.float32)
    if instrument.decay:
        wave *= np.exp(-time / instrument.decay).astype(np.float32)
    rise, fall = min(int(instrument.attack * rate), len(time)), min(int(RELEASE_SECONDS * rate), len(time))
    wave[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
    wave[len(time) - fall :] *= np.linspace(1, 0, fall, dtype=np.float32)
    return wave


def _period(instrument: Instrument, hz: float, rate: int, shine: float) -> Samples:
    """Compute the wavetable of one period, without harmonics above 0.45 of the sample rate to avoid aliasing."""
    k = np.arange(1, max(2, min(TABLE // 2, int(0.45 * rate / hz))))
    level = k ** (shine - instrument.rolloff)
    level[1::2] *= instrument.even
    if instrument.formants:
        octaves = np.log2(k[:, None] * hz / np.array(instrument.formants))
        level *= 0.15 + np.exp(-((octaves / 0.3) ** 2)).sum(1)
    level /= 1 + (k * hz / instrument.cutoff) ** 4
    spectrum = np.zeros(TABLE // 2 + 1, complex)
    spectrum[1 : len(k) + 1] = -1j * level / np.sqrt((level**2).sum() / 2)
    return (np.fft.irfft(spectrum) * (TABLE / 2)).astype(np.float32)


@dataclass(frozen=True)
class Drum:
    """A drum: a tone of falling pitch and band-limited noise.

    Attributes:
        hz: Final frequency of the tone.
        drop: Semitones by which the pitch falls to `hz`.
        tone_decay: Seconds until the tone falls to 1/e.
        tone: Level of the tone.
        band: Lowest and highest frequency of the noise in Hz.
        noise_decay: Seconds until the noise falls to 1/e.
        noise: Level of the noise.
    """

    hz: float
    drop: float
    tone_decay: float
    tone: float
    band: tuple[float, float]
    noise_decay: float
    noise: float


DRUMS = {
    "kick": Drum(58, 18, 0.09, 1.0, (1500, 6000), 0.006, 0.5),
    "boom": Drum(46, 24, 0.28, 1.2, (800, 3000), 0.004, 0.2),
    "thump": Drum(50, 30, 0.13, 1.3, (2500, 9000), 0.005, 0.6),
    "snare": Drum(190, 6, 0.06, 0.5, (900, 9000), 0.09, 1.6),
    "clap": Drum(400, 0, 0.01, 0.0, (900, 4500), 0.07, 1.7),
    "hat": Drum(400, 0, 0.01, 0.0, (7000, 15000), 0.025, 1.0),
    "open": Drum(400, 0, 0.01, 0.0, (6000, 14000), 0.15, 0.8),
    "ride": Drum(3600, 0, 0.2, 0.06, (5000, 13000), 0.22, 0.6),
    "crash": Drum(400, 0, 0.01, 0.0, (2500, 15000), 0.7, 1.0),
    "brush": Drum(200, 2, 0.03, 0.1, (2000, 9000), 0.11, 0.7),
    "shaker": Drum(400, 0, 0.01, 0.0, (4500, 10000), 0.04, 0.6),
    "block": Drum(850, 3, 0.03, 0.9, (1500, 5000), 0.008, 0.5),
}


def render_drum(drum: Drum, rate: int, rng: np.random.Generator) -> Samples:
    """Render one hit of a drum, shape (samples,)."""
    time = np.arange(int(4 * max(drum.tone_decay, drum.noise_decay) * rate)) / rate
    sweep = (2 ** (drum.drop / 12) - 1) * 0.03 * (1 - np.exp(-time / 0.03))
    wave = drum.tone * np.sin(2 * np.pi * drum.hz * (time + sweep)) * np.exp(-time / drum.tone_decay)
    spectrum = np.fft.rfft(rng.standard_normal(len(time)))
    hz = np.fft.rfftfreq(len(time), 1 / rate)
    noise = np.fft.irfft(spectrum * ((hz > drum.band[0]) & (hz < drum.band[1])), len(time))
    noise /= np.sqrt(np.mean(noise**2)) + 1e-6  # the loudness must not depend on the width of the band
    wave += 0.3 * drum.noise * noise * np.exp(-time / drum.noise_decay)
    return wave.astype(np.float32)


def render_texture(length: int, rate: int, rng: np.random.Generator) -> Samples:
    """Render bands of noise that swell slowly and independently of the beat, shape (length,)."""
    hz = np.fft.rfftfreq(length, 1 / rate)[1:]
    octave = np.log2(hz).astype(np.float32)
    time = np.arange(length) / rate
    wave = np.zeros(length, np.float32)
    for _ in range(2):
        center, width = rng.uniform(np.log2(120), np.log2(7000)), rng.uniform(0.05, 0.8)
        phases = rng.random(len(hz), np.float32) * np.float32(2 * np.pi)
        spectrum = np.exp(-(((octave - np.float32(center)) / np.float32(width)) ** 2) + 1j * phases)
        band = np.fft.irfft(np.concatenate([np.zeros(1, spectrum.dtype), spectrum]), length)
        band /= np.sqrt(np.mean(band**2)) + 1e-12
        knots = np.arange(0, time[-1] + 1, rng.uniform(0.15, 1.5))
        wave += band.astype(np.float32) * np.interp(time, knots, rng.random(len(knots)) ** 2).astype(np.float32)
    return wave
