"""Every file of a run folder is complete or missing, whatever happens while it is written."""

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
from tests.conftest import Runs, have_same_weights, read_metrics, read_weights

DISK = 4 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk, different from that of TMPDIR."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(path)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a disk can only be mounted by root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def fill(folder: Path, free: int) -> Path:
    """Fill the disk up to this number of free bytes."""
    path = folder / "filler"
    path.write_bytes(bytes(shutil.disk_usage(folder).free - free))
    return path


def test_a_full_disk_ends_a_run_in_one_line_and_the_same_command_resumes_it(runs: Runs, disk: Path) -> None:
    assert Path(tempfile.gettempdir()).stat().st_dev != disk.stat().st_dev
    whole, _ = runs.train("whole")
    before = read_weights(runs.interrupt("disk/run", 2))
    filler = fill(disk, 20_000)
    size = (disk / "run" / run_folder.LAST).stat().st_size
    assert size > 20_000
    wanted = rf"\({size // 1000}\.\d kB are needed, \d+\.\d kB are free\)"
    message = rf"the disk of {disk}/run/checkpoints is full {wanted}: free some space on {disk}, or"
    with pytest.raises(GenreError, match=message):
        runs.train("disk/run")
    after = read_weights(disk / "run")
    assert all(torch.equal(before[name], value) for name, value in after.items())
    filler.unlink()
    cut, _ = runs.train("disk/run")
    assert read_metrics(cut).equals(read_metrics(whole))
    assert have_same_weights(whole, cut)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="there is no second file system")
def test_a_checkpoint_is_complete_whenever_its_process_is_killed() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        path = Path(home) / "last.ckpt"
        checkpoint = {"weights": torch.zeros(4_000_000)}
        for attempt in range(6):
            child = os.fork()
            if child == 0:
                while True:
                    checkpoints.AtomicCheckpointIO().save_checkpoint(checkpoint, path)
            while not path.exists():
                time.sleep(0.01)
            time.sleep(0.01 + 0.007 * attempt)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            assert len(torch.load(path, weights_only=True)["weights"]) == 4_000_000


FIRST = ["TRACKS", "REJECTED", "OVERRIDES", "CONFIG", "METRICS"]
NAMES = [*FIRST, "BEST", "LAST", "PREDICTIONS", "PREDICTIONS_LAST", "SCORES"]


def test_a_file_that_does_not_fit_on_the_disk_does_not_exist(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file in turn is the first that does not fit; each time the run is resumed."""
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
    assert read_metrics(folder).notna().all().all()
    assert read_metrics(folder).shape == (
        1,
        11,
    )  # epoch, step, learning rate, four scores each of training and validation
    assert all((folder / getattr(run_folder, name)).exists() for name in NAMES)


def test_a_full_disk_of_the_log_is_one_line(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = runs.home / "run"
    folder.mkdir()
    monkeypatch.setattr(run_lock, "WRITTEN", ())  # which would refuse the link
    (folder / run_folder.LOG).symlink_to("/dev/full")
    with pytest.raises(GenreError, match=rf"the disk of {folder} is full"):
        runs.train("run", "trainer.max_epochs=1")


@pytest.mark.parametrize("damage", ["cut", "garbage", "missing"])
def test_a_run_without_its_last_checkpoint_is_resumed_from_the_best_one_with_the_same_result(
    runs: Runs, damage: str
) -> None:
    early = ("model.learning_rate=3", "scheduler=none")  # so large that an early epoch is the best
    whole, _ = runs.train("whole", *early)
    last = runs.interrupt("cut", 3, *early) / run_folder.LAST
    content = last.read_bytes()
    best = read_metrics(runs.home / "cut")["val/loss"].idxmin()
    assert best < 2
    if damage == "missing":
        last.unlink()
    else:
        last.write_bytes(content[: len(content) // 2] if damage == "cut" else b"garbage")
    cut, _ = runs.train("cut", *early)
    assert read_metrics(whole).equals(read_metrics(cut))
    for which in (run_folder.LAST, run_folder.BEST):
        assert have_same_weights(whole, cut, which)
    text = (cut / run_folder.LOG).read_text()
    assert text.count("epoch 1 of at most 4") == 1  # training did not restart
    assert (f"last.ckpt is damaged: resuming from best.ckpt, after epoch {best + 1}" in text) == (damage != "missing")


@pytest.mark.parametrize("lost", [[run_folder.BEST], [run_folder.BEST, run_folder.LAST]])
def test_a_damaged_best_checkpoint_is_refused(runs: Runs, lost: list[str]) -> None:
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
