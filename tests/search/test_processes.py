"""Searches in processes of their own: killed, sharing a study, with launchers, on a real PostgreSQL server."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial
from typer.testing import CliRunner

from genre.cli import app
from genre.config.diff import training_values
from genre.search.storage import open_study
from genre.training.resume import stored_config
from tests.composing import ROOT, TINY

pytestmark = pytest.mark.slow
QUICK = ["search.heartbeat_seconds=1", "trainer.max_epochs=3", "early_stopping.patience=null"]
SERVER = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def command(music: Path, home: Path, *overrides: str) -> list[str]:
    tiny = [text for text in TINY if not text.startswith("data.batch_size=")]
    paths = [f"data.root={music}", f"paths.data={home}", f"paths.runs={home}/runs"]
    return [sys.executable, str(ROOT / "train.py"), "-m", "hparams_search=optuna", *tiny, *paths, *QUICK, *overrides]


def begin(command: list[str]) -> subprocess.Popen[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    printed, _ = process.communicate(timeout=500)
    assert process.returncode == 0, printed
    return printed


def trials(home: Path, storage: str | None = None) -> list[FrozenTrial]:
    url = storage or f"sqlite:///{home}/runs/search/cnn1d_gru-folder/study.db"
    return open_study(url, "cnn1d_gru-folder").trials


def states(found: list[FrozenTrial]) -> list[str]:
    return [trial.state.name for trial in found]


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "runs/search/cnn1d_gru-folder/trials").iterdir())


def test_kill_9_in_mid_trial_loses_nothing(music_folder: Path, tmp_path: Path) -> None:
    longer = ("search.n_trials=3", "trainer.max_epochs=20", "search.prune=false")
    process = begin(command(music_folder, tmp_path, *longer))
    database = tmp_path / "runs/search/cnn1d_gru-folder/study.db"
    until = time.monotonic() + 400
    while time.monotonic() < until and process.poll() is None:
        time.sleep(0.2)
        epochs = tmp_path / "runs/search/cnn1d_gru-folder/trials/1/metrics.csv"
        if database.exists() and epochs.exists() and len(epochs.read_text().splitlines()) > 2:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = trials(tmp_path)
    assert states(before) == ["COMPLETE", "RUNNING"]
    finish(begin(command(music_folder, tmp_path, *longer)))
    after = trials(tmp_path)
    assert sorted(states(after)) == ["COMPLETE"] * 3 + ["FAIL"]
    assert states(after)[1] == "FAIL"
    assert after[0] == before[0]
    assert after[1].user_attrs["trained"][0] >= 1  # what it took counts in the report
    repeats = [trial for trial in after if trial.system_attrs.get("failed_trial") == 1]
    assert [trial.params for trial in repeats] == [before[1].params]
    assert folders(tmp_path) == ["0", "1", "2", "3"]


def test_the_best_trained_again_has_the_same_score(music_folder: Path, tmp_path: Path) -> None:
    printed = finish(begin(command(music_folder, tmp_path, "search.n_trials=2", "model=cnn1d_lstm")))
    (line,) = [line for line in printed.splitlines() if line.startswith("train the best: ")]
    again = shlex.split(line.removeprefix("train the best: "))
    assert again[:2] == ["python", "train.py"]
    finish(begin([sys.executable, str(ROOT / "train.py"), *again[2:], f"run_dir={tmp_path}/best"]))
    study = optuna.load_study("cnn1d_lstm-folder", f"sqlite:///{tmp_path}/runs/search/cnn1d_lstm-folder/study.db")
    assert json.loads((tmp_path / "best/scores.json").read_text())["val/loss"] == study.best_value
    trial = tmp_path / f"runs/search/cnn1d_lstm-folder/trials/{study.best_trial.number}"
    ours, searched = (training_values(stored_config(folder)) for folder in (tmp_path / "best", trial))
    assert {**ours, "best": None} == searched


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_several_processes_run_trials_by_any_launcher(music_folder: Path, tmp_path: Path, launcher: str) -> None:
    given = [f"hydra/launcher={launcher}", "search.n_jobs=2", "search.n_trials=4"]
    printed = finish(begin(command(music_folder, tmp_path, *given)))
    assert states(trials(tmp_path)) == ["COMPLETE"] * 4
    assert folders(tmp_path) == list("0123")
    assert printed.count("train the best: ") == 1
    if launcher == "basic":
        assert len([line for line in printed.splitlines() if line.startswith("trial ")]) < 4


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of its own, reached through a socket in its folder; the address of an empty database."""
    if not SERVER:
        pytest.skip("PostgreSQL is not installed")
    home = tmp_path_factory.mktemp("postgres")
    own = [] if os.geteuid() else ["runuser", "-u", "postgres", "--"]  # it refuses to be run by root
    if own:
        for folder in (home, *home.parents[:3]):
            folder.chmod(0o755)
        shutil.chown(home, "postgres")
    tool = SERVER[-1].parent
    subprocess.run([*own, tool / "initdb", "-D", home / "data", "-A", "trust", "-U", "me"], check=True, cwd=home)
    options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
    control = [*own, tool / "pg_ctl", "-D", home / "data", "-w"]
    subprocess.run([*control, "-o", options, "-l", home / "log", "start"], check=True, cwd=home)
    try:
        yield f"postgresql://me@/postgres?host={home}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, cwd=home)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_processes_share_a_study(
    music_folder: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("server") if kind == "postgresql" else None
    given = ["search.n_trials=8", *([f"search.storage='{server}'"] if server else [])]
    both = [begin(command(music_folder, tmp_path, *given)) for _ in range(2)]
    printed = [finish(process) for process in both]
    found = trials(tmp_path, server)
    assert states(found) == ["COMPLETE"] * 8
    started = [{line.split(":")[0] for line in text.splitlines() if line.startswith("trial ")} for text in printed]
    assert started[0] | started[1] == {f"trial {number}" for number in range(8)}
    assert not started[0] & started[1]
    assert all(started)
    where = ["--storage", server] if server else []  # a study elsewhere is not opened on a file's word
    done = CliRunner().invoke(app, ["search-report", str(tmp_path / "runs/search/cnn1d_gru-folder"), *where])
    assert "8 complete" in done.output
    assert folders(tmp_path) == list("01234567")
