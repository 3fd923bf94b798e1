"""Compose and render a synthetic track from a genre, an artist and a track number."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import fft

from genre.synthetic.artist import Artist, eq_and_reverb
from genre.synthetic.genres import GENRES
from genre.synthetic.instruments import DRUMS, INSTRUMENTS, Samples, render_drum, render_note, render_texture
from genre.synthetic.style import SCALES, Part, Style

GENERATOR_VERSION = 2
"""Increase it when the same seed no longer gives the same data set."""


def render(artist: Artist, track: int, seconds: float, rate: int) -> Samples:
    """Render one track of an artist, mono in [-1, 1], shape (samples,); the same track number gives the same audio."""
    return Composer(artist, track, seconds, rate).play()


class Composer:
    """State of one track while it is rendered; see `render`."""

    def __init__(self, artist: Artist, track: int, seconds: float, rate: int) -> None:
        self.artist, self.rate, self.length = artist, rate, round(seconds * rate)
        self.rng = np.random.default_rng([*artist.seed, track])
        self.style = style = GENRES[artist.genre]
        low, high = style.tempo
        place = np.clip(artist.tempo + self.rng.normal(0, 0.12), 0, 1)
        self.step_seconds = 15 / (low + (high - low) * place)
        self.swing = style.swing[0] + (style.swing[1] - style.swing[0]) * artist.preferences[0]
        self.scale = SCALES[self.choose(style.scales, 1)]
        self.key = 24 + self.rng.integers(12) + artist.tuning
        self.bar = self.choose(style.bars, 2)
        # The excerpt starts anywhere in a bar, so that the first frame of a window is not always the downbeat
        self.first = int(self.rng.integers(self.bar))
        self.steps = int(seconds / self.step_seconds) + self.bar + 1
        self.chords = [int(digit) - 1 for digit in self.choose(style.progressions, 3)]

    def choose(self, options: tuple[Any, ...], preference: int) -> Any:
        """Choose the artist's preferred option with probability 0.75, else any option."""
        if self.rng.random() < 0.75:
            return options[int(self.artist.preferences[preference] * len(options))]
        return options[self.rng.integers(len(options))]

    def play(self) -> Samples:
        """Render the whole track, shape (samples,)."""
        style, rng = self.style, self.rng
        parts, beats = dict(style.parts), style.beats
        if rng.random() < 0.25:
            related = GENRES[style.related[rng.integers(len(style.related))]]
            role = list(related.parts)[rng.integers(3)]
            parts[role] = related.parts[role]
        mix = np.zeros(self.length, np.float32)
        for place, part in enumerate(parts.values()):
            if rng.random() < part.chance:
                mix += self.part(part, 4 + 2 * place)
        if style.texture is not None:
            mix += _leveled(render_texture(self.length, self.rate, rng), style.texture + rng.normal(0, 3))
        if beats:
            drums, kicks = self.drums(style)
            if style.pump and len(kicks):
                mix *= self.ducking(kicks)
            mix += drums
        return self.master(mix)

    def onsets(self, pattern: str) -> list[tuple[int, float, float]]:
        """Return step, time in seconds and loudness of each note of a repeated pattern."""
        style, result = self.style, []
        for step in range(self.steps):
            mark = pattern[step % self.bar]
            if mark == "." or (mark.isdigit() and self.rng.random() * 10 > int(mark)):
                continue
            late = self.swing * style.swing_steps if step // style.swing_steps % 2 else 0.0
            seconds = (step - self.first + late) * self.step_seconds + self.rng.normal(0, style.timing_jitter)
            accent = 0.45 if mark == "o" else 1.0 if step % 4 == 0 else 0.8
            result.append((step, seconds, accent * self.rng.uniform(0.8, 1.0)))
        return result

    def part(self, part: Part, preference: int) -> Samples:
        """Render one part of the track."""
        artist, rng = self.artist, self.rng
        instrument = INSTRUMENTS[self.choose(part.instruments, preference)]
        instrument = replace(instrument, rolloff=instrument.rolloff + artist.tone)
        onsets = self.onsets(self.choose(part.patterns, preference + 1))
        bus = np.zeros(self.length, np.float32)
        notes: dict[tuple[float, float], Samples] = {}  # notes of the same pitch and length are rendered once
        pitches = self.pitches(part, [step for step, _, _ in onsets])
        ends = [*(seconds for _, seconds, _ in onsets), self.length / self.rate][1:]
        for (_step, seconds, loudness), end, chord in zip(onsets, ends, pitches, strict=True):
            length = max(round((end - seconds) * part.gate / 0.05) * 0.05, 0.05)
            for pitch in chord:
                if (pitch, length) not in notes:
                    hz = 440 * 2 ** ((pitch - 69) / 12)
                    notes[pitch, length] = render_note(instrument, hz, length, self.rate, rng)
                self.add(bus, notes[pitch, length], seconds, loudness)
        bus = _leveled(bus, 0)
        if instrument.drive:
            bus = np.tanh(bus * instrument.drive)
        return _leveled(bus, part.level + rng.normal(0, 1.5))

    def add(self, bus: Samples, wave: Samples, seconds: float, loudness: float) -> None:
        """Add a note to a bus, without the samples outside the excerpt."""
        start = round(seconds * self.rate)
        skip = max(-start, 0)
        start = max(start, 0)
        wave = wave[skip : skip + max(self.length - start, 0)]
        bus[start : start + len(wave)] += np.float32(loudness) * wave

    def pitches(self, part: Part, steps: list[int]) -> list[tuple[float, ...]]:
        """Return the MIDI pitches of each onset."""
        rng, base, size = self.rng, self.key + 12 * (part.octave - 1), len(self.scale)

        def degree(number: int) -> float:
            return float(base + 12 * (number // size) + self.scale[number % size])

        result: list[tuple[float, ...]] = []
        tune: dict[int, int] = {}
        place = int(rng.integers(3, 8))
        for count, step in enumerate(steps):
            bar = step // self.bar
            root, after = self.chords[bar % 4], self.chords[(bar + 1) % 4]
            if part.pitch == "root":
                result.append((degree(root),))
            elif part.pitch == "fifth":
                result.append((degree(root + 4 * (count % 2)),))
            elif part.pitch == "walk":
                path = (root, root + 2, root + 4, after + (1 if rng.random() < 0.5 else -1))
                result.append((degree(path[step % self.bar // 4 % 4]),))
            elif part.pitch == "chord":
                result.append(tuple(degree(root + above) for above in self.style.chord))
            elif part.pitch == "rise":
                chord = self.style.chord
                octave, index = divmod(count % (2 * len(chord)), len(chord))
                result.append((degree(root + chord[index] + size * octave),))
            elif part.pitch == "tune":
                # A phrase of two bars repeats with small changes
                spot = step % (2 * self.bar)
                if spot not in tune or rng.random() < 0.2:
                    place = int(np.clip(place + rng.integers(-2, 3), 0, 11))
                    if step % 8 == 0:
                        place = root + min((0, 2, 4, 7), key=lambda above: abs(root + above - place))
                    tune[spot] = place
                place = tune[spot]
                result.append((degree(place),))
            elif part.pitch == "talk":
                result.append((float(base + rng.integers(0, 4)),))
            elif part.pitch == "drone":
                result.append((degree(0),))
            else:
                result.append((float(base + rng.uniform(0, 36)),))
        return result

    def drums(self, style: Style) -> tuple[Samples, list[float]]:
        """Render the drums; also return the times of the first drum, usually the kick, in seconds."""
        bus = np.zeros(self.length, np.float32)
        kicks: list[float] = []
        kit = np.random.default_rng([*self.artist.seed, 0, 1])
        for place, (name, patterns) in enumerate(style.beats.items()):
            drum = DRUMS[name]
            tuned = replace(
                drum,
                hz=drum.hz * self.artist.drum_tuning,
                tone_decay=drum.tone_decay * 2 ** kit.normal(0, 0.3),
                noise_decay=drum.noise_decay * 2 ** kit.normal(0, 0.3),
                noise=drum.noise * 2 ** kit.normal(0, 0.4),
            )
            wave = render_drum(tuned, self.rate, self.rng)
            onsets = self.onsets(self.choose(patterns, 10 + place))
            for _, seconds, loudness in onsets:
                self.add(bus, wave, seconds, loudness)
            if place == 0:
                kicks = [seconds for _, seconds, _ in onsets]
        return _leveled(bus, style.beat_level + self.rng.normal(0, 1.5)), kicks

    def ducking(self, kicks: list[float]) -> Samples:
        """Compute the gain of a mix that each kick lowers, shape (samples,)."""
        time = np.arange(self.length) / self.rate
        since = time - np.array([-1.0, *kicks])[np.searchsorted(kicks, time)]
        return (1 - self.style.pump * np.exp(-since / 0.12)).astype(np.float32)

    def master(self, mix: Samples) -> Samples:
        """Apply the artist's equalizer, room, record noise (`lo_fi` genres), compression and loudness."""
        artist, rng, rate = self.artist, self.rng, self.rate
        size = fft.next_fast_len(len(mix) + int(artist.room * rate), real=True)
        mix = fft.irfft(fft.rfft(mix, size) * eq_and_reverb(artist, rate, size), size)[: self.length]
        if self.style.lo_fi:
            time = np.arange(self.length) / rate
            wow = time + 0.0008 * np.sin(2 * np.pi * 1.3 * time + rng.uniform(0, 6))
            mix = np.interp(wow, time, mix).astype(np.float32)
            mix = _leveled(mix, 0)
            mix += np.float32(10 ** (rng.uniform(-32, -20) / 20)) * rng.standard_normal(len(mix), np.float32)
            clicks = rng.integers(0, len(mix), int(len(mix) / rate * rng.uniform(6, 30)))
            mix[clicks] += rng.normal(0, 3, len(clicks)).astype(np.float32)
        mix = np.tanh(_leveled(mix, 0) * np.float32(artist.compression * 0.5))
        return np.clip(_leveled(mix, artist.loudness), -1, 1)


def _leveled(wave: Samples, db: float) -> Samples:
    rms = np.sqrt(np.mean(wave**2)) + 1e-9
    return wave * np.float32(10 ** (db / 20) / rms)
