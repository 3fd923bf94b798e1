"""Track tables of realistic data sets."""

import numpy as np
import pandas as pd

from genre.data.tracks import COLUMNS, SPLITS

FRACTIONS = (0.8, 0.1, 0.1)
NAMES = "Rock Experimental Electronic HipHop Folk Pop Instrumental International Classical Jazz OldTime Spoken"
NAMES += " Country Soul Blues EasyListening"
SIZES = [14182, 10608, 9372, 3552, 2803, 2332, 2079, 1389, 1230, 571, 549, 421, 194, 175, 110, 24]
MUSIC = {
    "emotify": dict.fromkeys(["classical", "electronic", "pop", "rock"], 70),
    "unbalanced": dict(zip("abcdefgh", [75, 60, 48, 39, 30, 21, 15, 12], strict=True)),
    "fma": dict(zip(NAMES.split(), SIZES, strict=True)),
}
ARTISTS = {"emotify": (16, 22), "unbalanced": (6, 12)}


def table(genre, artist=None, album=None, official=None) -> pd.DataFrame:
    """A track table of these columns; a scalar fills its column."""
    columns = {"genre": list(genre), "artist": artist, "album": album, "split": official}
    ids = [f"{number:06d}" for number in range(len(columns["genre"]))]
    return pd.DataFrame({"track_id": ids, "path": ids, "title": None, "license": None, **columns})[COLUMNS]


def music(kind: str, seed: int) -> pd.DataFrame:
    """A random collection: artists of unequal sizes, a few tracks of each genre by artists of another."""
    rng = np.random.default_rng(seed)
    rows = []
    for genre, size in MUSIC[kind].items():
        number = rng.integers(*ARTISTS[kind], endpoint=True) if kind in ARTISTS else max(8, size // 5)
        weight = rng.lognormal(sigma=1.5 if kind == "fma" else 0.7, size=number)
        # Each artist has a track, as only then the genre has so many.
        who = np.append(np.arange(number), rng.choice(number, size - number, p=weight / weight.sum()))
        rows += [(genre, f"{genre} {artist}", f"{genre} {artist}: {rng.integers(3)}") for artist in who]
    genre, artist, album = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    guest = rng.random(len(rows)) < 0.03
    artist[guest] = rng.permutation(artist[guest])
    return table(genre, artist, album)


def deviations(tracks: pd.DataFrame, parts: pd.Series) -> pd.DataFrame:
    """Tracks above or below 80/10/10 by part (rows) and genre (columns), and in the whole (column `all`)."""
    counts = pd.DataFrame({genre: parts[tracks["genre"] == genre].value_counts() for genre in set(tracks["genre"])})
    counts["all"] = parts.value_counts()
    return counts.reindex(SPLITS).fillna(0) - np.outer(FRACTIONS, counts.sum())
