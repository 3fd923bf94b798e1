"""The synthetic genres by the names of FMA's genres: tempo, harmony, drum patterns and parts.

A pattern has sixteen steps: `x` is a note, `o` a soft note, a digit a note with that probability in tenths, `.` a rest.
A bar of twelve steps uses the first twelve.
"""

from genre.synthetic.style import Part, Style

EIGHTHS, QUARTERS, WHOLE = "x.x.x.x.x.x.x.x.", "x...x...x...x...", "x..............."
TUNES = ("x...o.x.x...6...", "x.xo..x...x.o.4.", "..x.x.o.x...x.5.", "x.....x.o.x.....")

GENRES = {
    "Rock": Style(
        share=22,
        tempo=(104, 164),
        scales=("minor", "mixolydian", "major"),
        progressions=("1637", "1454", "1564", "1717", "1363"),
        chord=(0, 4, 7),
        parts={
            "bass": Part(("bass guitar", "overdriven"), (EIGHTHS, "x..xx.x.x..xx.x."), "root", 2, -7, 0.9),
            "chords": Part(
                ("distorted", "overdriven"),
                (EIGHTHS, "x.......x..x..x.", "x.xxx.xxx.xxx.xx", "x..............."),
                "chord",
                3,
                -4,
                0.95,
            ),
            "lead": Part(("voice", "overdriven", "organ"), TUNES, "tune", 5, -8, 0.9, 0.75),
        },
        beats={
            "kick": ("x.....x.x.......", "x..x..x...x.....", "x.......x.x....."),
            "snare": ("....x.......x..2", "....x.......x.3x"),
            "hat": (EIGHTHS, "xoxoxoxoxoxoxoxo"),
            "crash": ("3...............", "x...x...x...x..."),
        },
        related=("Electronic", "Folk"),
        beat_level=-2,
    ),
    "Electronic": Style(
        share=20,
        tempo=(118, 142),
        scales=("minor", "dorian"),
        progressions=("1111", "1166", "1637", "1414"),
        chord=(0, 2, 4, 6),
        parts={
            "bass": Part(
                ("acid", "saw", "sub"), ("..xx..xx..xx..xx", "..x...x...x...x.", "x.xx.xxxx.xx.xx."), "root", 2, -5, 0.7
            ),
            "chords": Part(("pad", "saw"), (WHOLE, "...x..x....x..x.", "x..x..x...x..x.."), "chord", 4, -9, 0.9, 0.8),
            "lead": Part(
                ("square", "saw", "bell"), ("xxxxxxxxxxxxxxxx", "x.xx.xx.x.xx.xx."), "rise", 5, -10, 0.6, 0.75
            ),
        },
        beats={
            "thump": (QUARTERS, "x...x...x...x.4.", "x.....x.x...x..."),
            "clap": ("....x.......x...", "............x..."),
            "open": ("..x...x...x...x.",),
            "hat": ("ooxoooxoooxoooxo", "................"),
        },
        related=("Hip-Hop", "Experimental"),
        timing_jitter=0.0,
        beat_level=-1,
        pump=0.7,
    ),
    "Experimental": Style(
        share=14,
        tempo=(50, 150),
        scales=("octatonic", "whole"),
        progressions=("1111", "1471", "1313"),
        chord=(0, 1, 3, 6),
        parts={
            "bass": Part(("pad", "strings", "sub"), (WHOLE, "x.........4....."), "drone", 2, -9, 1.2, 0.7),
            "chords": Part(("pad", "strings", "organ"), (WHOLE, "3......4........"), "chord", 4, -12, 1.5, 0.5),
            "lead": Part(
                ("bell", "square", "flute", "acid"), ("1312141211231112", "2...13..1....12."), "free", 3, -8, 0.5, 0.85
            ),
        },
        beats={"block": ("1..1.1...11.1..1",), "snare": ("...1....1....1..",), "boom": ("1.....1....1....",)},
        related=("Electronic", "Classical"),
        timing_jitter=0.09,
        beat_level=-12,
        room=(0.8, 2.2),
        texture=-4,
    ),
    "Hip-Hop": Style(
        share=12,
        tempo=(76, 100),
        scales=("minor", "dorian", "harmonic"),
        progressions=("1111", "1616", "1144", "1725"),
        chord=(0, 2, 4, 6),
        parts={
            "bass": Part(
                ("sub", "bass guitar"), ("x.....x...x.....", "x..x......x..4..", "x.........x....."), "root", 2, -4, 0.8
            ),
            "chords": Part(
                ("electric piano", "piano", "strings"),
                ("x.....o.........", "..x.....o.......", WHOLE),
                "chord",
                4,
                -11,
                1,
                0.85,
            ),
            "lead": Part(
                ("talk",), ("x4xx.5x.x4x.x.6.", ".x5xx.x6.xx4x.x.", "x.x6x5x.x.xx4x.."), "talk", 4, -6, 0.7, 0.85
            ),
        },
        beats={
            "boom": ("x.....x...x.....", "x..x......x..4..", "x......x..x....."),
            "snare": ("....x.......x...",),
            "hat": (EIGHTHS, "xoxxxoxoxoxxx4xo", "xoxoxoxoxoxo7777"),
        },
        related=("Electronic", "Jazz"),
        swing=(0.05, 0.35),
        timing_jitter=0.008,
        beat_level=-1,
    ),
    "Folk": Style(
        share=11,
        tempo=(84, 128),
        scales=("major", "dorian", "mixolydian"),
        progressions=("1415", "1514", "1615", "1745"),
        chord=(0, 2, 4),
        parts={
            "bass": Part(("double bass", "guitar"), ("x.......x.......", QUARTERS), "fifth", 2, -11, 0.8, 0.6),
            "chords": Part(
                ("guitar", "steel guitar"), (EIGHTHS, "x.x.xxx.x.x.xxx.", "x.xxx.xxx.xxx.xx"), "rise", 3, -5, 3.0
            ),
            "lead": Part(("voice", "fiddle", "flute"), TUNES, "tune", 5, -6, 0.95, 0.9),
        },
        beats={"shaker": ("................", "................", "x.o.x.o.x.o.x.o.")},
        related=("Old-Time / Historic", "Rock"),
        bars=(16, 16, 12),
        timing_jitter=0.012,
        beat_level=-20,
        room=(0.2, 0.7),
    ),
    "Classical": Style(
        share=9,
        tempo=(56, 126),
        scales=("major", "harmonic", "minor"),
        progressions=("1451", "1625", "1351", "1473"),
        chord=(0, 2, 4, 7),
        parts={
            "bass": Part(("strings",), ("x.......x.......", WHOLE), "root", 2, -9, 1.05),
            "chords": Part(
                ("strings", "piano"),
                (WHOLE, "x.......x.......", "x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx"),
                "rise",
                4,
                -8,
                1.6,
            ),
            "lead": Part(
                ("fiddle", "flute", "clarinet", "strings"),
                ("x.......x...x...", "x...x.x.x.......", "x.xxx...x.x.x..."),
                "tune",
                5,
                -5,
                1.05,
            ),
        },
        related=("Experimental", "Folk"),
        bars=(16, 12),
        timing_jitter=0.025,
        room=(1.2, 2.6),
    ),
    "Jazz": Style(
        share=7,
        tempo=(112, 208),
        scales=("dorian", "mixolydian", "major"),
        progressions=("2511", "1625", "2536", "1425"),
        chord=(0, 2, 6, 8),
        parts={
            "bass": Part(("double bass",), (QUARTERS,), "walk", 2, -5, 0.9),
            "chords": Part(
                ("piano", "electric piano", "organ"),
                ("..4...x...4...6.", "x.....x.........", "......x.......4."),
                "chord",
                4,
                -10,
                0.4,
            ),
            "lead": Part(
                ("sax", "brass", "clarinet", "piano"),
                ("x.x.x.x.6.x.x.4.", "..x.x.x.x.x.6...", "x.....x.x.x.5.x."),
                "tune",
                5,
                -5,
                0.95,
            ),
        },
        beats={
            "ride": ("x...x.x.x...x.x.", "x...x.o.x...x.x."),
            "brush": ("....o..2....o.2.", "2..o..2.....o..3"),
            "kick": ("3.......2.....2.",),
        },
        related=("Hip-Hop", "Old-Time / Historic"),
        swing=(0.25, 0.36),
        swing_steps=2,
        timing_jitter=0.012,
        beat_level=-8,
        room=(0.3, 0.9),
    ),
    "Old-Time / Historic": Style(
        share=5,
        tempo=(92, 140),
        scales=("major", "mixolydian"),
        progressions=("1145", "1415", "1151", "1625"),
        chord=(0, 2, 4),
        parts={
            "bass": Part(("double bass", "piano", "brass"), ("x.......x.......",), "fifth", 2, -5, 0.6),
            "chords": Part(("piano", "banjo", "guitar"), ("....x.......x...", "....x.o.....x.o."), "chord", 4, -7, 0.5),
            "lead": Part(
                ("banjo", "fiddle", "clarinet", "voice"),
                ("x.xxx.x.x.xxx.x.", "x.x.x.xxx.x.x.5.", *TUNES),
                "tune",
                5,
                -5,
                0.8,
            ),
        },
        related=("Folk", "Jazz"),
        bars=(16, 16, 12),
        swing=(0.0, 0.25),
        timing_jitter=0.014,
        room=(0.1, 0.5),
        lo_fi=True,
    ),
}
