"""Who plays what in the synthetic collection, and what is wrong with it: its tracks.csv as data."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genre.synthetic.genres import GENRES

COLUMNS = [
    ("album", "id"),
    ("album", "title"),
    ("artist", "id"),
    ("artist", "name"),
    ("set", "split"),
    ("set", "subset"),
    ("track", "bit_rate"),
    ("track", "duration"),
    ("track", "genre_top"),
    ("track", "license"),
    ("track", "title"),
]
FAULTS = ("truncated", "silent", "empty", "text", "duplicate", "short", "missing", "unlabelled")
TRACKS_PER_ARTIST = 4
MIN_ARTISTS = 6


@dataclass(frozen=True)
class TrackEntry:
    """One track.

    Attributes:
        number: Its id.
        genre: Its genre.
        artist: Number of its artist.
        take: Which of the artist's tracks.
        split: FMA's word for its official part.
        rate: Sample rate of the file in Hz.
        channels: 1 or 2.
        compression: 0 to 1, higher is smaller.
        seconds: Length.
        fault: What is wrong with it, empty for nothing.
    """

    number: int
    genre: str
    artist: int
    take: int
    split: str
    rate: int
    channels: int
    compression: float
    seconds: float
    fault: str = ""

    def path(self, root: Path) -> Path:
        """Where its audio lies."""
        return root / "fma_large" / f"{self.number // 1000:03d}" / f"{self.number:06d}.mp3"

    @property
    def row(self) -> list[str | int]:
        """Its values of `COLUMNS`."""
        album = self.artist * 10 + self.take // 3
        genre = "" if self.fault == "unlabelled" else self.genre
        return [
            album,
            f"Album {album}",
            self.artist,
            f"Rule Player {self.artist}",
            self.split,
            "large",
            round(32000 * self.channels * (2 - self.compression)),
            round(self.seconds),
            genre,
            "CC0: made by rule",
            f"Piece {self.take + 1}",
        ]


def catalogue(seed: int, count: int, seconds: float) -> list[TrackEntry]:
    """Invent the collection.

    Args:
        seed: Same seed, same collection.
        count: Tracks without a fault; one more for each of `FAULTS` comes after them.
        seconds: Length of a track.

    Returns:
        Tracks by ascending number. Genres are as unequal as `Style.share` says; of each genre at least
        `LEAST_ARTISTS` artists play; the official split keeps artists together and has each genre in each part.
    """
    rng = np.random.default_rng([seed, count])
    drafts: list[dict[str, Any]] = []
    artist = 0
    for genre, style in GENRES.items():
        tracks = max(MIN_ARTISTS, round(count * style.share / sum(s.share for s in GENRES.values())))
        artists = max(MIN_ARTISTS, round(tracks / TRACKS_PER_ARTIST))
        sizes = 1 + rng.multinomial(tracks - artists, rng.dirichlet(np.full(artists, 3.0)))
        held = {"test": 0, "validation": 0}
        for size in sorted(sizes.tolist()):
            artist += 1
            near = (part for part, number in held.items() if not number or number + size / 2 <= tracks / 10)
            split = next(near, "training")
            if split in held:
                held[split] += size
            drafts += [{"genre": genre, "artist": artist, "take": take, "split": split} for take in range(size)]
    order = rng.permutation(len(drafts))
    numbers = 2 + np.cumsum(rng.integers(1, 120, len(drafts) + len(FAULTS)))
    entries = [
        TrackEntry(
            number=int(number),
            **drafts[place],
            rate=int(rng.choice([44100, 48000, 22050], p=[0.8, 0.1, 0.1])),
            channels=int(rng.choice([1, 2], p=[0.85, 0.15])),
            compression=round(float(rng.uniform(0.0, 0.9)), 2),
            seconds=seconds,
        )
        for number, place in zip(numbers, order, strict=False)
    ]
    takes = Counter(entry.artist for entry in entries)
    for number, fault in zip(numbers[len(entries) :], FAULTS, strict=True):
        model = entries[int(rng.integers(count // 2))]
        # A piece of its own, lest the unlabelled track be a second duplicate.
        take = model.take if fault == "duplicate" else takes[model.artist]
        takes[model.artist] += 1
        entries.append(replace(model, number=int(number), take=take, fault=fault))
    return entries
