"""What is refused before any job of a command starts, and which folders a command leaves."""

from pathlib import Path

import pytest
from hydra.types import RunMode
from omegaconf import OmegaConf

from genre import run_folder
from genre.config.errors import Jobs
from genre.config.launch import multirun_job, refuse_several_devices
from genre.errors import GenreError
from tests.composing import TINY, compose
from tests.test_scripts import script


def devices(*given: str) -> None:
    refuse_several_devices(compose(list(given)))


@pytest.mark.parametrize("given", [2, "2", "[0,1]", "'0,1'"])
def test_a_multirun_on_several_devices_is_refused(given: object) -> None:
    with pytest.raises(GenreError, match=r"trainer\.devices=.* uses several devices, which -m cannot do: add trainer"):
        devices(f"trainer.devices={given}")


def test_a_multirun_on_several_machines_is_refused() -> None:
    with pytest.raises(GenreError, match="several devices"):
        devices("trainer.num_nodes=2")


@pytest.mark.parametrize("given", [1, "1", "[1]", "'1,'"])
def test_a_multirun_on_one_device_is_not(given: object) -> None:
    devices(f"trainer.devices={given}")


def test_all_devices_are_as_many_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (0, 1):
        monkeypatch.setattr("torch.cuda.device_count", lambda count=count: count)
        devices("trainer=ddp")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    devices("trainer=cpu", "trainer.devices=auto")
    for given in (["trainer=ddp"], ["trainer=gpu", "trainer.devices=-1"]):
        with pytest.raises(GenreError, match="several devices"):
            devices(*given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["seed=1,2", "trainer.devices=2"], "error: trainer.devices=2 uses several devices, which -m cannot do"),
        (
            ["seed=1,2", "run_dir={home}/x"],
            "error: run_dir= is the folder of a single run: with -m, use hydra.sweep.dir=",
        ),
        (["hparams_search=optuna", "run_dir={home}/x"], "with -m, use search.folder="),
    ],
)
def test_a_multirun_that_cannot_work_is_refused_in_one_line_before_anything_starts(
    tmp_path: Path, given: list[str], message: str
) -> None:
    arguments = [text.format(home=tmp_path) for text in given]
    done = script("train.py", "-m", *arguments, f"paths.runs={tmp_path}/runs", f"paths.data={tmp_path}/data")
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "run_dir", ["mine", *(pytest.param(path, marks=pytest.mark.slow) for path in ("mine/a/b", "other/a/b"))]
)
def test_a_run_that_cannot_start_removes_its_own_folders_and_no_others(tmp_path: Path, run_dir: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "other").mkdir()
    done = script("train.py", "data=folder", f"data.root={tmp_path}/nowhere", f"run_dir={tmp_path}/{run_dir}")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine", "other"]


def test_the_folders_of_a_comparison_are_named_after_the_label(music_folder: Path, tmp_path: Path) -> None:
    given = [*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}", f"paths.runs={tmp_path}/runs", "data.fold=0"]
    given += ["experiment=compare_folds", "model=majority,logreg", "label=${model.name}_mine", "features.n_mels=8"]
    done = script("train.py", "-m", *given)
    assert done.returncode == 0, done.stderr
    folders = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("runs/compare_folds/folder/*/*/scores.json")
    }
    assert folders == {
        f"runs/compare_folds/folder/{name}_mine/fold-0_seed-42/scores.json" for name in ("majority", "logreg")
    }


@pytest.mark.slow
def test_jobs_that_cannot_start_leave_no_folders(tmp_path: Path) -> None:
    given = ["-m", "seed=1,2", "data=folder", f"data.root={tmp_path}/nowhere", f"paths.data={tmp_path}/data"]
    done = script("train.py", *given, f"hydra.sweep.dir={tmp_path}/jobs", "hydra.sweep.subdir=deep/${seed}")
    assert done.returncode == 1
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["multirun.yaml"]


def test_the_swept_trainer_of_a_job_is_looked_at_too(tmp_path: Path) -> None:
    given = ["-m", "trainer.devices=2,3", "data=folder", f"data.root={tmp_path}/nowhere"]
    done = script("train.py", *given, f"hydra.sweep.dir={tmp_path}/jobs")
    assert done.returncode == 1
    assert "error: 2 of 2 jobs failed" in done.stderr.splitlines()
    assert "  trainer.devices=2: trainer.devices=2 uses several devices, which -m cannot do" in done.stderr


def test_an_interrupted_command_says_how_to_resume(tmp_path: Path) -> None:
    jobs, config = Jobs(), compose([])
    job = OmegaConf.create(
        {"mode": RunMode.RUN, "runtime": {"output_dir": f"{tmp_path}/my run"}, "sweep": {"dir": "runs/x"}}
    )
    multirun_job(config, job, jobs)
    assert jobs.how_to_resume() == "rerun the same command"  # nothing is stored yet
    (tmp_path / "my run/.hydra").mkdir(parents=True)
    (tmp_path / "my run" / run_folder.CONFIG).touch()
    assert jobs.how_to_resume() == f"rerun the same command with 'run_dir={tmp_path}/my run'"
    job.mode, job.overrides = RunMode.MULTIRUN, {"task": ["seed=1"]}
    multirun_job(config, job, jobs)
    assert jobs.how_to_resume() == "rerun the same command with hydra.sweep.dir=runs/x finished=skip"
    multirun_job(compose(["hparams_search=optuna"]), job, jobs)
    assert jobs.how_to_resume() == "rerun the same command"
