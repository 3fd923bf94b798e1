"""Files are written whole or not at all."""

import errno
import json
from pathlib import Path

import pytest

from genre import files
from genre.errors import GenreError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    files.write_json(path, {"accuracy": 0.5})
    with pytest.raises(TypeError):
        files.write_json(path, {"fine": 1, "odd": object()})
    with pytest.raises(FileNotFoundError), files.atomic_write(path) as temporary:
        temporary.with_suffix("").rename(temporary)
    assert json.loads(path.read_text()) == {"accuracy": 0.5}
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.json"]


def test_json_stays_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "scores.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_with_what_is_needed(tmp_path: Path, number: int) -> None:
    with (
        pytest.raises(GenreError, match=rf"the disk of {tmp_path} is full \(2\.5 MB are needed, "),
        files.atomic_write(tmp_path / "a", 2_500_000),
    ):
        raise OSError(number, "no space")


def test_errors_without_a_number_are_a_full_disk_only_where_there_is_no_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError), files.explain_full_disk(tmp_path):
        raise RuntimeError("PytorchStreamWriter failed writing file")
    usage = files.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(GenreError, match=r"1\.0 kB are free"), files.explain_full_disk(tmp_path):
        raise RuntimeError("PytorchStreamWriter failed writing file")


def test_other_system_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), files.explain_full_disk(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_a_similar_name_and_the_folder_of_runs_are_meant(tmp_path, monkeypatch):
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    meant = {"mine": "runs/mine", "runs/mien": "runs/mine", "rusn": "runs", "elsewhere/mine": None, "zzz": None}
    for given, expected in meant.items():
        assert files.similar_path(Path(given)) == (Path(expected) if expected else None)
