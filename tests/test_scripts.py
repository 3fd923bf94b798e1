"""train.py and evaluate.py as a user runs them."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.composing import ROOT, TINY
from tests.evaluation.conftest import GOOD, add_validation, write_seeds


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k != "GENRE_DEBUG"}
    command = [sys.executable, str(ROOT / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def assert_refused(done: subprocess.CompletedProcess[str], message: str) -> None:
    lines = done.stderr.splitlines()
    if "-m" in done.args:  # which of the jobs it was, in Hydra's words
        assert lines.pop(0).startswith("Error executing job with overrides")
        assert re.fullmatch(r"error: (\d+) of \1 jobs failed", lines.pop(0))
        assert all(line.startswith("  ") and message in line for line in lines)
        del lines[1:]
    assert done.returncode != 0
    assert message in lines[0]
    assert len(lines) == 1
    assert "Traceback" not in done.stderr + done.stdout


def one_genre(root: Path) -> None:
    (root / "Rock").mkdir(parents=True)
    noise = np.random.default_rng(0).normal(0, 0.1, 44100)
    for number in range(3):
        soundfile.write(root / "Rock" / f"{number}.wav", noise + number / 100, 22050)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["+modle=cnn2d_gru"], "did you mean model?"),
        (["model=cnn3d"], "available are cnn1d_gru"),
        (["trainer.max_epochs=abc"], "trainer.max_epochs"),
        (["data=folder", "data.root={home}/nowhere"], "is not a folder: set data.root"),
        (["data=folder", "data.root={home}/empty"], "contains no <genre>/*.mp3"),
        (
            ["data=folder", "data.root={home}/one", "executor.workers=1"],
            "has 3 tracks, all of the genre Rock, and at least 2 genres are needed",
        ),
        (["experiment=compare"], "this experiment is a multirun: add -m"),
    ],
)
def test_bad_input_ends_soon_and_leaves_nothing(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    one_genre(tmp_path / "one")
    started = time.monotonic()
    arguments = [argument.format(home=tmp_path) for argument in arguments]
    done = script("train.py", *arguments, f"paths.data={tmp_path}/data", f"paths.runs={tmp_path}/runs")
    assert_refused(done, message)
    assert time.monotonic() - started < 30
    assert not (tmp_path / "runs").exists()


def test_evaluate_refuses_what_is_no_run_folder(tmp_path: Path) -> None:
    assert_refused(script("evaluate.py", f"run_dir={tmp_path}"), "is not a run folder")
    assert_refused(script("evaluate.py"), "run_dir")


def test_validation_tracks_are_compared_beside_the_test_tracks(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    for folder in folders:
        add_validation(folder, GOOD, 60)
    (tmp_path / "report").mkdir()
    done = script("evaluate.py", f"run_dir={tmp_path}", "split=val", "ensemble=true")
    assert done.returncode == 0, done.stderr
    assert "ensemble of 2" in done.stdout
    assert f"report: {tmp_path}/report_val/index.html" in done.stdout
    assert list((tmp_path / "report").iterdir()) == []
    for setting in ("split=val", "ensemble=true"):
        assert_refused(script("evaluate.py", f"run_dir={folders[0]}", setting), "compare several runs: give more of th")


def test_help_is_instant() -> None:
    started = time.monotonic()
    done = script("train.py", "--help")
    assert done.returncode == 0
    assert "model: cnn1d_gru, cnn1d_lstm, cnn2d, cnn2d_gru, cnn2d_lstm" in done.stdout
    assert time.monotonic() - started < 5
    code = "import sys, train, evaluate, genre.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.slow
def test_killed_training_resumes_with_identical_results(music_folder: Path, tmp_path: Path) -> None:
    common = [
        *TINY,
        f"data.root={music_folder}",
        f"paths.data={tmp_path}",
        "trainer.max_epochs=40",
        "early_stopping.patience=40",
    ]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert script("train.py", *common, f"run_dir={whole}").returncode == 0
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *common, f"run_dir={cut}"], stdout=subprocess.DEVNULL
    )
    metrics = cut / "metrics.csv"
    while not metrics.exists() or len(metrics.read_text().splitlines()) < 6:
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.wait()
    done = script("train.py", f"run_dir={cut}")
    assert done.returncode == 0, done.stderr
    for name in ("metrics.csv", "scores.json"):
        ours, theirs = (without_seconds((folder / name).read_text()) for folder in (whole, cut))
        assert ours == theirs
    assert len(metrics.read_text().splitlines()) == 41


def without_seconds(text: str) -> list[str]:
    timings = ("train_seconds", "clips_per_second")
    return [",".join(line.split(",")[:-1]) for line in text.splitlines() if not any(name in line for name in timings)]


@pytest.mark.slow
def test_a_comparison_is_repeated_without_doing_anything_twice(music_folder: Path, tmp_path: Path) -> None:
    tiny = [text for text in TINY if not text.startswith("model=")]
    common = [*tiny, f"data.root={music_folder}", f"paths.data={tmp_path}", f"paths.runs={tmp_path}/runs"]
    common += ["trainer.max_epochs=2", "hydra.sweeper.params.model='majority,logreg,cnn1d_gru'"]
    command = ["-m", "experiment=compare", *common, "hydra.sweeper.params.seed='1,2'"]
    done = script("train.py", *command)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs/compare/folder"
    assert done.stdout.endswith(f"to compare these runs: python evaluate.py run_dir={folder}\n")
    finished = sorted(folder.glob("*/seed-*/scores.json"))
    assert [path.parent.relative_to(folder).as_posix() for path in finished] == [
        f"{model}/seed-{seed}" for model in ("cnn1d_gru", "logreg", "majority") for seed in (1, 2)
    ]
    finished[0].unlink()  # as if it had been stopped after training
    times = {path: path.stat().st_mtime_ns for path in finished[1:]}
    done = script("train.py", *command)
    assert done.returncode == 0, done.stderr
    assert finished[0].exists()
    assert {path: path.stat().st_mtime_ns for path in finished[1:]} == times
    done = script("evaluate.py", f"run_dir={folder}")
    assert done.returncode == 0, done.stderr
    assert "5 % level, Holm-corrected" in done.stdout
    assert (folder / "report/index.html").stat().st_size > 10_000
    done = script("train.py", *command, "model.weight_decay=0")
    assert_refused(done, "holds a finished run with model.weight_decay=")
