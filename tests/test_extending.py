"""docs/extending.md does what it says: its files, added to a copy of the project, train."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.composing import ROOT
from tests.conftest import PITCHES, sound, write_sound

DOC = (ROOT / "docs" / "extending.md").read_text()
FILES = dict(re.findall(r"^`((?:genre|conf)/\S+)`\n\n```\w+\n(.*?)```", DOC, re.MULTILINE | re.DOTALL))


@pytest.mark.slow
def test_a_network_a_source_and_a_logger_are_one_file_and_one_yaml_each(tmp_path: Path) -> None:
    assert len(FILES) == 6
    for name in ("genre", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("train.py", "evaluate.py"):
        shutil.copy(ROOT / name, tmp_path)
    for name, content in FILES.items():
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(content)
    for number, (genre, pitch) in enumerate(PITCHES.items()):
        for clip in range(10):
            write_sound(tmp_path / f"music/{genre} - {clip}.wav", sound(100 * number + clip, pitch=pitch))

    def run(*arguments: str) -> None:
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    chosen = ["model=attention", "model.net.heads=1", "data=names", "data.root=music", "logger=[tensorboard,jsonl]"]
    small = ["data.clip_seconds=2", "data.min_seconds=1", "trainer.max_epochs=2", "executor.workers=1"]
    run("train.py", *chosen, *small, "run_dir=run")
    lines = [json.loads(line) for line in (tmp_path / "run/scores.jsonl").read_text().splitlines()]
    assert {"val/loss", "train/loss", "test/accuracy"} <= {key for line in lines for key in line}
    assert json.loads((tmp_path / "run/scores.json").read_text())["model"] == "attention"
    run("evaluate.py", "run_dir=run")
