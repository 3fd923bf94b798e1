import itertools
import re
import time

import numpy as np
import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from genre.data.splits import assign, groups, lacking, split
from genre.data.tracks import COLUMNS, PARTS
from genre.errors import GenreError

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
    return pd.DataFrame({"track_id": ids, "path": ids, "title": None, **columns})[COLUMNS]


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
    return counts.reindex(PARTS).fillna(0) - np.outer(FRACTIONS, counts.sum())


@pytest.mark.parametrize("seed", range(3))
def test_stratified_takes_floors_in_each_genre(seed):
    sizes = {"Rock": 1009, "Folk": 300, "Jazz": 57, "Blues": 35, "Spoken": 19, "Polka": 10, "Noise": 9}
    genre = np.random.default_rng(seed).permutation([name for name, size in sizes.items() for _ in range(size)])
    tracks = table(genre)
    parts = split(tracks, "stratified", seed)
    for name, size in sizes.items():
        count = parts[tracks["genre"] == name].value_counts()
        train, val = size * 8 // 10, size // 10
        assert [count.get(part, 0) for part in PARTS] == [train, val, size - train - val]


def test_stratified_survives_binary_fractions():
    count = split(table(["Rock"] * 100), "stratified", fractions=(0.29, 0.57, 0.14)).value_counts()
    assert [count[part] for part in PARTS] == [29, 57, 14]


def test_stratified_is_random_over_the_tracks():
    tracks = table(["Rock"] * 50)
    tested = sum((split(tracks, "stratified", seed) == "test").to_numpy().astype(int) for seed in range(200))
    assert tested.sum() == 200 * 5
    assert tested.min() > 5  # 20 expected, standard deviation 4
    assert tested.max() < 40


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["emotify", "unbalanced"])
def test_no_artist_and_no_album_crosses(kind, seed):
    tracks = music(kind, seed)
    parts = split(tracks, "artist", seed)
    assert (parts.groupby(tracks["artist"]).nunique() == 1).all()
    parts = split(tracks, "artist_album", seed)
    assert (parts.groupby(tracks["artist"]).nunique() == 1).all()
    assert (parts.groupby(tracks["album"]).nunique() == 1).all()
    assert set(parts) == set(PARTS)


@pytest.mark.parametrize(("kind", "most", "mean"), [("emotify", 1, 0.25), ("unbalanced", 4, 0.9)])
@pytest.mark.parametrize("seed", range(3))
def test_small_collections_are_balanced_to_a_few_tracks(kind, most, mean, seed):
    tracks = music(kind, seed)
    parts = split(tracks, "artist", seed)
    deviation = deviations(tracks, parts).abs().to_numpy()
    assert deviation.max() <= most
    assert deviation.mean() <= mean
    assert not any(lacking(tracks, parts).values())


def test_a_large_collection_is_balanced_in_seconds():
    tracks = music("fma", 0)
    start = time.perf_counter()
    parts = split(tracks, "artist")
    assert time.perf_counter() - start < 10
    assert (parts.groupby(tracks["artist"]).nunique() == 1).all()
    deviation = deviations(tracks, parts).abs().to_numpy()
    assert deviation.max() <= 3
    assert deviation.mean() <= 0.5


@pytest.mark.parametrize("sizes", [(1, 1, 1), (17, 17, 17), (50, 2, 1), (30, 29, 1), (9, 8, 7, 6)])
def test_a_genre_of_three_artists_is_in_all_parts(sizes):
    rare = [f"rare {number}" for number, size in enumerate(sizes) for _ in range(size)]
    common = music("emotify", 0)
    tracks = table([*common["genre"], *["rare"] * len(rare)], [*common["artist"], *rare])
    assert not any(lacking(tracks, split(tracks, "artist")).values())


def test_a_genre_of_one_artist_is_trained_on():
    common = music("emotify", 0)
    tracks = table([*common["genre"], *["rare"] * 20], [*common["artist"], *["hermit"] * 20])
    assert lacking(tracks, split(tracks, "artist")) == {"train": [], "val": ["rare"], "test": ["rare"]}


@pytest.mark.parametrize("fractions", [(0.8, 0.1, 0.1), (0.5, 0.25, 0.25)])
@pytest.mark.parametrize("seed", range(4))
def test_assignment_is_as_good_as_the_best_of_all(fractions, seed):
    counts = np.random.default_rng(seed).integers([1, 0], 9, size=(7, 2))

    def cost(part) -> float:
        total = 0.0
        for number, fraction in enumerate(fractions):
            load = counts[np.array(part) == number].sum(axis=0)
            total += 5 * np.sum(load == 0) + 5 * (load.sum() == 0)
            total += np.sum((load / counts.sum(axis=0) - fraction) ** 2) / fraction
            total += 2 * (load.sum() / counts.sum() - fraction) ** 2 / fraction
        return total

    best = min(cost(part) for part in itertools.product(range(3), repeat=7))
    assert cost(assign(counts, fractions, np.random.default_rng(seed))) == pytest.approx(best)


def test_equal_fractions_make_folds():
    tracks = music("emotify", 1)
    group = groups(tracks, ["artist"])
    counts = pd.crosstab(group, tracks["genre"]).to_numpy()
    fold = assign(counts, [0.2] * 5, np.random.default_rng(0))
    load = np.array([counts[fold == number].sum(axis=0) for number in range(5)])
    assert np.abs(load - 14).max() <= 2


@pytest.mark.parametrize("how", ["artist", "artist_album", "stratified"])
def test_seed_decides_and_rows_do_not(how):
    tracks = music("unbalanced", 3)
    parts = split(tracks, how, seed=7)
    pd.testing.assert_series_equal(parts, split(tracks, how, seed=7))
    assert (parts != split(tracks, how, seed=8)).any()
    for seed in range(3):
        shuffled = tracks.sample(frac=1, random_state=seed)
        again = split(shuffled, how, seed=7)
        assert again.index.equals(shuffled.index)
        pd.testing.assert_series_equal(again.sort_index(), parts)


def test_parts_lie_on_the_index_of_the_table():
    tracks = music("emotify", 0)
    expected = split(tracks)
    tracks.index = pd.Index([f"row {number % 7}" for number in range(len(tracks))])  # repeated labels too
    parts = split(tracks)
    assert parts.index.equals(tracks.index)
    assert parts.name == "split"
    assert parts.tolist() == expected.tolist()
    assert not any(lacking(tracks, parts).values())


def test_auto_goes_by_artist_where_any_is_known():
    tracks = music("emotify", 0)
    tracks.loc[tracks.index % 3 == 0, "artist"] = None
    assert split(tracks, "auto").equals(split(tracks, "artist"))
    tracks["artist"] = None
    assert split(tracks, "auto").equals(split(tracks, "stratified"))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_unknown_artists_stand_alone(missing):
    tracks = table(["Rock"] * 60, [*["band"] * 20, *[missing] * 40])
    assert len(set(groups(tracks, ["artist"]))) == 41
    parts = split(tracks, "artist")
    assert set(parts[:20]) == {"train"}
    assert sorted(parts[20:].value_counts()) == [6, 6, 28]


def test_an_artist_counts_in_each_of_his_genres():
    # Whoever is dealt by one genre alone spoils the other: the duos' second halves are all of Jazz.
    genre = [name for _ in range(10) for name in ["Rock"] * 4 + ["Jazz"] * 4]
    artist = [f"duo {number}" for number in range(10) for _ in range(8)]
    parts = split(table(genre, artist), "artist")
    assert (parts.groupby(artist).nunique() == 1).all()
    assert deviations(table(genre), parts).abs().to_numpy().max() < 1e-9


def test_albums_join_artists():
    names = [
        ("ann", "solo"),
        ("ann", "sampler"),
        ("bob", "sampler"),
        ("bob", "live"),
        ("cid", "live"),
        ("dot", "else"),
        ("eve", None),
        ("eve", "eve's"),
        (None, "else"),
        (None, None),
        (None, None),
        ("live", "own"),  # an artist of an album's name has nothing to do with it
    ]
    tracks = table(["Rock"] * len(names), *([*column] for column in zip(*names, strict=True)))
    assert groups(tracks, ["artist", "album"]).tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 1, 3, 4, 5]
    assert groups(tracks, ["artist"]).tolist() == [0, 0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("seed", range(2))
def test_a_compilation_keeps_its_artists_together(seed):
    tracks = music("emotify", seed)
    sampler = tracks.groupby("genre").head(2).index
    tracks.loc[sampler, "album"] = "sampler"
    who = tracks.loc[sampler, "artist"]
    parts = split(tracks, "artist_album", seed)
    assert len(set(who)) > 4
    assert parts[tracks["artist"].isin(who)].nunique() == 1
    assert (parts.groupby(tracks["album"]).nunique() == 1).all()


def test_official_is_what_the_source_says():
    official = ["test", "train", "val", "train"]
    tracks = table(["Rock"] * 4, "one artist", official=official)
    assert split(tracks, "official").tolist() == official
    assert split(tracks[::-1], "official").tolist() == official[::-1]


def test_lacking_names_genres_by_part():
    tracks = table(["Rock", "Rock", "Rock", "Jazz", "Blues"])
    parts = pd.Series(["train", "val", "test", "train", "test"])
    assert lacking(tracks, parts) == {"train": ["Blues"], "val": ["Blues", "Jazz"], "test": ["Jazz"]}


ROCK = ["Rock"] * 20
ERRORS = {
    "data.splits=albums is unknown: use one of auto, artist, artist_album, official, fault_filtered, stratified": (
        table(ROCK),
        "albums",
    ),
    "no track is left: lower data.min_tracks_per_genre or shorten data.exclude_genres": (table([]), "auto"),
    "this data names no artist: use data.splits=stratified": (table(ROCK), "artist"),
    "this data names no album: use data.splits=artist": (table(ROCK, "band"), "artist_album"),
    "this data has no official split: use data.splits=artist": (table(ROCK, "band"), "official"),
    "this data has no official split: use data.splits=stratified": (table(ROCK), "official"),
    "3 of 20 tracks have no official split: use data.splits=stratified": (
        table(ROCK, official=["train", "val", "test"] * 5 + ["train", "val", None, "rest", np.nan]),
        "official",
    ),
    "data.splits=official leaves val without a track: use data.splits=auto": (
        table(ROCK, official=["train", "test"] * 10),
        "official",
    ),
    "data.splits=stratified leaves val without a track: add tracks": (table(ROCK[:9]), "stratified"),
    "data.splits=artist leaves val and test without a track: use data.splits=stratified or add artists": (
        table(ROCK, "band"),
        "artist",
    ),
}


@pytest.mark.parametrize("message", ERRORS)
def test_errors_say_what_to_do(message):
    tracks, how = ERRORS[message]
    with pytest.raises(GenreError) as caught:
        split(tracks, how)
    assert str(caught.value) == message


def test_a_genre_without_training_is_an_error_with_two_ways_out():
    rare = {"Rock'n'Roll": 2, "Old-Time / Historic": 1}
    genre = ROCK + [name for name, size in rare.items() for _ in range(size)]
    tracks = table(genre, official=["train", "val", "test", "train"] * 5 + ["test"] * 3)
    with pytest.raises(GenreError) as caught:
        split(tracks, "official")
    message = str(caught.value)
    assert message.startswith("data.splits=official leaves train without a track of Old-Time / Historic, Rock'n'Roll:")
    assert "\n" not in message
    exclude = re.search(r"data\.exclude_genres=\[.*?\]", message)
    assert exclude is not None
    assert OverridesParser.create().parse_override(exclude[0]).value() == sorted(rare)  # as one would paste it
    assert message.endswith("data.min_tracks_per_genre=3")


def test_a_single_track_cannot_be_stratified():
    with pytest.raises(GenreError, match=r"train without a track of Polka: .*data.min_tracks_per_genre=2$"):
        split(table([*ROCK, "Polka"]), "stratified")
