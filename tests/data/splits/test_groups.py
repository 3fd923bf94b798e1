"""Stratified splits take floors; grouped splits keep artists together and have the right sizes."""

import time

import numpy as np
import pandas as pd
import pytest

from genre.data.splits import assign_splits, missing_genres, training_subset
from genre.data.tracks import SPLITS
from tests.data.splits.conftest import deviations, music, table


@pytest.mark.parametrize("seed", range(3))
def test_stratified_takes_floors_in_each_genre(seed):
    sizes = {"Rock": 1009, "Folk": 300, "Jazz": 57, "Blues": 35, "Spoken": 19, "Polka": 10, "Noise": 9}
    genre = np.random.default_rng(seed).permutation([name for name, size in sizes.items() for _ in range(size)])
    tracks = table(genre)
    parts = assign_splits(tracks, "stratified", seed)
    for name, size in sizes.items():
        count = parts[tracks["genre"] == name].value_counts()
        train, val = size * 8 // 10, size // 10
        assert [count.get(part, 0) for part in SPLITS] == [train, val, size - train - val]


def test_stratified_survives_binary_fractions():
    count = assign_splits(table(["Rock"] * 100), "stratified", fractions=(0.29, 0.57, 0.14)).value_counts()
    assert [count[part] for part in SPLITS] == [29, 57, 14]


def test_stratified_is_random_over_the_tracks():
    tracks = table(["Rock"] * 50)
    tested = sum((assign_splits(tracks, "stratified", seed) == "test").to_numpy().astype(int) for seed in range(200))
    assert tested.sum() == 200 * 5
    assert tested.min() > 5  # 20 expected, standard deviation 4
    assert tested.max() < 40


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["emotify", "unbalanced"])
def test_no_artist_or_album_is_in_two_splits(kind, seed):
    tracks = music(kind, seed)
    parts = assign_splits(tracks, "artist", seed)
    assert (parts.groupby(tracks["artist"]).nunique() == 1).all()
    parts = assign_splits(tracks, "artist_album", seed)
    assert (parts.groupby(tracks["artist"]).nunique() == 1).all()
    assert (parts.groupby(tracks["album"]).nunique() == 1).all()
    assert set(parts) == set(SPLITS)


@pytest.mark.parametrize(("kind", "most", "mean"), [("emotify", 1, 0.25), ("unbalanced", 4, 0.9)])
@pytest.mark.parametrize("seed", range(3))
def test_small_collections_are_balanced_to_a_few_tracks(kind, most, mean, seed):
    tracks = music(kind, seed)
    parts = assign_splits(tracks, "artist", seed)
    deviation = deviations(tracks, parts).abs().to_numpy()
    assert deviation.max() <= most
    assert deviation.mean() <= mean
    assert not any(missing_genres(tracks, parts).values())


def test_a_large_collection_is_balanced_in_seconds():
    tracks = music("fma", 0)
    start = time.perf_counter()
    parts = assign_splits(tracks, "artist")
    assert time.perf_counter() - start < 10
    assert (parts.groupby(tracks["artist"]).nunique() == 1).all()
    deviation = deviations(tracks, parts).abs().to_numpy()
    assert deviation.max() <= 3
    assert deviation.mean() <= 0.5


@pytest.mark.parametrize("sizes", [(1, 1, 1), (17, 17, 17), (50, 2, 1), (30, 29, 1), (9, 8, 7, 6)])
def test_a_genre_of_three_artists_is_in_all_splits(sizes):
    rare = [f"rare {number}" for number, size in enumerate(sizes) for _ in range(size)]
    common = music("emotify", 0)
    tracks = table([*common["genre"], *["rare"] * len(rare)], [*common["artist"], *rare])
    assert not any(missing_genres(tracks, assign_splits(tracks, "artist")).values())


def test_a_genre_of_one_artist_is_in_training():
    common = music("emotify", 0)
    tracks = table([*common["genre"], *["rare"] * 20], [*common["artist"], *["hermit"] * 20])
    assert missing_genres(tracks, assign_splits(tracks, "artist")) == {"train": [], "val": ["rare"], "test": ["rare"]}


@pytest.mark.parametrize("strategy", ["artist", "artist_album", "stratified"])
def test_splits_depend_on_the_seed_and_not_on_the_order_of_rows(strategy):
    tracks = music("unbalanced", 3)
    parts = assign_splits(tracks, strategy, seed=7)
    pd.testing.assert_series_equal(parts, assign_splits(tracks, strategy, seed=7))
    assert (parts != assign_splits(tracks, strategy, seed=8)).any()
    for seed in range(3):
        shuffled = tracks.sample(frac=1, random_state=seed)
        again = assign_splits(shuffled, strategy, seed=7)
        assert again.index.equals(shuffled.index)
        pd.testing.assert_series_equal(again.sort_index(), parts)


def test_splits_have_the_index_of_the_table():
    tracks = music("emotify", 0)
    expected = assign_splits(tracks)
    tracks.index = pd.Index([f"row {number % 7}" for number in range(len(tracks))])  # repeated labels too
    parts = assign_splits(tracks)
    assert parts.index.equals(tracks.index)
    assert parts.name == "split"
    assert parts.tolist() == expected.tolist()
    assert not any(missing_genres(tracks, parts).values())


def split_music(kind: str, seed: int) -> pd.DataFrame:
    tracks = music(kind, seed)
    return tracks.assign(split=assign_splits(tracks, "artist", seed))


@pytest.mark.parametrize("seed", range(3))
def test_a_fraction_of_the_training_tracks_keeps_whole_artists_of_each_genre(seed):
    tracks = split_music("unbalanced", seed)
    train = tracks[tracks["split"] == "train"]
    larger = train["track_id"]
    for fraction in (1.0, 0.5, 0.25, 0.01):
        subset = training_subset(tracks, fraction, seed)
        kept = subset[subset["split"] == "train"]
        assert subset[subset["split"] != "train"].equals(tracks[tracks["split"] != "train"])
        assert not set(kept["artist"]) & set(train.loc[~train["track_id"].isin(kept["track_id"]), "artist"])
        assert set(kept["genre"]) == set(train["genre"])
        assert set(kept["track_id"]) <= set(larger)
        if fraction > 0.01:
            assert len(kept) == pytest.approx(fraction * len(train), abs=0.1 * len(train))
        larger = kept["track_id"]
    assert kept["artist"].nunique() == train["genre"].nunique()


def test_each_genre_gives_its_share_of_artists_of_equal_size():
    genre = ["Rock"] * 80 + ["Folk"] * 20
    tracks = table(genre, [f"{name} {number // 2}" for number, name in enumerate(genre)]).assign(split="train")
    kept = training_subset(tracks, 0.3, 0)
    assert kept["genre"].value_counts().to_dict() == {"Rock": 24, "Folk": 6}
    assert not kept.equals(training_subset(tracks, 0.3, 1))
    shuffled = training_subset(tracks.sample(frac=1, random_state=0), 0.3, 0)
    assert shuffled.sort_values("track_id").equals(kept)


def test_a_genre_that_is_no_artists_main_genre_keeps_an_artist():
    genre = ["Rock"] * 30 + ["Folk"] * 3
    artist = [f"a {number // 5}" for number in range(30)] + ["a 1", "a 3", "a 5"]
    tracks = table(genre, artist).assign(split="train")
    for seed in range(5):
        assert "Folk" in set(training_subset(tracks, 0.2, seed)["genre"])


def test_without_artists_a_fraction_is_of_tracks():
    tracks = table(["Rock"] * 40 + ["Folk"] * 8).assign(split="train")
    assert training_subset(tracks, 0.25, 0)["genre"].value_counts().to_dict() == {"Rock": 10, "Folk": 2}
