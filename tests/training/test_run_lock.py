import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from genre import run_folder
from genre.errors import GenreError
from genre.training.run_lock import LOCK, locked
from tests.composing import ROOT, compose
from tests.conftest import Runs, read_metrics

HOLD = """
import sys, time
from pathlib import Path
from genre.training.run_lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(600)
"""


@contextmanager
def another_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Lock a run folder in another process, which is killed at the end."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == "locked\n"
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_locked_folder_is_refused_and_free_when_its_process_is_killed(runs: Runs) -> None:
    folder = runs.interrupt("run", 1)
    assert not (folder / LOCK).exists()
    with another_process(folder) as child:
        before = content(folder)
        message = rf"run is being trained by another process \(pid {child.pid} on .+\): wait for it, or choose another"
        with pytest.raises(GenreError, match=message):
            runs.train("run")
        assert content(folder) == before
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    runs.train("run")
    assert read_metrics(folder)["epoch"].tolist() == [0, 1, 2, 3]
    assert not (folder / LOCK).exists()


def test_a_finished_run_is_skipped_even_if_it_is_locked(runs: Runs) -> None:
    folder, score = runs.train("run", "trainer.max_epochs=1", "finished=skip")
    with another_process(folder):
        assert runs.train("run", "trainer.max_epochs=1", "finished=skip")[1] == score


def test_the_lock_is_held_until_the_scores_are_written(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    held = []

    def show(scores: object, folder: Path) -> None:
        with pytest.raises(GenreError, match=f"pid {os.getpid()} "), locked(folder):
            held.append("nothing")
        held.append(run_folder.is_finished(folder))

    monkeypatch.setattr("genre.pipeline.print_test_scores", show)
    runs.train("run", "model=majority")
    assert held == [True]


def test_temporary_files_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    left = [tmp_path / ".metrics.csv.123.tmp", tmp_path / "checkpoints/.last.ckpt.123.tmp"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    mine = tmp_path / "notes.tmp"
    mine.touch()
    with locked(tmp_path):
        assert [path.exists() for path in left] == [False, False]
    assert mine.exists()


def test_runs_with_different_seeds_have_different_folders() -> None:
    folders = {compose([f"seed={seed}"]).run_dir.rpartition("_seed-")[2] for seed in (1, 2)}
    assert folders == {"1", "2"}


@pytest.mark.slow
def test_the_same_command_twice_at_once_trains_once(runs: Runs) -> None:
    command = [sys.executable, str(ROOT / "train.py"), *runs.common, "trainer.max_epochs=20"]
    command += ["early_stopping.patience=20", f"run_dir={runs.home}/run"]
    children = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) for _ in "ab"
    ]
    ends = [(child.communicate()[1], child.returncode) for child in children]
    (refusal, _), (said, code) = sorted(ends, key=lambda end: end[1], reverse=True)
    assert (code, said) == (0, "")
    assert len(refusal.splitlines()) == 1
    assert "is being trained by another process (pid " in refusal or "holds a finished run" in refusal
    assert read_metrics(runs.home / "run")["epoch"].tolist() == list(range(20))
