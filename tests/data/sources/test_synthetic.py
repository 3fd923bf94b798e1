"""The stand-in for FMA: what lies where, what is broken in which way, and that a seed decides it all."""

import csv
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from genre.audio.decoding import AudioError, load_clip
from genre.data.sources import synthetic
from genre.data.sources.synthetic import Synthetic
from genre.errors import GenreError
from genre.synthetic.artist import Artist
from genre.synthetic.catalogue import FAULTS, MIN_ARTISTS, catalogue
from genre.synthetic.composer import render
from genre.synthetic.genres import GENRES

COUNT, SECONDS = 56, 1.0


def small(root: Path, seed: int = 1) -> Synthetic:
    return Synthetic(str(root), seed=seed, count=COUNT, seconds=SECONDS)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    root = tmp_path_factory.mktemp("synthetic") / "data"
    small(root).write()
    return root


def entries(seed: int = 1) -> list:
    return catalogue(seed, COUNT, SECONDS)


def faulty(fault: str, root: Path) -> Path:
    return next(entry.path(root) for entry in entries() if entry.fault == fault)


def test_the_default_collection_is_unbalanced_and_by_many_artists() -> None:
    whole = pd.DataFrame([vars(entry) for entry in catalogue(42, 300, 10.0) if not entry.fault])
    share = whole["genre"].value_counts(normalize=True)
    assert len(share) >= 8
    assert 0.2 < share.max() < 0.25
    assert 0.03 < share.min() < 0.08
    assert whole.groupby("genre")["artist"].nunique().min() >= MIN_ARTISTS
    assert whole["artist"].nunique() > 60
    assert (whole.groupby("artist")["genre"].nunique() == 1).all()
    assert set(whole["rate"]) == {22050, 44100, 48000}
    assert set(whole["channels"]) == {1, 2}


@pytest.mark.parametrize("seed", [42, *range(30)])
def test_the_official_split_keeps_artists_together_and_has_each_genre_in_each_part(seed: int) -> None:
    whole = pd.DataFrame([vars(entry) for entry in catalogue(seed, 300, 10.0) if not entry.fault])
    assert (whole.groupby("artist")["split"].nunique() == 1).all()
    assert (whole.groupby("genre")["split"].nunique() == 3).all()
    assert 0.65 < (whole["split"] == "training").mean() < 0.85


def test_it_lies_as_fma_does(root: Path) -> None:
    with (root / "fma_metadata/tracks.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:2] == ["", "album"]
    assert ("track", "genre_top") in list(zip(rows[0], rows[1], strict=True))
    assert rows[2] == ["track_id", *[""] * (len(rows[0]) - 1)]
    assert len(rows) - 3 == len(entries())
    assert "not music of anybody" in (root / "README.txt").read_text()
    tracks = small(root).tracks()
    assert tracks["path"].str.fullmatch(r"fma_large/\d{3}/\d{6}\.mp3").all()
    assert set(tracks["genre"].dropna()) == set(GENRES)
    there = tracks["path"].map(lambda path: (root / path).is_file())
    assert (~there).sum() == 1


def test_every_good_file_is_mp3_of_its_length(root: Path) -> None:
    for entry in entries():
        if entry.fault in ("", "duplicate", "unlabelled"):
            info = soundfile.info(entry.path(root))
            assert (info.format, info.samplerate, info.channels) == ("MP3", entry.rate, entry.channels)
            assert info.duration == pytest.approx(SECONDS, abs=0.06)
            clip = load_clip(entry.path(root), 22050, SECONDS)
            assert clip.active_fraction > 0.1
            assert clip.decoded_fraction > 0.9


def test_each_fault_is_what_it_says(root: Path) -> None:
    assert {entry.fault for entry in entries()} == {"", *FAULTS}
    assert entries()[-1].number == max(entry.number for entry in entries())
    assert load_clip(faulty("truncated", root), 22050, SECONDS).decoded_fraction < 0.9
    assert load_clip(faulty("silent", root), 22050, SECONDS).active_fraction == 0
    assert load_clip(faulty("short", root), 22050, SECONDS).duration < 0.5
    assert faulty("empty", root).stat().st_size == 0
    for fault in ("empty", "text"):
        with pytest.raises(AudioError):
            load_clip(faulty(fault, root), 22050, SECONDS)
    assert not faulty("missing", root).exists()
    contents = [entry.path(root).read_bytes() for entry in entries() if not entry.fault]
    assert len(set(contents)) == len(contents)
    assert faulty("duplicate", root).read_bytes() in contents
    assert faulty("unlabelled", root).read_bytes() not in contents
    number = next(str(entry.number) for entry in entries() if entry.fault == "unlabelled")
    tracks = small(root).tracks().set_index("track_id")
    assert tracks["genre"].isna()[number]


def test_a_seed_decides_every_sample() -> None:
    artist = Artist.draw(5, 3, "Jazz")
    first = render(artist, 0, 1.0, 22050)
    assert first.shape == (22050,)
    assert np.array_equal(first, render(Artist.draw(5, 3, "Jazz"), 0, 1.0, 22050))
    assert not np.array_equal(first, render(artist, 1, 1.0, 22050))
    assert not np.array_equal(first, render(Artist.draw(6, 3, "Jazz"), 0, 1.0, 22050))
    assert np.abs(first).max() <= 1
    assert entries(1) == entries(1) != entries(2)


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_sounds(genre: str) -> None:
    samples = render(Artist.draw(0, 1, genre), 0, 3.0, 22050)
    assert np.isfinite(samples).all()
    blocks = samples[: len(samples) // 1102 * 1102].reshape(-1, 1102)
    assert (np.sqrt((blocks**2).mean(axis=1)) > 1e-3).mean() > 0.5


def test_artists_have_a_sound_of_their_own() -> None:
    """The mean spectra of two tracks of one artist are closer than those of two artists of a genre."""

    def spectrum(artist: int, take: int) -> np.ndarray:
        samples = render(Artist.draw(0, artist, "Rock"), take, 4.0, 22050)
        power = np.abs(np.fft.rfft(samples[: 22050 * 4].reshape(-1, 2205), axis=1)) ** 2
        return np.log10(power.mean(axis=0)[1:] + 1e-9)

    spectra = [[spectrum(artist, take) for take in range(2)] for artist in range(8)]
    within = np.mean([np.abs(a - b).mean() for a, b in spectra])
    across = np.mean([np.abs(spectra[i][0] - spectra[j][1]).mean() for i in range(8) for j in range(8) if i != j])
    assert across > 1.3 * within


def test_a_second_call_writes_nothing_and_another_seed_writes_anew(tmp_path: Path) -> None:
    root = tmp_path / "data"
    small(root).tracks()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    small(root).tracks()
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    small(root, seed=2).tracks()
    assert json.loads((root / "synthetic.json").read_text())["seed"] == 2
    assert {path.name for path in root.rglob("*.mp3")} != {path.name for path in before if path.suffix == ".mp3"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.lock"]


def test_an_unfinished_collection_is_not_taken_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "data"
    with monkeypatch.context() as patch:
        patch.setattr(synthetic, "README", None)  # written last
        with pytest.raises(TypeError):
            small(root).write()
    assert not root.exists()
    assert len(small(root).tracks()) == len(entries())


def test_a_collection_killed_while_it_was_replaced_is_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    small(root).write()
    remove = shutil.rmtree

    def killed(path: Path, **options: Any) -> None:
        if (path / "synthetic.json").exists():
            remove(path / "fma_large")
            raise KeyboardInterrupt
        remove(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            small(root, seed=2).write()
    tracks = small(root).tracks()
    assert tracks["path"].map(lambda path: (root / path).is_file()).sum() == len(entries()) - 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.lock"]


def test_a_whole_collection_is_read_without_a_lock(tmp_path: Path) -> None:
    root = tmp_path / "data"
    small(root).write()
    (tmp_path / "data.lock").unlink(missing_ok=True)
    small(root).tracks()
    assert not (tmp_path / "data.lock").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.tex").write_text("do not delete")
    with pytest.raises(GenreError, match="holds something else than synthetic data"):
        small(tmp_path / "data").tracks()
    assert (tmp_path / "data/thesis.tex").read_text() == "do not delete"


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        with pytest.raises(GenreError) as error:
            small(disk / "data").write()
        assert str(error.value).startswith(f"the disk of {disk} is full (700.0 kB are needed, ")
        assert str(error.value).endswith(f"free some space on {disk}, or choose another folder")
        assert [path.name for path in disk.iterdir()] == ["data.lock"]
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
