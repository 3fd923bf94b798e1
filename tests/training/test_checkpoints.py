"""Every file of a run folder is whole or missing, whatever happens while it is written."""

import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from genre import run_folder
from genre.errors import GenreError
from genre.training import checkpoints, run_lock
from tests.training.conftest import Runs, break_at, learnt, weights

DISK = 4 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own, other than the one of TMPDIR."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(path)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk can only be mounted by root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def fill(folder: Path, free: int) -> Path:
    """Leave so many bytes free."""
    path = folder / "filler"
    path.write_bytes(bytes(shutil.disk_usage(folder).free - free))
    return path


def test_a_full_disk_ends_a_run_in_one_line_and_the_same_command_resumes_it(
    runs: Runs, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Path(tempfile.gettempdir()).stat().st_dev != disk.stat().st_dev
    whole, _ = runs.train("whole")
    with monkeypatch.context() as patch:
        break_at(patch, 2)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("disk/run")
    before = weights(disk / "run")
    filler = fill(disk, 20_000)
    size = (disk / "run" / run_folder.LAST).stat().st_size
    assert size > 20_000
    wanted = rf"\({size // 1000}\.\d kB are needed, \d+\.\d kB are free\)"
    message = rf"the disk of {disk}/run/checkpoints is full {wanted}: free some space on {disk}, or"
    with pytest.raises(GenreError, match=message):
        runs.train("disk/run")
    after = weights(disk / "run")
    assert all(torch.equal(before[name], value) for name, value in after.items())
    filler.unlink()
    cut, _ = runs.train("disk/run")
    assert learnt(cut).equals(learnt(whole))
    assert all(torch.equal(weights(whole)[name], value) for name, value in weights(cut).items())


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system")
def test_a_checkpoint_is_whole_whenever_its_process_is_killed() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        path = Path(home) / "last.ckpt"
        checkpoint = {"weights": torch.zeros(4_000_000)}
        for attempt in range(6):
            child = os.fork()
            if child == 0:
                while True:
                    checkpoints.save_checkpoint(checkpoint, path)
            while not path.exists():
                time.sleep(0.01)
            time.sleep(0.01 + 0.007 * attempt)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            assert len(torch.load(path, weights_only=True)["weights"]) == 4_000_000


FIRST = ["TRACKS", "REJECTED", "OVERRIDES", "CONFIG", "METRICS"]
NAMES = [*FIRST, "BEST", "LAST", "PREDICTIONS", "PREDICTIONS_LAST", "SCORES"]


def test_a_file_that_does_not_fit_on_the_disk_is_not_there(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, each file is the first one that does not fit any more; each time the run is resumed."""
    replace = Path.replace
    for name in NAMES:
        path = runs.home / "run" / getattr(run_folder, name)

        def full(temporary: Path, target: Path, path: Path = path) -> Path:
            if target == path:
                raise OSError(errno.ENOSPC, "No space left on device")
            return replace(temporary, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full)
            with pytest.raises(GenreError, match=rf"the disk of {path.parent} is full \(.* are free\): free some"):
                runs.train("run", "trainer.max_epochs=1", "test_last=true")
        assert not path.exists()
        assert not list(runs.home.rglob("*.tmp"))
    folder, _ = runs.train("run", "trainer.max_epochs=1", "test_last=true")
    assert learnt(folder).notna().all().all()
    assert learnt(folder).shape == (1, 11)  # epoch, step, learning rate, four scores each of training and validation
    assert all((folder / getattr(run_folder, name)).exists() for name in NAMES)


def test_a_full_disk_under_the_log_is_one_line_too(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = runs.home / "run"
    folder.mkdir()
    monkeypatch.setattr(run_lock, "WRITTEN", ())  # which would refuse the link
    (folder / run_folder.LOG).symlink_to("/dev/full")
    with pytest.raises(GenreError, match=rf"the disk of {folder} is full"):
        runs.train("run", "trainer.max_epochs=1")


@pytest.mark.parametrize("damage", ["cut", "garbage", "missing"])
def test_a_run_whose_last_checkpoint_is_lost_is_resumed_from_the_best_one_with_the_same_result(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    early = ("model.learning_rate=3", "scheduler=none")  # so large that an early epoch is the best
    whole, _ = runs.train("whole", *early)
    with monkeypatch.context() as patch:
        break_at(patch, 3)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("cut", *early)
    last = runs.home / "cut" / run_folder.LAST
    content = last.read_bytes()
    best = learnt(runs.home / "cut")["val/loss"].idxmin()
    assert best < 2
    if damage == "missing":
        last.unlink()
    else:
        last.write_bytes(content[: len(content) // 2] if damage == "cut" else b"garbage")
    cut, _ = runs.train("cut", *early)
    assert learnt(whole).equals(learnt(cut))
    for which in (run_folder.LAST, run_folder.BEST):
        assert all(torch.equal(weights(whole, which)[name], value) for name, value in weights(cut, which).items())
    said = (cut / run_folder.LOG).read_text()
    assert (f"last.ckpt is damaged: resuming from best.ckpt, after epoch {best + 1}" in said) == (damage != "missing")


@pytest.mark.parametrize("lost", [[run_folder.BEST], [run_folder.BEST, run_folder.LAST]])
def test_a_run_whose_best_checkpoint_is_damaged_says_what_to_do(runs: Runs, lost: list[str]) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    (folder / run_folder.SCORES).unlink()
    for name in lost:
        (folder / name).write_bytes(b"garbage")
    message = r"best\.ckpt cannot be read: delete .*/run/checkpoints to train this run from the start"
    with pytest.raises(GenreError, match=message):
        runs.train("run", "trainer.max_epochs=1")
    shutil.rmtree(folder / "checkpoints")
    runs.train("run", "trainer.max_epochs=1")
    assert run_folder.is_finished(folder)
