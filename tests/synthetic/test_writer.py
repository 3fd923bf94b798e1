"""The files of the synthetic data set: layout, faults, and what happens when writing is interrupted."""

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from genre.audio.decoding import AudioError, load_clip
from genre.errors import GenreError
from genre.synthetic import writer
from tests.synthetic.conftest import SECONDS, small_catalogue, write_small


def modification_times(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in root.rglob("*")}


def test_the_layout_is_that_of_fma(dataset: Path) -> None:
    with (dataset / "fma_metadata/tracks.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:2] == ["", "album"]
    assert ("track", "genre_top") in list(zip(rows[0], rows[1], strict=True))
    assert rows[2] == ["track_id", *[""] * (len(rows[0]) - 1)]
    assert [int(row[0]) for row in rows[3:]] == [entry.number for entry in small_catalogue()]
    assert "synthetic data set" in (dataset / "README.txt").read_text()
    written = {path.relative_to(dataset).as_posix() for path in dataset.rglob("*.mp3")}
    numbers = [entry.number for entry in small_catalogue() if entry.fault != "missing"]
    assert written == {f"fma_large/{number // 1000:03d}/{number:06d}.mp3" for number in numbers}


def test_an_intact_file_is_mp3_of_its_duration(dataset: Path) -> None:
    for entry in small_catalogue():
        if entry.fault in ("", "duplicate", "unlabeled"):
            info = soundfile.info(entry.path(dataset))
            assert (info.format, info.samplerate, info.channels) == ("MP3", entry.rate, entry.channels)
            assert info.duration == pytest.approx(SECONDS, abs=0.06)
            clip = load_clip(entry.path(dataset), 22050, SECONDS)
            assert clip.active_fraction > 0.1
            assert clip.decoded_fraction > 0.9


def test_each_fault_is_in_its_file(dataset: Path, faulty: Callable[[str], Path]) -> None:
    assert load_clip(faulty("truncated"), 22050, SECONDS).decoded_fraction < 0.9
    assert load_clip(faulty("silent"), 22050, SECONDS).active_fraction == 0
    assert load_clip(faulty("short"), 22050, SECONDS).duration < 0.5
    assert faulty("empty").stat().st_size == 0
    for fault in ("empty", "text"):
        with pytest.raises(AudioError):
            load_clip(faulty(fault), 22050, SECONDS)
    assert not faulty("missing").exists()
    contents = [entry.path(dataset).read_bytes() for entry in small_catalogue() if not entry.fault]
    assert len(set(contents)) == len(contents)
    assert faulty("duplicate").read_bytes() in contents
    assert faulty("unlabeled").read_bytes() not in contents


def test_a_second_call_writes_nothing_and_another_seed_replaces_the_data_set(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_small(root)
    before = modification_times(root)
    write_small(root)
    assert modification_times(root) == before
    write_small(root, seed=2)
    assert json.loads((root / "synthetic.json").read_text())["seed"] == 2
    assert {path.name for path in root.rglob("*.mp3")} != {path.name for path in before if path.suffix == ".mp3"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.lock"]


def test_a_data_set_of_another_version_of_the_generator_is_replaced(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_small(root)
    settings = json.loads((root / "synthetic.json").read_text())
    (root / "synthetic.json").write_text(json.dumps(settings | {"rules": settings["rules"] - 1}, indent=1) + "\n")
    (root / "fma_large/old.mp3").write_bytes(b"of the former generator")
    write_small(root)
    assert json.loads((root / "synthetic.json").read_text()) == settings
    assert not (root / "fma_large/old.mp3").exists()


def test_an_unfinished_data_set_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "data"
    with monkeypatch.context() as patch:
        patch.setattr(writer, "README", None)  # written last
        with pytest.raises(TypeError):
            write_small(root)
    assert list(tmp_path.iterdir()) == [tmp_path / "data.lock"]
    write_small(root)
    assert (root / "README.txt").is_file()


def test_a_data_set_whose_replacement_was_killed_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "data"
    write_small(root)
    remove = shutil.rmtree

    def killed(path: Path, **options: Any) -> None:
        if (path / "synthetic.json").exists():
            remove(path / "fma_large")
            raise KeyboardInterrupt
        remove(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            write_small(root, seed=2)
    write_small(root)
    assert sum(entry.path(root).is_file() for entry in small_catalogue()) == len(small_catalogue()) - 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "data.lock"]


def test_a_complete_data_set_needs_no_lock(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_small(root)
    (tmp_path / "data.lock").unlink(missing_ok=True)
    write_small(root)
    assert not (tmp_path / "data.lock").exists()


def test_other_folders_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.tex").write_text("do not delete")
    message = f"{tmp_path / 'data'} exists and is not a synthetic data set: for your own music add data=folder"
    with pytest.raises(GenreError, match=message):
        write_small(tmp_path / "data")
    assert (tmp_path / "data/thesis.tex").read_text() == "do not delete"
    assert [path.name for path in tmp_path.iterdir()] == ["data"]  # no lock


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "small"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        with pytest.raises(GenreError) as error:
            write_small(disk / "data")
        assert "700.0 kB" in str(error.value)
        assert str(error.value).startswith(f"the disk of {disk} is full")
        assert [path.name for path in disk.iterdir()] == ["data.lock"]
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
