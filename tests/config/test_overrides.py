"""What a person types wrong is told in one line, which says what to type, and nothing is left behind."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from genre.config.errors import Jobs, exit_with_one_line
from genre.config.overrides import quoted, refuse_stored
from tests.composing import ROOT, TINY, compose
from tests.test_scripts import assert_refused, script

WRONG = {
    ("train.py", "model=cnn1d_gru,cnn2d"): "python train.py -m model=cnn1d_gru,cnn2d runs each of them",
    ("train.py", "data.root=/a,b"): """and 'data.root="/a,b"' one value""",
    ("evaluate.py", "runs/x"): "runs/x is not a setting: write key=value, such as run_dir=runs/x",
    ("evaluate.py", "run_dir=runs/a,runs/b"): "write 'run_dir=[runs/a,runs/b]'",
    ("evaluate.py", "trust=mylab"): "trust is a list: write 'trust=[mylab]'",
    ("train.py", "data.exclude_genres=rock"): "data.exclude_genres is a list: write 'data.exclude_genres=[rock]'",
    ("train.py", "data.root=/a=b"): """quote the value, 'data.root="/a=b"'""",
    ("train.py", "data.root=/Rock 'n' Roll"): "cannot be read: quote the value",
    ("train.py", "--experimental-rerun=config.pickle"): "write run_dir=RUN_FOLDER",
    ("train.py", "--config-dir=runs/x/.hydra"): "write run_dir=RUN_FOLDER",
}


@pytest.mark.parametrize(("program", "typed"), WRONG)
def test_what_cannot_be_read(program: str, typed: str, tmp_path: Path) -> None:
    done = script(program, typed, f"paths.runs={tmp_path}/runs" if program == "train.py" else f"out_dir={tmp_path}/x")
    assert_refused(done, WRONG[program, typed])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "root", ["/a=b", "/Rock 'n' Roll", '/12" vinyl', "/a,b", "/back\\slash", '/end\\"', "/(1)", "/{x}"]
)
def test_what_is_said_to_be_typed_works(root: str) -> None:
    (typed,) = shlex.split(quoted("data.root", root))
    assert compose([typed]).data.root == root


@pytest.mark.parametrize(
    "typed", ["hydra.searchpath=[file:///x/.hydra]", "-cp=/x/.hydra", "/x/.hydra", "x/.hydra/config"]
)
def test_a_run_folders_own_files_are_not_composed(typed: str) -> None:
    with pytest.raises(Exception, match="write run_dir=RUN_FOLDER"):
        refuse_stored(["model=cnn2d", typed])
    refuse_stored(["model=cnn2d", "hydra.searchpath=[file:///x/hydra]", "hydra.job.name=x", "run_dir=a.hydra.b"])


INTERRUPT = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == os.environ["STOP_AT"]:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
"""


LOADED = ["hydra", "omegaconf", "genre.config.schema", "torch"]
BOTH = [(program, module) for program in ("train.py", "evaluate.py") for module in LOADED]


@pytest.mark.parametrize(
    ("program", "module"), [*BOTH, ("train.py", "lightning"), ("train.py", "genre.data.cache.feature_cache")]
)
def test_an_interrupt_while_libraries_load_is_one_line(program: str, module: str, tmp_path: Path) -> None:
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").write_text(INTERRUPT)
    given = [f"paths.data={tmp_path}/data", f"paths.runs={tmp_path}/runs"] if program == "train.py" else ["run_dir=x"]
    child = subprocess.Popen(
        [sys.executable, str(ROOT / program), *given],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}/path:{ROOT}", "STOP_AT": module},
    )
    _, said = child.communicate(timeout=60)
    assert said.startswith("interrupted")
    assert len(said.splitlines()) == 1
    assert child.returncode in (130, -signal.SIGINT)
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_failed_jobs_of_a_multirun_are_listed(music_folder: Path, tmp_path: Path) -> None:
    given = [*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}", f"paths.runs={tmp_path}/runs"]
    done = script("train.py", "-m", *given, "trainer.max_epochs=1", "data.fold=0,7,8")
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[0].startswith("Error executing job with overrides")  # Hydra's words on the first
    assert lines[1:] == [
        "error: 2 of 3 jobs failed",
        "  data.fold=7: data.fold=7 is not one of the 5 folds: use 0 to 4",
        "  data.fold=8: data.fold=8 is not one of the 5 folds: use 0 to 4",
    ]


def test_a_failed_job_is_listed_whatever_it_failed_of(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = Jobs()
    with jobs.job("seed=1"):
        pass
    with pytest.raises(RuntimeError), exit_with_one_line(jobs), jobs.job("seed=2"):
        raise RuntimeError("out of memory\nand more")
    assert capsys.readouterr().err == "error: 1 of 2 jobs failed\n  seed=2: out of memory\n"


def test_a_key_that_an_own_network_does_not_take(tmp_path: Path) -> None:
    (tmp_path / "conf/model").mkdir(parents=True)
    (tmp_path / "conf/model/own.yaml").write_text(
        "name: own\nnet: {_target_: genre.models.crnn.CRNN, cnn: 1d, rnn: gru}\n"
    )
    given = [
        "--config-dir",
        str(tmp_path / "conf"),
        "model=own",
        f"paths.data={tmp_path}",
        f"paths.runs={tmp_path}/runs",
    ]
    for typed in ("model.net.hiden_dim=3", "+model.net.hiden_dim=3"):
        done = script("train.py", *given, typed)
        assert_refused(done, "did you mean hidden_dim?")
        assert "model.net.hiden_dim" in done.stderr
    assert not (tmp_path / "runs").exists()


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
