"""Leaks are found: shared names, identical audio, and re-encoded copies."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from typer.testing import CliRunner

from genre.cli import app
from genre.config.validate import validate
from genre.data.audit import MIN_CORRELATION, find_leaks
from genre.data.fingerprint import fingerprints, similarity
from genre.data.prepared import PreparedData
from genre.errors import GenreError
from genre.pipeline import train_and_test
from genre.training.components import build_components
from tests.composing import TINY, compose
from tests.conftest import write_sound


def melody(seed: int, seconds: float = 4.0) -> np.ndarray:
    """Random notes of a quarter of a second, in noise; shape (samples, 1)."""
    random = np.random.default_rng(seed)
    time = np.arange(round(0.25 * 22050)) / 22050
    notes = [np.sin(2 * np.pi * random.uniform(100, 4000) * time) for _ in range(int(4 * seconds))]
    sound = 0.4 * np.concatenate(notes) + random.normal(0, 0.01, len(time) * len(notes))
    return sound[:, None].astype(np.float32)


def melodies(root: Path, lengths: list[float], clip_seconds: float) -> PreparedData:
    """Two genres of ten melodies of these lengths in turn; low/5 is low/0 once more, quieter and as mp3."""
    for number in range(20):
        sound = melody(number, lengths[number % len(lengths)])
        write_sound(root / ("low" if number < 10 else "high") / f"{number}.wav", sound)
    (root / "low/5.wav").unlink()
    samples = 0.5 * melody(0, lengths[0])
    soundfile.write(root / "low/5.mp3", samples, 22050, format="MP3", subtype="MPEG_LAYER_III")
    tiny = [*TINY, f"data.root={root}", f"paths.data={root}/data", f"data.clip_seconds={clip_seconds}"]
    return build_components(validate(compose([*tiny, "features.n_mels=64", "data.splits=stratified"]))).datamodule.data


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    return split(melodies(tmp_path_factory.mktemp("melodies"), [4.0], 4.0), ["train"] * 20)


def copy_and_others(prepared: PreparedData) -> tuple[float, float]:
    """How alike low/0 and its copy are, and the most alike two others."""
    prints = fingerprints(prepared.cache, prepared.tracks)
    alike = similarity(prints, prints, 20)
    pair = where(prepared, "low/0.wav"), where(prepared, "low/5.mp3")
    copy = alike[pair]
    alike[pair] = alike[pair[::-1]] = 0
    np.fill_diagonal(alike, 0)
    return float(copy), float(alike.max())


def split(prepared: PreparedData, parts: list[str], **columns: list[str | None]) -> PreparedData:
    return replace(prepared, tracks=prepared.tracks.assign(split=parts, **columns))


def where(prepared: PreparedData, name: str) -> int:
    return prepared.tracks["path"].tolist().index(name)


def test_a_re_encoded_copy_is_found_across_splits_only(prepared: PreparedData) -> None:
    assert find_leaks(prepared).empty
    parts = ["train"] * 20
    parts[where(prepared, "low/5.mp3")] = "test"
    found = find_leaks(split(prepared, parts))
    assert found["kind"].tolist() == ["nearly the same audio"]
    assert found["name"].item() == "low/0.wav ~ low/5.mp3"
    assert found["parts"].item() == "train, test"


def test_fingerprints_of_other_melodies_differ(prepared: PreparedData) -> None:
    assert fingerprints(prepared.cache, prepared.tracks).shape == (20, 173, 16)  # a step per frame
    copy, others = copy_and_others(prepared)
    assert copy > 0.97
    assert others < MIN_CORRELATION - 0.2


def test_artists_albums_and_the_same_audio_are_named(prepared: PreparedData) -> None:
    parts = ["train"] * 16 + ["val"] * 2 + ["test"] * 2
    artists = ["X", *"abcdefghijklmno", "X", "p", "q", "X"]
    albums: list[str | None] = [None] * 20
    albums[1] = albums[19] = "Live"
    digests = prepared.tracks["audio_digest"].tolist()
    digests[17] = digests[18]
    made = split(prepared, parts, artist=artists, album=albums, audio_digest=digests)
    found = find_leaks(made).set_index("kind")
    ids = made.tracks["track_id"]
    assert found.loc["artist", ["name", "parts", "tracks"]].tolist() == ["X", "train, val, test", 3]
    assert found.loc["album", ["name", "parts", "tracks"]].tolist() == ["Live", "train, test", 2]
    assert found.loc["same audio", ["name", "parts", "tracks"]].tolist() == [f"{ids[17]} = {ids[18]}", "val, test", 2]


def test_the_command_exits_with_1_if_there_is_leakage(fma_folder: Path, tmp_path: Path) -> None:
    fma = ["data=fma", "data.subset=small", *TINY[1:], f"data.root={fma_folder}", f"paths.data={tmp_path}"]
    clean = CliRunner().invoke(app, ["audit", *fma, "data.splits=artist_album"])
    assert clean.exit_code == 0, clean.output
    assert "No leakage found." in clean.output
    assert "found up to a shift of 5 s" in " ".join(clean.output.split())
    leaky = CliRunner().invoke(app, ["audit", *fma, "data.splits=stratified"])
    assert leaky.exit_code == 1
    assert "Leakage found." in leaky.output
    assert "Band" in leaky.output


def test_unknown_artists_are_not_reported_as_free_of_leakage(music_folder: Path, tmp_path: Path) -> None:
    given = ["data=folder", *TINY[1:], f"data.root={music_folder}", f"paths.data={tmp_path}"]
    done = CliRunner().invoke(app, ["audit", *given])
    assert done.exit_code == 0, done.output
    assert "No leakage found among known artists and albums." in done.output
    assert done.output.count("│ unknown") == 2


def test_a_run_is_audited_by_its_own_split(fma_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    fma = ["data=fma", "data.subset=small", *TINY[1:], "data.splits=stratified", "model=majority"]
    fma += [f"data.root={fma_folder}", f"paths.data={tmp_path}", f"run_dir={run}"]
    train_and_test(compose(fma), run, fma)
    tracks = pd.read_parquet(run / "tracks.parquet")
    crossing = (tracks.groupby("artist")["split"].nunique() > 1).sum()
    assert crossing > 0
    table = tmp_path / "crossing.csv"
    done = CliRunner().invoke(app, ["audit", f"run_dir={run}", "--out", str(table)])
    assert done.exit_code == 1
    assert (pd.read_csv(table)["kind"] == "artist").sum() == crossing
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    done = CliRunner().invoke(app, ["audit", f"run_dir={run}", f"cache={tmp_path}/elsewhere"])
    assert done.exit_code == 1, done.output
    with pytest.raises(
        GenreError, match=r"data\.splits= cannot be combined with run_dir=: only data_root=, cache= and trust= can"
    ):
        CliRunner().invoke(app, ["audit", f"run_dir={run}", "data.splits=artist"], catch_exceptions=False)
    row = next(line for line in done.output.splitlines() if line.startswith("│ artist "))
    assert [cell.strip() for cell in row.split("│")][1:3] == ["artist", str(crossing)]
    with pytest.raises(GenreError, match="is not a run folder"):
        CliRunner().invoke(app, ["audit", f"run_dir={tmp_path}/nowhere"], catch_exceptions=False)


def test_padding_does_not_make_short_clips_similar(tmp_path: Path) -> None:
    copy, others = copy_and_others(melodies(tmp_path, [1.5, 2.0, 2.5], 6.0))
    assert copy > 0.95
    assert others < MIN_CORRELATION - 0.2


def test_a_clip_shorter_than_a_step_is_similar_to_nothing(prepared: PreparedData) -> None:
    prints = fingerprints(prepared.cache, prepared.tracks.assign(duration=0.0))
    assert not prints.any()
