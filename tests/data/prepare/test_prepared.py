"""Duplicates, splits, and the prepared data set."""

import logging
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from genre.audio.decoding import load_clip
from genre.data.cache.executors import local_executor
from genre.data.cache.feature_cache import FeatureCache
from genre.data.prepare import prepare, select_tracks
from genre.data.sources.fma import Fma
from genre.data.sources.folder import Folder
from genre.data.tracks import COLUMNS, SPLITS
from tests.conftest import Executors, sound, track_table, write_sound
from tests.data.prepare.conftest import CONFIG, RATE, SPEC, Listed, details, error, features_of, reasons, some


def test_the_same_sound_in_another_format_is_a_duplicate(root, prepared_with):
    samples = np.round(sound(5, 1.0, RATE) * 2**15) / 2**15
    for name in ("x.wav", "y.flac", "z.au"):
        write_sound(root / "rock" / name, samples, RATE)
    found = prepared_with(dict.fromkeys(["rock/x.wav", "rock/y.flac", "rock/z.au"], "rock")).rejected
    assert details(found) == {"rock/y.flac": "same audio as rock/x.wav", "rock/z.au": "same audio as rock/x.wav"}


def test_of_duplicates_the_first_by_name_is_kept_in_any_genre(root, cache, executors):
    names = {f"{genre}/{number}.wav": genre for genre in ("pop", "rock") for number in range(10)}
    some(root, *names)
    some(root, "pop/same.wav")
    for name in ("rock/same.wav", "rock/same too.wav"):
        shutil.copy(root / "pop/same.wav", root / name)
        names[name] = "rock"
    names["pop/same.wav"] = "pop"
    table = track_table(names)
    for seed in range(3):
        shuffled = table.sample(frac=1, random_state=seed)
        rejected = prepare(Listed(str(root), shuffled), CONFIG, cache, executors, seed=1).rejected
        assert reasons(rejected) == {"rock/same.wav": "duplicate", "rock/same too.wav": "duplicate"}
        assert set(rejected["detail"]) == {"same audio as pop/same.wav"}


def test_a_copy_of_a_rejected_track_is_kept(root, prepared_with):
    some(root, "folk/same.wav")
    (root / "rock").mkdir()
    shutil.copy(root / "folk/same.wav", root / "rock/same.wav")
    prepared = prepared_with({"folk/same.wav": "folk", "rock/same.wav": "rock"}, exclude_genres=["folk"])
    assert reasons(prepared.rejected) == {"folk/same.wav": "excluded_genre"}
    assert "rock/same.wav" in set(prepared.tracks["track_id"])


# The prepared collection


def test_tracks_are_sorted_and_lead_to_their_features(root, prepared_with):
    prepared = prepared_with({})
    tracks = prepared.tracks
    assert list(tracks.index) == list(range(20))
    assert tracks["track_id"].is_monotonic_increasing
    assert list(tracks.columns[: len(COLUMNS)]) == COLUMNS
    assert set(tracks["split"]) == set(SPLITS)
    assert tracks.groupby("genre")["split"].value_counts().unstack().loc["rock"].to_dict() == {
        "train": 8,
        "val": 1,
        "test": 1,
    }
    assert prepared.genres == ["pop", "rock"]
    assert prepared.targets.dtype == np.int64
    assert prepared.targets.tolist() == [0] * 10 + [1] * 10
    for path, found in zip(tracks["path"], features_of(prepared), strict=True):
        samples = torch.from_numpy(load_clip(root / path, RATE, 1.0).samples)
        np.testing.assert_array_equal(found, SPEC.features(samples[None])[0].numpy().astype(np.float16))


def test_genres_have_the_same_numbers_whatever_the_order_of_the_rows(root, cache, executors):
    names = {f"{genre}/{number}.wav": genre for number in range(10) for genre in ("rock", "Blues", "jazz")}
    some(root, *names)
    first = prepare(Listed(str(root), track_table(names)), CONFIG, cache, executors, seed=1)
    shuffled = track_table(names).sample(frac=1, random_state=0)
    second = prepare(Listed(str(root), shuffled), CONFIG, cache, executors, seed=1)
    assert first.genres == second.genres == ["Blues", "jazz", "rock"]
    pd.testing.assert_frame_equal(first.tracks, second.tracks)
    assert executors.calls == 1


def test_the_seed_decides_the_split(prepared_with):
    first = prepared_with({})
    pd.testing.assert_frame_equal(first.tracks, prepared_with({}).tracks)
    source = Listed(first.cache.folder.parents[1].joinpath("music").as_posix(), first.tracks[COLUMNS])
    other = prepare(source, CONFIG, first.cache, Executors(), seed=2)
    assert (first.tracks["split"] != other.tracks["split"]).any()
    assert first.tracks["path"].equals(other.tracks["path"])


def test_a_fraction_of_the_training_tracks_leaves_the_other_splits_as_they_are(prepared_with):
    every, half = (prepared_with({}, train_fraction=fraction).tracks for fraction in (1.0, 0.5))
    assert half["split"].value_counts().to_dict() == {"train": 8, "val": 2, "test": 2}
    others = [tracks.loc[tracks["split"] != "train", "track_id"].tolist() for tracks in (every, half)]
    assert others[0] == others[1]
    assert half.index.tolist() == list(range(12))


def test_the_strategy_says_what_auto_stands_for(root, cache, executors, caplog):
    names = [f"{genre}/{number}.wav" for genre in ("pop", "rock") for number in range(10)]
    some(root, *names)
    table = track_table({name: name[:-6] for name in names})
    config = replace(CONFIG, splits="auto", folds=2)
    assert prepare(Listed(str(root), table), config, cache, executors, 1).strategy == "stratified"
    table["artist"] = [f"artist {number // 2}" for number in range(20)]
    assert prepare(Listed(str(root), table), config, cache, executors, 1).strategy == "artist"
    table["split"] = ["train", "val", "test", "train", "train"] * 4
    source = Listed(str(root), table)
    source.has_own_split = True
    assert prepare(source, config, cache, executors, 1).strategy == "official"
    assert "not used" not in caplog.text
    assert prepare(source, replace(config, fold=0), cache, executors, 1).strategy == "artist"
    assert "the split of the table is not used: data.fold=0 makes folds" in caplog.text


def test_genres_that_differ_in_capitals_only_are_refused(root, cache, executors):
    some(root, "rock/a.wav", "Rock/a.wav", "pop/a.wav")
    source = Listed(str(root), track_table({"rock/a.wav": "rock", "Rock/a.wav": "Rock", "pop/a.wav": "pop"}))
    text = error(lambda: prepare(source, CONFIG, cache, executors, 1))
    assert text == "the genres Rock and rock differ in capitals only: give both the same name"
    assert executors.calls == 0


def test_a_split_with_other_names_is_refused_before_any_audio_is_read(root, cache, executors):
    some(root, "rock/a.wav", "pop/a.wav")
    source = Listed(str(root), track_table({"rock/a.wav": "rock", "pop/a.wav": "pop"}, split=["dev", "train"]))
    text = error(lambda: prepare(source, replace(CONFIG, splits="official"), cache, executors, 1))
    assert (
        text == "unknown split dev (first: rock/a.wav): use train, val, test, or data.splits=artist for another split"
    )
    assert executors.calls == 0


def test_a_fraction_of_a_leakage_level_is_refused(root, prepared_with):
    config = {"splits": "leak_nothing", "train_fraction": 0.5, "min_seconds": 0.8}
    text = error(lambda: prepared_with({}, **config))
    assert text == "data.train_fraction cannot be combined with data.splits=leak_nothing: leave it at 1"


def test_folds_test_each_track_once(prepared_with):
    parts = [prepared_with({}, splits="stratified", fold=fold, folds=4).tracks["split"] for fold in range(4)]
    assert sum((part == "test").to_numpy().astype(int) for part in parts).tolist() == [1] * 20
    assert all(set(part) == set(SPLITS) for part in parts)


def test_select_tracks_gives_the_same_tracks_without_a_split(root, prepared_with, cache, executors):
    some(root, "rock/short.wav", seconds=0.5)
    prepared = prepared_with({"rock/short.wav": "rock"})
    table = pd.concat([prepared.tracks[COLUMNS], prepared.rejected[COLUMNS]], ignore_index=True)
    selection, index = select_tracks(Listed(str(root), table), CONFIG, cache, executors)
    assert sorted(selection.kept["track_id"]) == sorted(prepared.tracks["track_id"])
    assert selection.reason_counts == {"short": 1}
    assert index.loc["rock/short.wav", "duration"] == 0.5


def test_the_leakage_experiment_rejects_tracks_much_shorter_than_a_clip(root, prepared_with, cache, executors):
    some(root, "rock/short.wav", seconds=0.85)
    table = prepared_with({"rock/short.wav": "rock"}).tracks[COLUMNS]
    source = Listed(str(root), table)
    assert len(table) == 21
    selection, _ = select_tracks(source, replace(CONFIG, splits="leak_albums", clip_seconds=1.0), cache, executors)
    assert reasons(selection.rejected) == {"rock/short.wav": "short"}
    assert (
        len(select_tracks(source, replace(CONFIG, splits="artist", clip_seconds=1.0), cache, executors)[0].kept) == 21
    )


def test_new_thresholds_need_no_new_extraction(root, prepared_with, executors):
    some(root, "rock/short.wav", seconds=0.5)
    assert len(prepared_with({"rock/short.wav": "rock"}).tracks) == 20
    assert len(prepared_with({"rock/short.wav": "rock"}, min_seconds=0.5).tracks) == 21
    assert executors.calls == 1


def test_a_genre_missing_in_a_split_is_logged(root, prepared_with, caplog):
    some(root, "folk/a.wav", "folk/b.wav")
    with caplog.at_level(logging.INFO, "genre"):
        prepared_with({"folk/a.wav": "folk", "folk/b.wav": "folk", "folk/gone.wav": "folk"})
    assert "22 tracks of 3 genres: 17 train, 2 val, 3 test" in caplog.messages
    assert "no track of folk in val" in caplog.messages
    assert "rejected 1 track: missing_file (folk/gone.wav)" in caplog.messages


@pytest.mark.parametrize("splits", ["official", "artist"])
def test_fma_with_real_processes(fma_folder, tmp_path, splits):
    cache = FeatureCache(tmp_path, "fma", SPEC)
    config = replace(CONFIG, splits=splits, min_seconds=1.0)
    make_executor = partial(local_executor, 2) if splits == "official" else Executors()
    prepared = prepare(Fma(str(fma_folder), "small"), config, cache, make_executor, seed=1)
    assert len(prepared.tracks) == 30
    assert len(prepared.rejected) == 0
    assert prepared.genres == ["Blues", "Jazz", "Rock"]
    assert (prepared.tracks.groupby("artist")["split"].nunique() == 1).all()
    if splits == "official":
        official = Fma(str(fma_folder), "small").tracks().set_index("track_id")["split"]
        assert prepared.tracks["split"].tolist() == official[prepared.tracks["track_id"]].tolist()
    assert features_of(prepared).shape == (30, 63, 16)


def test_a_plain_folder(music_folder, tmp_path, executors):
    cache = FeatureCache(tmp_path, "music", SPEC)
    prepared = prepare(
        Folder(str(music_folder)), replace(CONFIG, splits="auto", min_seconds=1.0), cache, executors, seed=1
    )
    assert prepared.tracks["split"].value_counts().to_dict() == {"train": 24, "val": 3, "test": 3}


def test_names_are_unified_before_the_split_and_tags_are_stored_beside_the_caches(root, cache, executors, monkeypatch):
    monkeypatch.setattr("genre.data.sources.tags.MIN_CACHED_FILES", 24)
    some(root, *(f"{genre}/{number}.wav" for genre in ("rock", "pop") for number in range(12)))
    artists = ["AC/DC", "ac/dc ", "Ac/Dc", *(f"Band {number}" for number in range(21))]
    rows = zip(sorted(path.relative_to(root) for path in root.rglob("*.wav")), artists, strict=True)
    (root / "tracks.csv").write_text("path,artist,album\n" + "".join(f"{path},{who},Hits\n" for path, who in rows))
    prepared = prepare(Folder(str(root)), replace(CONFIG, splits="artist_album"), cache, executors, 1)
    mine = prepared.tracks[prepared.tracks["artist"] == "AC/DC"]
    assert len(mine) == 3
    assert mine["split"].nunique() == 1
    assert prepared.tracks["album"].nunique() == 22  # one of each artist, not one of all
    (root / "tracks.csv").unlink()
    prepare(Folder(str(root)), CONFIG, cache, executors, 1)
    assert len(list(cache.folder.parent.glob("tags-*.parquet"))) == 1
