"""Every logger gets curves, configuration, test scores and the confusion matrix, of each job of a multirun its own."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.composing import ROOT, TINY

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
    runs = [path for job in (0, 1) for path in (home / f"jobs/{job}/wandb").glob("offline-run-*")]
    assert len(runs) == 2
    assert len({path.name for path in runs}) == 2
    for path in runs:
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
