"""Each reason for which a track is rejected."""

import shutil

import numpy as np
import pytest

from genre.data.tracks import COLUMNS
from tests.conftest import cut, sound, write_sound
from tests.data.prepare.conftest import RATE, details, reasons, some, stored_features


def test_each_reason_and_one_reason_per_track(root, prepared_with, cache, executors):
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
    prepared = prepared_with(genres, exclude_genres=["spoken"], min_tracks_per_genre=3)
    assert reasons(prepared.rejected) == expected
    assert prepared.rejected["track_id"].is_unique
    assert sorted(prepared.tracks["track_id"]) == sorted(f"{g}/{n}.wav" for g in ("pop", "rock") for n in range(10))
    assert list(prepared.rejected.columns) == [*COLUMNS, "reason", "detail"]
    said = details(prepared.rejected)
    assert said["rock/cut.wav"] == "decodes to 60 % of what its header declares"
    assert said["rock/short.wav"] == "0.5 s"
    assert said["rock/twin.wav"] == "same audio as rock/3.wav"
    assert said["folk/a.wav"] == said["polka/a.wav"] == "its genre has fewer than 3 tracks"
    assert all(said[name] for name, code in expected.items() if code not in ("missing_genre", "excluded_genre"))
    unheard = {"rock/gone.wav", "pop/nogenre.wav", "spoken/a.wav", "polka/a.wav"}
    assert sorted(executors.paths) == sorted((expected.keys() - unheard) | set(prepared.tracks["path"]))
    assert np.isfinite(stored_features(cache)).all()


def test_truncated_files_of_any_format_are_rejected(root, prepared_with):
    expected = {}
    for number, share in enumerate([0.3, 0.5, 0.85]):
        for suffix in ("wav", "au", "mp3", "flac"):
            name = f"rock/{number}, cut.{suffix}"
            cut(write_sound(root / name, sound(number, 1.0, RATE), RATE), share)
            expected[name] = "undecodable" if suffix == "flac" and share < 0.8 else "truncated"  # not one block
    assert reasons(prepared_with(dict.fromkeys(expected, "rock")).rejected) == expected


def test_files_truncated_beyond_the_clip_are_rejected(root, prepared_with):
    for suffix in ("wav", "ogg"):
        cut(write_sound(root / f"rock/cut.{suffix}", sound(5, 3.0, RATE), RATE), 0.7)
    rejected = prepared_with({"rock/cut.wav": "rock", "rock/cut.ogg": "rock"}).rejected
    assert reasons(rejected) == {"rock/cut.wav": "truncated", "rock/cut.ogg": "truncated"}
    assert set(details(rejected).values()) == {"the end of the file is missing: download it again"}


NO_SOUND = {"empty": b"", "RIFF": b"RIFF", "ID3": b"ID3\x03", "html": b"<html>404</html>" * 5000}


def test_files_that_are_not_audio_are_undecodable(root, prepared_with):
    (root / "rock").mkdir(parents=True)
    names = []
    for kind, content in NO_SOUND.items():
        for suffix in ("wav", "mp3", "flac", "ogg", "au"):
            names.append(f"rock/{kind}.{suffix}")
            (root / names[-1]).write_bytes(content)
    assert reasons(prepared_with(dict.fromkeys(names, "rock")).rejected) == dict.fromkeys(names, "undecodable")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_non_finite_samples(root, prepared_with, cache, value):
    samples = sound(5, 1.0, RATE, channels=2)
    samples[-1, 1] = value
    write_sound(root / "rock/bad.wav", samples, RATE, subtype="FLOAT")
    assert reasons(prepared_with({"rock/bad.wav": "rock"}).rejected) == {"rock/bad.wav": "not_finite"}
    assert len(stored_features(cache)) == 20


def test_samples_too_large_for_a_spectrum(root, prepared_with, cache):
    write_sound(root / "rock/bad.wav", sound(5, 1.0, RATE) * 1e20, RATE, subtype="FLOAT")
    assert reasons(prepared_with({"rock/bad.wav": "rock"}).rejected) == {"rock/bad.wav": "not_finite"}
    assert np.isfinite(stored_features(cache)).all()


def test_thresholds(root, prepared_with):
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
    prepared = prepared_with({f"rock/{name}.wav": "rock" for name in names})
    expected = {"rock/quiet.wav": "silent", "rock/below.wav": "short", "rock/less.wav": "truncated"}
    assert reasons(prepared.rejected) == expected


def test_of_several_reasons_the_first_one_counts(root, prepared_with):
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
    assert reasons(prepared_with(dict.fromkeys(expected, "rock")).rejected) == expected


def test_rare_genres_are_counted_again_after_unusable_files_are_rejected(root, prepared_with):
    names = [f"folk/{number}.wav" for number in range(4)]
    some(root, *names)
    cut(root / names[0], 0.5)
    shutil.copy(root / names[1], root / names[2])
    assert len(prepared_with(dict.fromkeys(names, "folk"), min_tracks_per_genre=2).tracks) == 22
    rejected = prepared_with(dict.fromkeys(names, "folk"), min_tracks_per_genre=3).rejected
    expected = ["truncated", "rare_genre", "duplicate", "rare_genre"]
    assert reasons(rejected) == dict(zip(names, expected, strict=True))


def test_missing_files_count_as_rare(root, prepared_with, executors):
    some(root, "folk/a.wav")
    rejected = prepared_with({"folk/a.wav": "folk", "folk/gone.wav": "folk"}, min_tracks_per_genre=2).rejected
    assert reasons(rejected) == {"folk/a.wav": "rare_genre", "folk/gone.wav": "missing_file"}
    assert "folk/a.wav" not in executors.paths
