"""Every logger gets curves, configuration, test scores and the confusion matrix, of each job of a multirun its own."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import DummyLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genre import files, pipeline
from genre.errors import GenreError
from genre.training import fit, loggers
from tests.composing import ROOT, TINY
from tests.training.conftest import Runs, break_at, learnt


@pytest.fixture
def runs(music_folder: Path, tmp_path: Path) -> Runs:
    return Runs(music_folder, tmp_path)


BOTH = "model=logreg,cnn1d_gru"
SCORES = {"test/accuracy", "test/f1_macro", "test/f1_weighted", "test/loss"}


@pytest.fixture(scope="module")
def home(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two jobs of one multirun, with all loggers at once; offline."""
    home = tmp_path_factory.mktemp("loggers")
    tiny = [text for text in TINY if not text.startswith(("model", "logger"))]
    command = [sys.executable, str(ROOT / "train.py"), "-m", BOTH, *tiny, f"data.root={music_folder}"]
    command += ["logger=[tensorboard,wandb,mlflow]", "logger.wandb.offline=true", "trainer.max_epochs=2"]
    command += ["size.hidden_dim=4", f"paths.data={home}", f"paths.runs={home}/runs", f"hydra.sweep.dir={home}/jobs"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "already in progress" not in done.stderr + done.stdout
    return home


@pytest.mark.slow
@pytest.mark.parametrize("job", [0, 1])
def test_tensorboard_holds_curves_scores_and_picture(home: Path, job: int) -> None:
    tags = EventAccumulator(str(home / f"jobs/{job}/tensorboard"))
    tags.Reload()
    assert set(tags.Tags()["scalars"]) >= {"val/loss", *SCORES}
    assert tags.Tags()["images"] == ["test/confusion"]
    if job == 1:
        assert [event.step for event in tags.Scalars("train/loss")] == sorted(
            {e.step for e in tags.Scalars("val/loss")}
        )
        assert "learning_rate" in tags.Tags()["scalars"]


@pytest.mark.slow
def test_wandb_makes_a_run_of_its_own_for_each_job(home: Path) -> None:
    made = [path for job in (0, 1) for path in (home / f"jobs/{job}/wandb").glob("offline-run-*")]
    assert len(made) == 2
    assert len({path.name for path in made}) == 2
    for path in made:
        assert next(path.glob("*.wandb")).stat().st_size > 1000
        assert len(list(path.glob("files/media/images/**/*.png"))) == 1


@pytest.mark.slow
def test_mlflow_holds_scores_configuration_and_picture(home: Path) -> None:
    store = sqlite3.connect(home / "runs/mlflow.db")
    names = [name for (name,) in store.execute("select name from runs order by start_time")]
    assert names == ["logreg", "cnn1d_gru"]
    for (run,) in store.execute("select run_uuid from runs").fetchall():
        keys = {key for (key,) in store.execute("select key from latest_metrics where run_uuid = ?", (run,))}
        assert keys >= SCORES | {"val/loss"}
        parameters = dict(store.execute("select key, value from params where run_uuid = ?", (run,)))
        assert parameters["data/batch_size"] == "4"
        assert list((home / "runs/mlflow").glob(f"**/{run}/artifacts/test/confusion.png"))


@pytest.fixture(scope="module")
def resumed(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted in its third epoch and resumed."""
    home = tmp_path_factory.mktemp("resumed")
    runs = Runs(music_folder, home)
    loggers = ["logger=[wandb,mlflow]", "logger.wandb.offline=true", f"paths.runs={home}"]
    with pytest.MonkeyPatch.context() as patch:
        break_at(patch, 2)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("run", *loggers)
    assert query(home, "select status from runs") == ["FAILED"]
    runs.train("run", *loggers)
    return home


def query(home: Path, text: str) -> list[Any]:
    return [value for (value,) in sqlite3.connect(home / "mlflow.db").execute(text)]


@pytest.mark.slow
def test_a_resumed_run_stays_one_run_in_mlflow(resumed: Path) -> None:
    assert query(resumed, "select status from runs") == ["FINISHED"]
    losses = "select value from metrics where key = 'val/loss' order by step"
    assert query(resumed, losses) == pytest.approx(learnt(resumed / "run")["val/loss"].tolist())


@pytest.mark.slow
def test_a_resumed_run_stays_one_run_in_wandb(resumed: Path) -> None:
    names = [path.name.split("-")[-1] for path in (resumed / "run/wandb").glob("offline-run-*")]
    assert len(names) == 2
    assert len(set(names)) == 1


@pytest.mark.slow
def test_a_resumed_run_that_mlflow_has_lost_says_so(runs: Runs, tmp_path: Path) -> None:
    loggers = ["logger=mlflow", f"paths.runs={tmp_path}", "model=majority"]
    runs.train("run", *loggers)
    (tmp_path / "run/scores.json").unlink()
    (run,) = query(tmp_path, "select run_uuid from runs")
    pytest.importorskip("mlflow").MlflowClient(f"sqlite:///{tmp_path}/mlflow.db").delete_run(run)
    with pytest.raises(
        GenreError, match=rf"MLflow has no run {run}: delete .*/run/\.hydra/loggers\.json to log to a new one"
    ):
        runs.train("run", *loggers)


@pytest.mark.slow
def test_a_failed_job_of_a_multirun_ends_as_failed_and_leaves_the_next_one_alone(
    music_folder: Path, tmp_path: Path
) -> None:
    command = [sys.executable, str(ROOT / "train.py"), "-m", *TINY[:-2], "trainer=cpu", f"data.root={music_folder}"]
    command += ["logger=[wandb,mlflow]", "logger.wandb.offline=true", "trainer.max_epochs=2", f"paths.data={tmp_path}"]
    command += [f"paths.runs={tmp_path}", f"hydra.sweep.dir={tmp_path}/jobs", "model.learning_rate=1e30,1e-3"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False
    )
    assert done.returncode == 1
    assert "training diverged" in done.stderr
    assert "already in progress" not in done.stderr + done.stdout
    assert query(tmp_path, "select status from runs order by start_time") == ["FAILED", "FINISHED"]


@pytest.mark.parametrize(("status", "code"), [("success", 0), ("failed", 1)])
def test_wandb_is_told_how_a_run_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, code: int) -> None:
    wandb = pytest.importorskip("wandb")
    codes = []
    monkeypatch.setattr(wandb, "run", object())
    monkeypatch.setattr(wandb, "finish", lambda exit_code: codes.append(exit_code))
    loggers._finalize(WandbLogger(save_dir=tmp_path, offline=True), status)
    assert codes == [code]


class Told(DummyLogger):
    """Notes what it is told when a run ends."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.ends: list[str] = []

    def finalize(self, status: str) -> None:
        self.ends.append(status)
        if self.error and self.ends != ["success"]:  # which is what Lightning says after training
            raise self.error


def train_told(runs: Runs, patch: pytest.MonkeyPatch, *given: str, **loggers: Told) -> None:
    patch.setattr(fit, "build_loggers", lambda specs, folder: loggers)
    runs.train("run", *given)


def test_loggers_are_told_that_a_run_succeeded(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    train_told(runs, monkeypatch, "trainer.max_epochs=1", told=told)
    assert told.ends[-1] == "success"


def test_loggers_are_told_that_a_run_diverged(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told()
    with pytest.raises(GenreError, match="training diverged"):
        train_told(runs, monkeypatch, "model.learning_rate=1e30", "trainer.max_epochs=2", told=told)
    assert told.ends[-1] == "failed"


def test_all_loggers_are_told_that_a_test_failed_also_where_one_of_them_fails_then(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, broken, last = Told(), Told(ConnectionError("no network")), Told()

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "evaluate_checkpoint", fail)
    with pytest.raises(ConnectionError, match="no network"):
        train_told(runs, monkeypatch, "model=majority", first=first, broken=broken, last=last)
    assert [told.ends for told in (first, broken, last)] == [["failed"]] * 3


def test_the_ids_of_loggers_are_kept_and_given_only_where_they_belong(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    mlflow = {"_target_": "lightning.pytorch.loggers.MLFlowLogger", "tracking_uri": f"sqlite:///{tmp_path}/db"}
    plain = {"_target_": "lightning.pytorch.loggers.CSVLogger", "save_dir": str(tmp_path)}
    write_json_in(tmp_path, {"mine": "abc", "plain": "def"})
    built = loggers.build_loggers({"mine": mlflow, "plain": plain, "other": mlflow}, tmp_path)
    assert [built[name]._run_id for name in ("mine", "other")] == ["abc", None]
    own = loggers.build_loggers({"mine": mlflow | {"run_id": "given"}}, tmp_path)
    assert own["mine"]._run_id == "given"


def write_json_in(folder: Path, ids: dict[str, str]) -> None:
    (folder / loggers.RUN_IDS).parent.mkdir()
    files.write_json(folder / loggers.RUN_IDS, ids)
