"""Plan the synthetic data set: the tracks, their artists, splits, file formats and faults."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from genre.synthetic.genres import GENRES

FAULTS = ("truncated", "silent", "empty", "text", "duplicate", "short", "missing", "unlabeled")
TRACKS_PER_ARTIST = 4
MIN_ARTISTS = 6


@dataclass(frozen=True)
class TrackEntry:
    """One track.

    Attributes:
        number: Track id.
        genre: A key of `GENRES`.
        artist: Number of the artist.
        take: Number of the track among those of its artist.
        split: Official split in FMA's words: training, validation or test.
        rate: Sample rate of the file in Hz.
        channels: 1 or 2.
        compression: MP3 compression level from 0 to 1; higher is smaller.
        seconds: Duration in seconds.
        fault: One of `FAULTS`; empty for an intact track.
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
        """Return the path of the audio file."""
        return root / "fma_large" / f"{self.number // 1000:03d}" / f"{self.number:06d}.mp3"

    @property
    def row(self) -> dict[tuple[str, str], str | int]:
        """Row of tracks.csv without the track id; the keys are the two levels of FMA's header."""
        album = self.artist * 10 + self.take // 3
        return {
            ("album", "id"): album,
            ("album", "title"): f"Album {album}",
            ("artist", "id"): self.artist,
            ("artist", "name"): f"Rule Player {self.artist}",
            ("set", "split"): self.split,
            ("set", "subset"): "large",
            ("track", "bit_rate"): round(32000 * self.channels * (2 - self.compression)),
            ("track", "duration"): round(self.seconds),
            ("track", "genre_top"): "" if self.fault == "unlabeled" else self.genre,
            ("track", "license"): "CC0: made by rule",
            ("track", "title"): f"Piece {self.take + 1}",
        }


def catalogue(seed: int, count: int, seconds: float) -> list[TrackEntry]:
    """Plan the tracks of a data set.

    Args:
        seed: Seed of the data set.
        count: Approximate number of intact tracks; one track with each of the `FAULTS` follows.
        seconds: Duration of a track in seconds.

    Returns:
        Tracks by ascending number. Genre frequencies follow `Style.share`, each genre has at least `MIN_ARTISTS`
        artists, and the official splits are artist-disjoint and all contain each genre.
    """
    rng = np.random.default_rng([seed, count])
    drafts: list[dict[str, Any]] = []
    artist = 0
    for genre, style in GENRES.items():
        tracks = max(MIN_ARTISTS, round(count * style.share / sum(s.share for s in GENRES.values())))
        artists = max(MIN_ARTISTS, round(tracks / TRACKS_PER_ARTIST))
        sizes = 1 + rng.multinomial(tracks - artists, rng.dirichlet(np.full(artists, 3.0)))
        held_out = {"test": 0, "validation": 0}
        for size in sorted(sizes.tolist()):
            artist += 1
            open_splits = (name for name, n in held_out.items() if not n or n + size / 2 <= tracks / 10)
            split = next(open_splits, "training")
            if split in held_out:
                held_out[split] += size
            drafts += [{"genre": genre, "artist": artist, "take": take, "split": split} for take in range(size)]
    order = rng.permutation(len(drafts))
    numbers = 2 + np.cumsum(rng.integers(1, 120, len(drafts) + len(FAULTS)))
    entries = [
        TrackEntry(
            number=int(number),
            **drafts[place],
            rate=int(rng.choice([44100, 48000, 22050], p=[0.5, 0.1, 0.4])),
            channels=int(rng.choice([1, 2], p=[0.85, 0.15])),
            compression=round(float(rng.uniform(0.0, 0.9)), 2),
            seconds=seconds,
        )
        for number, place in zip(numbers, order, strict=False)
    ]
    takes = Counter(entry.artist for entry in entries)
    for number, fault in zip(numbers[len(entries) :], FAULTS, strict=True):
        model = entries[int(rng.integers(count // 2))]
        # Only the track with the fault `duplicate` repeats another one
        take = model.take if fault == "duplicate" else takes[model.artist]
        takes[model.artist] += 1
        entries.append(replace(model, number=int(number), take=take, fault=fault))
    return entries
