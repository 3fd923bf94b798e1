"""What a genre of the music by rule is made of."""

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
    """What one player does.

    Attributes:
        instruments: Whom an artist chooses from.
        patterns: Rhythms that a track chooses from.
        pitch: root, fifth, walk, chord, rise, tune, talk, drone or free; see `music.Composer`.
        octave: MIDI octave of the lowest note.
        level: Loudness in dB.
        gate: Length of a note, as a share of the time to the next one; above 1 they ring into each other.
        chance: How often the part is there at all.
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
        share: Of the tracks, out of 100.
        tempo: Range of quarter notes a minute.
        scales: Names in `SCALES`.
        progressions: One digit a bar, the degree of its chord.
        chord: Degrees above the root that sound in a chord.
        parts: By role; a track may take one from a kindred genre.
        beats: By drum, the choice of patterns; empty without drums.
        kin: Genres that it shares ground with.
        bars: Steps in a bar to choose from.
        swing: Range of the delay of every second unit, as a share of the unit.
        swing_steps: The unit that swings: 1 for sixteenths, 2 for eighths.
        sway: Spread of the players' timing in seconds.
        beat_level: Loudness of the drums in dB.
        room: Range of the reverberation in seconds.
        pump: How far the kick pushes the rest down.
        texture: Level of unpitched bands, in dB; None without.
        old: A shellac record: narrow, crackling, wavering.
    """

    share: int
    tempo: tuple[float, float]
    scales: tuple[str, ...]
    progressions: tuple[str, ...]
    chord: tuple[int, ...]
    parts: dict[str, Part]
    beats: dict[str, tuple[str, ...]] = field(default_factory=dict)
    kin: tuple[str, ...] = ()
    bars: tuple[int, ...] = (16,)
    swing: tuple[float, float] = (0.0, 0.0)
    swing_steps: int = 1
    sway: float = 0.006
    beat_level: float = -3.0
    room: tuple[float, float] = (0.2, 0.8)
    pump: float = 0.0
    texture: float | None = None
    old: bool = False
