import logging
import shutil
import zlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from genre.audio import read_clip
from genre.data.cache import Cache
from genre.data.extract import Recipe, local_executor
from genre.data.prepare import Prepared, prepare, restore, usable
from genre.data.sources.fma import Fma
from genre.data.sources.folder import Folder
from genre.data.tracks import COLUMNS, PARTS
from genre.errors import GenreError
from genre.features import LogMel
from genre.settings import DataSettings
from tests.conftest import Executors, cut, sound, track_table, write_fma, write_sound

RATE = 8000
RECIPE = Recipe(LogMel(sample_rate=RATE, n_fft=512, hop_length=128, n_mels=16), 1.0, 0.0)
SETTINGS = DataSettings(min_seconds=0.8, splits="stratified")


@dataclass
class Listed:
    """A source that says what it is told to say."""

    root: str
    table: pd.DataFrame
    name: str = "listed"

    def tracks(self) -> pd.DataFrame:
        return self.table


def some(root: Path, *names: str, seconds: float = 1.0) -> None:
    """Write sound, another for each name."""
    for name in names:
        write_sound(root / name, sound(zlib.crc32(name.encode()), seconds, RATE), RATE)


def reasons(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["track_id"], table["reason"], strict=True))


def details(table: pd.DataFrame) -> dict[str, str]:
    return dict(zip(table["track_id"], table["detail"], strict=True))


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "caches", "music", RECIPE)


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "music"


@pytest.fixture
def judged(root, cache, executors):
    """Prepares what lies in `root` beside ten sound tracks of each of two genres."""

    def judge(genres: dict[str, str | None], **settings) -> Prepared:
        good = {f"{genre}/{number}.wav": genre for genre in ("pop", "rock") for number in range(10)}
        some(root, *(name for name in good if not (root / name).exists()))
        table = track_table({**good, **genres})
        return prepare(Listed(str(root), table), replace(SETTINGS, **settings), cache, executors, seed=1)

    return judge


def features_of(prepared: Prepared) -> np.ndarray:
    tracks = prepared.tracks
    return prepared.cache.read(tracks["shard"], tracks["row"], [0] * len(tracks), RECIPE.frames)


def stored_features(cache: Cache) -> np.ndarray:
    return np.concatenate([np.load(path) for path in cache.folder.glob("*.npy")])


# What is left, and what is not


def test_each_reason_once_and_one_reason_a_track(root, judged, cache, executors):
    some(root, "rock/cut.wav", "rock/text.wav", "spoken/a.wav", "polka/a.wav", "pop/nogenre.wav", "folk/a.wav")
    some(root, "folk/b.wav")
    some(root, "rock/short.wav", "folk/short.wav", seconds=0.5)
    cut(root / "rock/cut.wav", 0.6)
    (root / "rock/text.wav").write_text("<html>404</html>" * 100)
    write_sound(root / "rock/silent.wav", 1e-4 * sound(1, 1.0, RATE), RATE)
    broken = sound(2, 1.0, RATE)
    broken[4000] = np.nan
    write_sound(root / "rock/nan.wav", broken, RATE, subtype="FLOAT")
    some(root, "rock/3.wav")
    shutil.copy(root / "rock/3.wav", root / "rock/twin.wav")
    expected = {
        "rock/cut.wav": "truncated",
        "rock/short.wav": "short",
        "rock/silent.wav": "silent",
        "rock/text.wav": "undecodable",
        "rock/nan.wav": "not_finite",
        "rock/twin.wav": "duplicate",
        "rock/gone.wav": "missing_file",
        "pop/nogenre.wav": "missing_genre",
        "spoken/a.wav": "excluded_genre",
        "polka/a.wav": "rare_genre",
        "folk/short.wav": "short",
        "folk/a.wav": "rare_genre",  # only now
        "folk/b.wav": "rare_genre",
    }
    genres = {name: None if name == "pop/nogenre.wav" else name.partition("/")[0] for name in expected}
    prepared = judged(genres, exclude_genres=["spoken"], min_tracks_per_genre=3)
    assert reasons(prepared.rejected) == expected
    assert prepared.rejected["track_id"].is_unique
    assert sorted(prepared.tracks["track_id"]) == sorted(f"{g}/{n}.wav" for g in ("pop", "rock") for n in range(10))
    assert list(prepared.rejected.columns) == [*COLUMNS, "reason", "detail"]
    said = details(prepared.rejected)
    assert said["rock/cut.wav"] == "decodes to 60 % of what its header promises"
    assert said["rock/short.wav"] == "0.5 s"
    assert said["rock/twin.wav"] == "same audio as rock/3.wav"
    assert said["folk/a.wav"] == said["polka/a.wav"] == "its genre has fewer than 3 tracks"
    assert all(said[name] for name, code in expected.items() if code not in ("missing_genre", "excluded_genre"))
    unheard = {"rock/gone.wav", "pop/nogenre.wav", "spoken/a.wav", "polka/a.wav"}
    assert sorted(executors.paths) == sorted((expected.keys() - unheard) | set(prepared.tracks["path"]))
    assert np.isfinite(stored_features(cache)).all()


def test_what_breaks_off_is_rejected_whatever_its_format(root, judged):
    expected = {}
    for number, share in enumerate([0.3, 0.5, 0.85]):
        for suffix in ("wav", "au", "mp3", "flac"):
            name = f"rock/{number}, cut.{suffix}"
            cut(write_sound(root / name, sound(number, 1.0, RATE), RATE), share)
            expected[name] = "undecodable" if suffix == "flac" and share < 0.8 else "truncated"  # not one block
    assert reasons(judged(dict.fromkeys(expected, "rock")).rejected) == expected


def test_what_breaks_off_beyond_the_clip_is_rejected_too(root, judged):
    cut(write_sound(root / "rock/cut.wav", sound(5, 3.0, RATE), RATE), 0.7)
    assert reasons(judged({"rock/cut.wav": "rock"}).rejected) == {"rock/cut.wav": "truncated"}


NO_SOUND = {"empty": b"", "RIFF": b"RIFF", "ID3": b"ID3\x03", "html": b"<html>404</html>" * 5000}


def test_what_is_no_sound_is_undecodable(root, judged):
    (root / "rock").mkdir(parents=True)
    names = []
    for kind, content in NO_SOUND.items():
        for suffix in ("wav", "mp3", "flac", "ogg", "au"):
            names.append(f"rock/{kind}.{suffix}")
            (root / names[-1]).write_bytes(content)
    assert reasons(judged(dict.fromkeys(names, "rock")).rejected) == dict.fromkeys(names, "undecodable")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(root, judged, cache, value):
    samples = sound(5, 1.0, RATE, channels=2)
    samples[-1, 1] = value
    write_sound(root / "rock/bad.wav", samples, RATE, subtype="FLOAT")
    assert reasons(judged({"rock/bad.wav": "rock"}).rejected) == {"rock/bad.wav": "not_finite"}
    assert len(stored_features(cache)) == 20


def test_samples_too_large_for_a_spectrum(root, judged, cache):
    write_sound(root / "rock/bad.wav", sound(5, 1.0, RATE) * 1e20, RATE, subtype="FLOAT")
    assert reasons(judged({"rock/bad.wav": "rock"}).rejected) == {"rock/bad.wav": "not_finite"}
    assert np.isfinite(stored_features(cache)).all()


def test_thresholds_lie_where_they_are_said_to(root, judged):
    quiet = sound(5, 1.0, RATE)
    quiet[400:] = 0  # 1 of 20 blocks of 50 ms sounds
    write_sound(root / "rock/quiet.wav", quiet, RATE)
    louder = sound(6, 1.0, RATE)
    louder[800:] = 0  # 2 of 20
    write_sound(root / "rock/louder.wav", louder, RATE)
    write_sound(root / "rock/just.wav", sound(7, 0.8, RATE), RATE)
    write_sound(root / "rock/below.wav", sound(8, 0.79, RATE), RATE)
    cut(write_sound(root / "rock/most.wav", sound(9, 1.0, RATE), RATE), 0.91)
    cut(write_sound(root / "rock/less.wav", sound(10, 1.0, RATE), RATE), 0.89)
    names = ["quiet", "louder", "just", "below", "most", "less"]
    prepared = judged({f"rock/{name}.wav": "rock" for name in names})
    expected = {"rock/quiet.wav": "silent", "rock/below.wav": "short", "rock/less.wav": "truncated"}
    assert reasons(prepared.rejected) == expected


def test_what_is_wrong_in_several_ways_has_the_first_reason(root, judged):
    write_sound(root / "rock/short and silent.wav", np.zeros((4000, 1)), RATE)
    cut(write_sound(root / "rock/cut, short, silent.wav", np.zeros((4000, 1)), RATE), 0.5)
    write_sound(root / "rock/silent.wav", np.zeros((8000, 1)), RATE)
    write_sound(root / "rock/silent too.wav", np.zeros((8000, 1)), RATE)
    expected = {
        "rock/short and silent.wav": "short",
        "rock/cut, short, silent.wav": "truncated",
        "rock/silent.wav": "silent",
        "rock/silent too.wav": "silent",
    }
    assert reasons(judged(dict.fromkeys(expected, "rock")).rejected) == expected


def test_rare_is_counted_once_more_when_broken_files_are_gone(root, judged):
    names = [f"folk/{number}.wav" for number in range(4)]
    some(root, *names)
    cut(root / names[0], 0.5)
    shutil.copy(root / names[1], root / names[2])
    assert len(judged(dict.fromkeys(names, "folk"), min_tracks_per_genre=2).tracks) == 22
    rejected = judged(dict.fromkeys(names, "folk"), min_tracks_per_genre=3).rejected
    expected = ["truncated", "rare_genre", "duplicate", "rare_genre"]
    assert reasons(rejected) == dict(zip(names, expected, strict=True))


def test_missing_files_count_as_rare(root, judged, executors):
    some(root, "folk/a.wav")
    rejected = judged({"folk/a.wav": "folk", "folk/gone.wav": "folk"}, min_tracks_per_genre=2).rejected
    assert reasons(rejected) == {"folk/a.wav": "rare_genre", "folk/gone.wav": "missing_file"}
    assert "folk/a.wav" not in executors.paths


# Duplicates


def test_the_same_sound_in_another_format_is_a_duplicate(root, judged):
    samples = np.round(sound(5, 1.0, RATE) * 2**15) / 2**15
    for name in ("x.wav", "y.flac", "z.au"):
        write_sound(root / "rock" / name, samples, RATE)
    found = judged(dict.fromkeys(["rock/x.wav", "rock/y.flac", "rock/z.au"], "rock")).rejected
    assert details(found) == {"rock/y.flac": "same audio as rock/x.wav", "rock/z.au": "same audio as rock/x.wav"}


def test_the_first_by_its_name_stays_in_whichever_genre(root, cache, executors):
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
        rejected = prepare(Listed(str(root), shuffled), SETTINGS, cache, executors, seed=1).rejected
        assert reasons(rejected) == {"rock/same.wav": "duplicate", "rock/same too.wav": "duplicate"}
        assert set(rejected["detail"]) == {"same audio as pop/same.wav"}


def test_a_twin_of_a_dropped_track_stays(root, judged):
    some(root, "folk/same.wav")
    (root / "rock").mkdir()
    shutil.copy(root / "folk/same.wav", root / "rock/same.wav")
    prepared = judged({"folk/same.wav": "folk", "rock/same.wav": "rock"}, exclude_genres=["folk"])
    assert reasons(prepared.rejected) == {"folk/same.wav": "excluded_genre"}
    assert "rock/same.wav" in set(prepared.tracks["track_id"])


# The prepared collection


def test_tracks_are_sorted_and_lead_to_their_features(root, judged):
    prepared = judged({})
    tracks = prepared.tracks
    assert list(tracks.index) == list(range(20))
    assert tracks["track_id"].is_monotonic_increasing
    assert list(tracks.columns[: len(COLUMNS)]) == COLUMNS
    assert set(tracks["split"]) == set(PARTS)
    assert tracks.groupby("genre")["split"].value_counts().unstack().loc["rock"].to_dict() == {
        "train": 8,
        "val": 1,
        "test": 1,
    }
    assert prepared.genres == ["pop", "rock"]
    assert prepared.targets.dtype == np.int64
    assert prepared.targets.tolist() == [0] * 10 + [1] * 10
    for path, found in zip(tracks["path"], features_of(prepared), strict=True):
        samples = torch.from_numpy(read_clip(root / path, RATE, 1.0).samples)
        np.testing.assert_array_equal(found, RECIPE.features(samples[None])[0].numpy().astype(np.float16))


def test_genres_have_the_same_numbers_whatever_the_order_of_the_rows(root, cache, executors):
    names = {f"{genre}/{number}.wav": genre for number in range(10) for genre in ("rock", "Blues", "jazz")}
    some(root, *names)
    first = prepare(Listed(str(root), track_table(names)), SETTINGS, cache, executors, seed=1)
    shuffled = track_table(names).sample(frac=1, random_state=0)
    second = prepare(Listed(str(root), shuffled), SETTINGS, cache, executors, seed=1)
    assert first.genres == second.genres == ["Blues", "jazz", "rock"]
    pd.testing.assert_frame_equal(first.tracks, second.tracks)
    assert executors.calls == 1


def test_the_seed_decides_the_split(judged):
    first = judged({})
    pd.testing.assert_frame_equal(first.tracks, judged({}).tracks)
    source = Listed(first.cache.folder.parents[1].joinpath("music").as_posix(), first.tracks[COLUMNS])
    other = prepare(source, SETTINGS, first.cache, Executors(), seed=2)
    assert (first.tracks["split"] != other.tracks["split"]).any()
    assert first.tracks["path"].equals(other.tracks["path"])


def test_folds_test_each_track_once(judged):
    parts = [judged({}, splits="stratified", fold=fold, folds=4).tracks["split"] for fold in range(4)]
    assert sum((part == "test").to_numpy().astype(int) for part in parts).tolist() == [1] * 20
    assert all(set(part) == set(PARTS) for part in parts)


def test_usable_tells_the_same_without_a_split(root, judged, cache, executors):
    some(root, "rock/short.wav", seconds=0.5)
    prepared = judged({"rock/short.wav": "rock"})
    table = pd.concat([prepared.tracks[COLUMNS], prepared.rejected[COLUMNS]], ignore_index=True)
    selection, index = usable(Listed(str(root), table), SETTINGS, cache, executors)
    assert sorted(selection.kept["track_id"]) == sorted(prepared.tracks["track_id"])
    assert selection.reasons == {"short": 1}
    assert index.loc["rock/short.wav", "duration"] == 0.5


def test_the_ladder_halves_clips_and_takes_none_that_is_much_shorter(root, judged, cache, executors):
    some(root, "rock/short.wav", seconds=0.85)
    table = judged({"rock/short.wav": "rock"}).tracks[COLUMNS]
    source = Listed(str(root), table)
    assert len(table) == 21
    selection, _ = usable(source, replace(SETTINGS, splits="leak_albums", clip_seconds=1.0), cache, executors)
    assert reasons(selection.rejected) == {"rock/short.wav": "short"}
    assert len(usable(source, replace(SETTINGS, splits="artist", clip_seconds=1.0), cache, executors)[0].kept) == 21


def test_thresholds_are_judged_anew_and_the_cache_stays(root, judged, executors):
    some(root, "rock/short.wav", seconds=0.5)
    assert len(judged({"rock/short.wav": "rock"}).tracks) == 20
    assert len(judged({"rock/short.wav": "rock"}, min_seconds=0.5).tracks) == 21
    assert executors.calls == 1


def test_a_genre_that_a_part_lacks_is_told(root, judged, caplog, monkeypatch):
    some(root, "folk/a.wav", "folk/b.wav")
    monkeypatch.setattr(logging.getLogger("genre"), "propagate", True)
    with caplog.at_level(logging.INFO, "genre"):
        judged({"folk/a.wav": "folk", "folk/b.wav": "folk", "folk/gone.wav": "folk"})
    assert "22 tracks of 3 genres: 17 train, 2 val, 3 test" in caplog.messages
    assert "no track of folk in val" in caplog.messages
    assert "rejected 1 tracks: missing_file (folk/gone.wav)" in caplog.messages


@pytest.mark.parametrize("splits", ["official", "artist"])
def test_fma_with_real_processes(fma_folder, tmp_path, splits):
    cache = Cache(tmp_path, "fma", RECIPE)
    settings = DataSettings(splits=splits, min_seconds=1.0)
    make_executor = partial(local_executor, 2) if splits == "official" else Executors()
    prepared = prepare(Fma(str(fma_folder), "small"), settings, cache, make_executor, seed=1)
    assert len(prepared.tracks) == 30
    assert len(prepared.rejected) == 0
    assert prepared.genres == ["Blues", "Jazz", "Rock"]
    assert (prepared.tracks.groupby("artist")["split"].nunique() == 1).all()
    if splits == "official":
        official = Fma(str(fma_folder), "small").tracks().set_index("track_id")["split"]
        assert prepared.tracks["split"].tolist() == official[prepared.tracks["track_id"]].tolist()
    assert features_of(prepared).shape == (30, 63, 16)


def test_a_plain_folder(music_folder, tmp_path, executors):
    cache = Cache(tmp_path, "music", RECIPE)
    prepared = prepare(Folder(str(music_folder)), DataSettings(min_seconds=1.0), cache, executors, seed=1)
    assert prepared.tracks["split"].value_counts().to_dict() == {"train": 24, "val": 3, "test": 3}


# Too little


def error(action) -> str:
    with pytest.raises(GenreError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_genre_is_too_little_and_the_counts_say_why(root, cache, executors):
    some(root, "rock/a.wav", "rock/b.wav", "spoken/a.wav", "rock/c.wav")
    genres = {"rock/a.wav": "rock", "rock/b.wav": "rock", "rock/c.wav": None, "spoken/a.wav": "spoken"}
    genres |= {f"pop/{number}.wav": "pop" for number in range(5)}
    source = Listed(str(root), track_table(genres))
    settings = replace(SETTINGS, exclude_genres=["spoken"])
    assert error(lambda: prepare(source, settings, cache, executors, 1)) == (
        f"{root} names 7 labelled tracks of which 2 have audio; 1 genre(s) are left and at least 2 are needed: "
        "check data.root and the filters in data.* (dropped: 5 missing_file, 1 missing_genre, 1 excluded_genre)"
    )
    assert executors.calls == 0
    assert not cache.folder.exists()


def test_too_little_by_the_ear(root, cache, executors):
    some(root, "rock/a.wav", "rock/b.wav")
    some(root, "pop/a.wav", "pop/b.wav", seconds=0.5)
    source = Listed(str(root), track_table({name: name[:-6] for name in ["rock/a.wav", "rock/b.wav", "pop/a.wav"]}))
    text = error(lambda: prepare(source, SETTINGS, cache, executors, 1))
    assert text.startswith(f"{root} names 3 labelled tracks of which 3 have audio; 1 genre(s) are left")
    assert text.endswith("(dropped: 1 short)")


def test_no_audio_at_all(tmp_path, cache, executors):
    write_fma(tmp_path, {n: {"set.subset": "small", "track.genre_top": "Rock" if n % 2 else "Pop"} for n in range(8)})
    text = error(lambda: prepare(Fma(str(tmp_path)), SETTINGS, cache, executors, 1))
    assert text.startswith(f"{tmp_path} names 8 labelled tracks of which 0 have audio; 0 genre(s) are left")


def test_no_genre_at_all(root, cache, executors):
    some(root, "a.wav")
    text = error(lambda: prepare(Listed(str(root), track_table({"a.wav": None})), SETTINGS, cache, executors, 1))
    assert text.startswith(f"{root} names 0 labelled tracks of which 0 have audio; 0 genre(s) are left")


def test_a_split_that_cannot_be_made(judged):
    assert error(lambda: judged({}, splits="artist")) == "this data names no artist: use data.splits=stratified"


# Taking a run's tracks again


@pytest.fixture
def run(judged, tmp_path) -> tuple[Prepared, Path]:
    """A prepared collection and the table that its run folder keeps."""
    prepared = judged({})
    path = tmp_path / "run" / "tracks.parquet"
    path.parent.mkdir()
    prepared.tracks.drop(columns=["shard", "row", "mtime_ns"]).to_parquet(path)
    return prepared, path


def source_in(root: Path) -> Listed:
    return Listed(str(root), pd.DataFrame())


def assert_same(restored: Prepared, prepared: Prepared) -> None:
    columns = list(prepared.tracks.columns)
    assert sorted(restored.tracks.columns) == sorted(columns)
    columns = [name for name in columns if name not in ("shard", "row", "mtime_ns")]
    pd.testing.assert_frame_equal(restored.tracks[columns], prepared.tracks[columns])
    assert restored.genres == prepared.genres
    np.testing.assert_array_equal(restored.targets, prepared.targets)
    np.testing.assert_array_equal(features_of(restored), features_of(prepared))


def test_restored_from_the_cache_alone(run, root, tmp_path, executors):
    prepared, path = run
    calls = executors.calls
    shutil.rmtree(root)
    (tmp_path / "caches").rename(tmp_path / "moved")
    cache = Cache(tmp_path / "moved", "music", RECIPE)
    restored = restore(path, source_in(root), cache, executors)
    assert_same(restored, Prepared(prepared.tracks, prepared.rejected, prepared.genres, cache))
    assert len(restored.rejected) == 0
    assert executors.calls == calls


def test_restored_from_the_audio_alone(run, root, tmp_path, executors):
    prepared, path = run
    root.rename(tmp_path / "moved")
    calls = executors.calls
    restored = restore(path, source_in(tmp_path / "moved"), Cache(tmp_path / "new", "music", RECIPE), executors)
    assert_same(restored, prepared)
    assert executors.calls == calls + 1


def test_restored_whatever_was_added_since(run, root, judged, cache, executors):
    prepared, path = run
    new = {"rock/new.wav": "rock", "Aaa/1.wav": "Aaa", "Aaa/2.wav": "Aaa"}
    some(root, *new)
    assert len(judged(new).tracks) == 23
    assert_same(restore(path, source_in(root), cache, executors), prepared)


def test_restored_with_the_split_of_the_run(run, root, cache, executors):
    _, path = run
    table = pd.read_parquet(path)
    table["split"] = ["test", "val"] * 10  # no rule would deal them out so
    table.to_parquet(path)
    assert restore(path, source_in(root), cache, executors).tracks["split"].tolist() == ["test", "val"] * 10


def test_neither_cache_nor_audio(run, root, tmp_path, executors):
    _, path = run
    for number in range(3):
        (root / f"rock/{number}.wav").unlink()
    cache = Cache(tmp_path / "new", "music", RECIPE)
    assert error(lambda: restore(path, source_in(root), cache, executors)) == (
        f"3 of the run's tracks are neither in {cache.folder} nor in {root}: "
        "set data_root=to where the audio lies now, or cache= to where the caches lie"
    )
    assert not cache.folder.exists()


def test_a_run_folder_without_a_table(root, tmp_path, cache, executors):
    path = tmp_path / "run" / "tracks.parquet"
    expected = f"{path} does not exist: run_dir has to be the folder of a run that was trained"
    assert error(lambda: restore(path, source_in(root), cache, executors)) == expected


CHANGES = {
    "other sound": lambda path: write_sound(path, sound(999, 1.0, RATE), RATE),
    "no sound": lambda path: path.write_text("<html>404</html>"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_another_one_by_now_is_noticed(run, root, tmp_path, executors, change):
    _, path = run
    CHANGES[change](root / "rock/0.wav")
    cache = Cache(tmp_path / "new", "music", RECIPE)
    assert error(lambda: restore(path, source_in(root), cache, executors)) == (
        "1 of the run's tracks are other files by now, rock/0.wav among them: bring the old ones back, or train again"
    )


@pytest.mark.parametrize("change", CHANGES)
def test_what_another_run_has_cached_since_does_not_take_the_place_of_a_runs_own(
    run, root, tmp_path, executors, change
):
    prepared, path = run
    before = features_of(prepared)
    CHANGES[change](root / "rock/0.wav")
    cache = Cache(tmp_path / "caches", "music", RECIPE)
    cache.update(root, ["rock/0.wav"], executors)
    assert np.array_equal(features_of(restore(path, source_in(root), cache, executors)), before)


def test_some_tracks_are_cached_and_the_others_have_audio(run, root, tmp_path, executors):
    prepared, path = run
    cache = Cache(tmp_path / "new", "music", RECIPE)
    cache.update(root, prepared.tracks["path"].tolist()[:10], executors)
    shutil.rmtree(root / "pop")
    assert_same(restore(path, source_in(root), cache, executors), prepared)
