"""Ctrl-C while libraries load."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.composing import ROOT

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
