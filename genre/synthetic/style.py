"""Definition of a synthetic genre: tempo, harmony, rhythm and instruments."""

from dataclasses import dataclass, field

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "octatonic": (0, 1, 3, 4, 6, 7, 9),
    "whole": (0, 2, 4, 6, 8, 10, 11),
}


@dataclass(frozen=True)
class Part:
    """One musical part, such as the bass.

    Attributes:
        instruments: Instruments that an artist chooses from.
        patterns: Rhythms that a track chooses from; see `genres`.
        pitch: root, fifth, walk, chord, rise, tune, talk, drone or free; see `Composer.pitches`.
        octave: MIDI octave of the lowest note.
        level: Level in dB.
        gate: Length of a note as a fraction of the time to the next note; above 1 the notes overlap.
        chance: Probability that a track has the part.
    """

    instruments: tuple[str, ...]
    patterns: tuple[str, ...]
    pitch: str
    octave: int
    level: float
    gate: float = 0.9
    chance: float = 1.0


@dataclass(frozen=True)
class Style:
    """One genre.

    Attributes:
        share: Percentage of the tracks.
        tempo: Range of the tempo in quarter notes per minute.
        scales: Names of scales in `SCALES`.
        progressions: Chord progressions, one scale degree per bar.
        chord: Scale degrees of a chord, relative to its root.
        parts: Parts by role; a track may take one from a related genre.
        beats: Patterns by drum; empty without drums.
        related: Genres from which a track may take a part.
        bars: Possible numbers of steps per bar.
        swing: Range of the delay of every second unit, as a fraction of the unit.
        swing_steps: The unit that swings: 1 for sixteenths, 2 for eighths.
        timing_jitter: Standard deviation of the onset times in seconds.
        beat_level: Level of the drums in dB.
        room: Range of the reverberation time in seconds.
        pump: Depth of the ducking by the kick drum.
        texture: Level of the noise texture in dB; None without.
        lo_fi: Whether tracks sound like an old record: narrow bandwidth, crackle and wow.
    """

    share: int
    tempo: tuple[float, float]
    scales: tuple[str, ...]
    progressions: tuple[str, ...]
    chord: tuple[int, ...]
    parts: dict[str, Part]
    beats: dict[str, tuple[str, ...]] = field(default_factory=dict)
    related: tuple[str, ...] = ()
    bars: tuple[int, ...] = (16,)
    swing: tuple[float, float] = (0.0, 0.0)
    swing_steps: int = 1
    timing_jitter: float = 0.006
    beat_level: float = -3.0
    room: tuple[float, float] = (0.2, 0.8)
    pump: float = 0.0
    texture: float | None = None
    lo_fi: bool = False
