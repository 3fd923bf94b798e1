"""What a run folder says about where the run comes from."""

import hashlib
import importlib.metadata
import json
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from genre import provenance, run_folder
from genre.provenance import (
    command,
    data_facts,
    data_id,
    git_commit,
    hardware,
    installed_packages,
    read_record,
    recorded,
)

TRACKS = pd.DataFrame(
    {"track_id": ["b", "a"], "audio_digest": ["22", "11"], "genre": ["Rock", "Pop"], "split": ["test", "train"]}
)


def test_a_run_is_recorded(tmp_path: Path) -> None:
    with recorded(tmp_path, ["model=cnn1d_gru", "data.exclude_genres=[Old-Time / Historic]"], TRACKS, "artist", "cpu"):
        (started,) = read_record(tmp_path)["sessions"]
        assert "seconds" not in started  # so a run that is killed has its command, too
    record = json.loads((tmp_path / "run.json").read_text())
    (session,) = record["sessions"]
    assert session["command"] == "python train.py model=cnn1d_gru 'data.exclude_genres=[Old-Time / Historic]'"
    assert session["version"] == importlib.metadata.version("genre")
    assert 0 <= session["seconds"] < 10
    assert 10 < session["peak_memory_mib"] < 100_000
    assert "cores" in session["hardware"]
    assert record["data_id"] == data_id(TRACKS)
    assert record["split"] == "artist"


def test_a_resumed_run_has_a_session_per_process(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), recorded(tmp_path, ["seed=1"], TRACKS, None, "cpu"):
        raise KeyboardInterrupt
    with recorded(tmp_path, ["seed=1", "trainer=cpu"], TRACKS, None, "cpu"):
        pass
    first, second = read_record(tmp_path)["sessions"]
    assert (first["command"], second["command"]) == ("python train.py seed=1", "python train.py seed=1 trainer=cpu")
    assert "seconds" in first


def test_a_resumed_run_keeps_the_name_of_its_split(tmp_path: Path) -> None:
    for strategy in ("artist", None):
        with recorded(tmp_path, [], TRACKS, strategy, "cpu"):
            pass
    assert read_record(tmp_path)["split"] == "artist"


def test_the_data_of_a_run_are_stated(tmp_path: Path) -> None:
    artists = {"train": ["x", "x", "y"], "val": [None], "test": ["z"]}
    tracks = pd.DataFrame([(split, name) for split, names in artists.items() for name in names])
    tracks = tracks.set_axis(["split", "artist"], axis=1).assign(track_id=list("abcde"), audio_digest="1", genre="Rock")
    tracks.to_parquet(tmp_path / run_folder.TRACKS)
    data = {"name": "mine", "splits": "auto", "split_seed": None, "fold": 1, "folds": 5}
    facts = data_facts(tmp_path, data, 7)
    assert facts == {
        "data set": f"mine, 5 tracks, id {data_id(tracks)}",
        "split": "auto, fold 1 of 5, seed 7",  # a run of an earlier version, which did not record what auto was
        "tracks": "3 training (2 artists), 1 validation, 1 test (1 artist)",
    }
    with recorded(tmp_path, [], tracks, "artist", "cpu"):
        pass
    assert data_facts(tmp_path, data | {"fold": None, "split_seed": 3}, 7)["split"] == "artist, seed 3"


def test_runs_of_earlier_versions_and_damaged_files_have_no_record(tmp_path: Path) -> None:
    assert read_record(tmp_path) == {}
    for text in ("{", "[1]"):
        (tmp_path / run_folder.RECORD).write_text(text)
        assert read_record(tmp_path) == {}


def test_the_data_id_depends_on_tracks_audio_labels_and_splits_only() -> None:
    text = b"a,11,Pop,train\nb,22,Rock,test\n"  # sorted by track
    assert data_id(TRACKS) == hashlib.sha256(text).hexdigest()[:12]
    assert data_id(TRACKS.iloc[::-1].assign(artist="x")) == data_id(TRACKS)
    for column in TRACKS:
        assert data_id(TRACKS.assign(**{column: TRACKS[column] + "x"})) != data_id(TRACKS)


def test_the_packages_of_the_environment_are_listed_with_their_versions(tmp_path: Path) -> None:
    with recorded(tmp_path, [], TRACKS, None, "cpu"):
        pass
    lines = (tmp_path / "environment.txt").read_text().splitlines()
    assert lines == installed_packages() == sorted(set(lines), key=str.casefold)
    assert f"numpy=={importlib.metadata.version('numpy')}" in lines


def test_the_commit_is_that_of_the_repository_of_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "genre/provenance.py"))
    (tmp_path / "genre").mkdir()
    (tmp_path / "genre/provenance.py").write_text("x = 1\n")

    def git(*words: str) -> str:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "an unrelated repository around the installed package")
    assert git_commit() is None
    git("add", ".")
    git("commit", "-q", "-m", "the code")
    assert git_commit() == git("rev-parse", "HEAD")
    (tmp_path / "genre/provenance.py").write_text("x = 2\n")
    assert git_commit() == git("rev-parse", "HEAD") + "-dirty"
    monkeypatch.setenv("PATH", "")
    assert git_commit() is None


def test_the_command_quotes_for_a_shell() -> None:
    assert command(["a=1", "b=[x y]"]) == "python train.py a=1 'b=[x y]'"


def test_the_hardware_names_the_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance.torch.cuda, "get_device_name", lambda: "Some GPU")
    assert hardware("cuda").endswith("; Some GPU")
    assert "Some GPU" not in hardware("cpu")
