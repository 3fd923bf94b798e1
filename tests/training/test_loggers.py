"""Loggers receive curves, configuration, test scores and the confusion matrix, separately for each job."""

import csv
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import DummyLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genre import files, pipeline
from genre.errors import GenreError
from genre.training import fit, loggers
from genre.training.loggers import EpochCSVLogger
from tests.composing import ROOT, TINY
from tests.conftest import Runs, read_metrics
from tests.test_scripts import assert_refused, script

BOTH = "model=logreg,cnn1d_gru"
SCORES = {"test/accuracy", "test/f1_macro", "test/f1_weighted", "test/loss"}


@pytest.fixture(scope="module")
def home(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two jobs of a multirun with all loggers, offline."""
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
def test_tensorboard_has_curves_scores_and_figure(home: Path, job: int) -> None:
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
def test_wandb_has_one_run_per_job(home: Path) -> None:
    made = [path for job in (0, 1) for path in (home / f"jobs/{job}/wandb").glob("offline-run-*")]
    assert len(made) == 2
    assert len({path.name for path in made}) == 2
    for path in made:
        assert next(path.glob("*.wandb")).stat().st_size > 1000
        assert len(list(path.glob("files/media/images/**/*.png"))) == 1


@pytest.mark.slow
def test_mlflow_has_scores_configuration_and_figure(home: Path) -> None:
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
    runs.interrupt("run", 2, *loggers)
    assert query(home, "select status from runs") == ["FAILED"]
    runs.train("run", *loggers)
    return home


def query(home: Path, text: str) -> list[Any]:
    return [value for (value,) in sqlite3.connect(home / "mlflow.db").execute(text)]


@pytest.mark.slow
def test_a_resumed_run_stays_one_run_in_mlflow(resumed: Path) -> None:
    assert query(resumed, "select status from runs") == ["FINISHED"]
    losses = "select value from metrics where key = 'val/loss' order by step"
    assert query(resumed, losses) == pytest.approx(read_metrics(resumed / "run")["val/loss"].tolist())


@pytest.mark.slow
def test_a_resumed_run_stays_one_run_in_wandb(resumed: Path) -> None:
    names = [path.name.split("-")[-1] for path in (resumed / "run/wandb").glob("offline-run-*")]
    assert len(names) == 2
    assert len(set(names)) == 1


@pytest.mark.slow
def test_a_resumed_run_that_mlflow_has_deleted_is_refused(runs: Runs, tmp_path: Path) -> None:
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
def test_a_failed_job_of_a_multirun_does_not_affect_the_next_one(music_folder: Path, tmp_path: Path) -> None:
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
def test_wandb_receives_the_status_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    wandb = pytest.importorskip("wandb")
    codes = []
    monkeypatch.setattr(wandb, "run", object())
    monkeypatch.setattr(wandb, "finish", lambda exit_code: codes.append(exit_code))
    loggers._finalize(WandbLogger(save_dir=tmp_path, offline=True), status)
    assert codes == [code]


class Recorder(DummyLogger):
    """Records the status in which a run ends."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.error = error
        self.statuses: list[str] = []

    def finalize(self, status: str) -> None:
        self.statuses.append(status)
        if self.error and self.statuses != ["success"]:  # as Lightning calls it after training
            raise self.error


def train_with(runs: Runs, patch: pytest.MonkeyPatch, *given: str, **loggers: Recorder) -> None:
    patch.setattr(fit, "build_loggers", lambda specs, folder: loggers)
    runs.train("run", *given)


def test_loggers_are_finalized_when_a_run_succeeds(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    train_with(runs, monkeypatch, "trainer.max_epochs=1", recorder=recorder)
    assert recorder.statuses[-1] == "success"


def test_loggers_are_finalized_when_a_run_diverges(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    with pytest.raises(GenreError, match="training diverged"):
        train_with(runs, monkeypatch, "model.learning_rate=1e30", "trainer.max_epochs=2", recorder=recorder)
    assert recorder.statuses[-1] == "failed"


def test_all_loggers_are_finalized_when_the_test_fails_even_if_one_of_them_fails(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, broken, last = Recorder(), Recorder(ConnectionError("no network")), Recorder()

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "evaluate_checkpoint", fail)
    with pytest.raises(ConnectionError, match="no network"):
        train_with(runs, monkeypatch, "model=majority", first=first, broken=broken, last=last)
    assert [recorder.statuses for recorder in (first, broken, last)] == [["failed"]] * 3


def test_run_ids_are_given_to_the_loggers_that_continue_a_run(tmp_path: Path) -> None:
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


def log(logger: EpochCSVLogger, epochs, values=lambda epoch: 1 / (epoch + 3)) -> None:
    """Log as Lightning does: validation first, then training, several calls per epoch."""
    for epoch in epochs:
        step = 10 * epoch + 9
        logger.log_metrics({"val/loss": values(epoch), "val/f1_macro": 0.5, "epoch": epoch}, step)
        logger.log_metrics({"train/loss": 2 * values(epoch), "learning_rate": 1e-3, "epoch": epoch}, step)


def test_csv_has_one_row_per_epoch(tmp_path):
    path = tmp_path / "metrics.csv"
    log(EpochCSVLogger(path), range(3))
    assert path.read_text().splitlines()[0] == "epoch,step,val/loss,val/f1_macro,train/loss,learning_rate"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [row["step"] for row in rows] == ["9", "19", "29"]
    assert [float(row["val/loss"]) for row in rows] == [1 / 3, 1 / 4, 1 / 5]  # to the last bit
    assert [float(row["train/loss"]) for row in rows] == [2 / 3, 2 / 4, 2 / 5]
    assert {row["learning_rate"] for row in rows} == {"0.001"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.csv"]


def test_csv_is_written_at_each_call(tmp_path):
    path = tmp_path / "metrics.csv"
    logger = EpochCSVLogger(path)
    logger.log_metrics({"val/loss": 1.0, "epoch": 0}, 4)
    assert path.read_text() == "epoch,step,val/loss\n0,4,1.0\n"
    logger.log_metrics({"train/loss": 2.0, "epoch": 0}, 4)
    assert path.read_text() == "epoch,step,val/loss,train/loss\n0,4,1.0,2.0\n"
    logger.log_metrics({"val/loss": 3.0, "epoch": 1}, 9)
    assert path.read_text() == "epoch,step,val/loss,train/loss\n0,4,1.0,2.0\n1,9,3.0,\n"


def test_csv_keeps_the_later_value(tmp_path):
    logger = EpochCSVLogger(tmp_path / "metrics.csv")
    logger.log_metrics({"val/loss": 1.0, "epoch": 0}, 4)
    logger.log_metrics({"val/loss": 2.0, "epoch": 0}, 4)
    assert pd.read_csv(logger.path)["val/loss"].tolist() == [2.0]


@pytest.mark.parametrize("metrics", [{}, {"hp_metric": -1.0}])
def test_csv_ignores_values_without_an_epoch(tmp_path, metrics):
    logger = EpochCSVLogger(tmp_path / "metrics.csv")
    logger.log_metrics(metrics, 3)
    logger.log_hyperparams({"lr": 1})
    assert not logger.path.exists()


def test_csv_of_a_resumed_run_equals_that_of_an_uninterrupted_one(tmp_path):
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    numbers = np.random.default_rng(0).random(60)
    log(EpochCSVLogger(whole), range(60), values=lambda epoch: numbers[epoch])
    log(EpochCSVLogger(broken), range(51), values=lambda epoch: numbers[epoch])
    # Interrupted after the checkpoint of epoch 49: epoch 50 is repeated
    resumed = EpochCSVLogger(broken, start_epoch=50)
    assert list(resumed.rows) == list(range(50))
    log(resumed, range(50, 60), values=lambda epoch: numbers[epoch])
    assert broken.read_bytes() == whole.read_bytes()


def test_csv_drops_rows_from_the_start_epoch_on(tmp_path):
    path = tmp_path / "metrics.csv"
    log(EpochCSVLogger(path), range(5))
    log(EpochCSVLogger(path, start_epoch=2), [2], values=lambda epoch: 0.75)
    table = pd.read_csv(path)
    assert table["epoch"].tolist() == [0, 1, 2]
    assert table["val/loss"].tolist()[2] == 0.75


def test_csv_of_a_new_run_is_new(tmp_path):
    path = tmp_path / "metrics.csv"
    log(EpochCSVLogger(path), range(5))
    log(EpochCSVLogger(path), [0])
    assert pd.read_csv(path)["epoch"].tolist() == [0]


def test_csv_can_be_missing_when_a_run_is_resumed(tmp_path):
    path = tmp_path / "metrics.csv"
    log(EpochCSVLogger(path, start_epoch=2), [2])
    assert pd.read_csv(path)["epoch"].tolist() == [2]


def test_csv_name_and_version(tmp_path):
    logger = EpochCSVLogger(tmp_path / "metrics.csv")
    assert logger.name == "metrics"
    assert logger.version == ""


def test_a_damaged_csv_is_refused(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("train/loss\n1.0\n")
    with pytest.raises(GenreError, match=r"metrics.csv is damaged: delete it to resume without earlier scores"):
        EpochCSVLogger(path, start_epoch=2)


@pytest.mark.slow
def test_weights_and_biases_without_an_account(
    music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("WANDB_API_KEY", "WANDB_MODE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    given = [text for text in TINY if not text.startswith("logger=")]
    given += [f"data.root={music_folder}", f"paths.data={tmp_path}/data", f"paths.runs={tmp_path}/runs"]
    done = script("train.py", *given, "logger=wandb")
    assert_refused(done, "logger=wandb needs an account: run `wandb login`, or add logger.wandb.offline=true")
    assert not (tmp_path / "runs").exists()
