"""The synthetic genres by the names of FMA's genres. They differ in rhythm and melodic movement, never in timbre."""

from dataclasses import dataclass

ROLES = ("kick", "snare", "hat", "bass", "chords", "lead")


@dataclass(frozen=True)
class Style:
    """One genre.

    Attributes:
        share: Percentage of the tracks.
        tempo: Range of the tempo in quarter notes per minute.
        rhythm: Repeated pattern of each of the `ROLES`: one character per sixteenth, `x` for an onset.
        bass: Scale degrees of successive notes of the bass, repeated; empty for a random order of eight.
        lead: The same for the lead.
        swing: Delay of every second eighth in sixteenths.
        swell: Roles whose notes grow louder instead of fading out.
        freedom: Standard deviation of the onsets in sixteenths.
    """

    share: int
    tempo: tuple[float, float]
    rhythm: str
    bass: str
    lead: str
    swing: float = 0.0
    swell: tuple[str, ...] = ()
    freedom: float = 0.05


RISE, FALL, ARCH, LEAPS, TALK = "01234567", "76543210", "0246754321", "07162534", "3335"

# The number of onsets per second of a role is similar in all genres: the mean spectrum must not tell them apart.
# kick           snare            hat              bass             chords           lead
ROCK = "x.....x.x.x..... ....x.......x... x.x.x.x.x.x.x.x. x.....x.x.....x. x.....x......... x.x.x.x.x.x.x.x."
ELECTRONIC = "x...x...x...x... ....x.......x... ..xx..xx..xx..xx ..x...x...x...x. ..x.......x..... x.x.x.x.x.x.x.x."
FREE = "x...x...x...x... ..x.....x...x... x.x.x.x.x.x.x.x. x...x...x...x... x.....x...x..... x.x.x.x.x.x.x.x."
HIP_HOP = "x..x..x...x..x.. ....x.......x..x x.xxx.xxx.xxx.xx x..x..x...x..x.. x.....x...x..... xxx.x...xxx.x..."
WALTZ = "x.....x..... ....x...x... x.x.x.x.x.x. x.......x... ....x...x... x.x.x.x.x.x."
CLASSICAL = "x.......x..x.... ......x.......x. x.x.x.x.x.x.x.x. x...x...x...x... x.......x....... x.x.x.x.x.x.x.x."
JAZZ = "x.........x..... ......x.......x. x...x.x.x...x.x. x...x...x...x... ......x.......x. ..x.x.x.x.x.x.x."
TWO_STEP = "x.......x....... ....x.......x... ..x...x...x...x. x.......x....... ....x.......x... x...x.x.x...x.x."

GENRES = {
    "Rock": Style(22, (108, 150), ROCK, bass="02", lead=FALL),
    "Electronic": Style(19, (112, 142), ELECTRONIC, bass="0", lead=RISE),
    "Experimental": Style(13, (80, 130), FREE, bass="", lead="", swell=("kick", "snare", "hat"), freedom=1.5),
    "Hip-Hop": Style(12, (76, 104), HIP_HOP, bass="0", lead=TALK, swing=0.3),
    "Folk": Style(11, (96, 140), WALTZ, bass="04", lead=ARCH),
    "Classical": Style(9, (70, 120), CLASSICAL, "0246", RISE + FALL, 0, ("hat", "bass", "chords", "lead"), 0.2),
    "Jazz": Style(8, (120, 180), JAZZ, bass="02467542", lead=ARCH, swing=0.67),
    "Old-Time / Historic": Style(6, (130, 190), TWO_STEP, bass="04", lead=LEAPS),
}
