"""docs/extending.md does what it says: its files, added to a copy of the project, train."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from tests.composing import ROOT, TINY
from tests.conftest import PITCHES, sound, write_sound

DOC = (ROOT / "docs" / "extending.md").read_text()
BLOCKS = dict(re.findall(r"^`((?:genre|conf|lab)/\S+)`\n\n```\w+\n(.*?)```", DOC, re.MULTILINE | re.DOTALL))
FILES = {name: text for name, text in BLOCKS.items() if not name.startswith("lab/")}
LAB = {name: text for name, text in BLOCKS.items() if name.startswith("lab/")}


def run(folder: Path, packages: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


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

    chosen = ["model=attention", "model.net.heads=1", "data=names", "data.root=music", "logger=[tensorboard,jsonl]"]
    small = ["recipe=study", "data.clip_seconds=2", "data.min_seconds=1", "trainer.max_epochs=2", "executor.workers=1"]
    run(tmp_path, tmp_path, "train.py", *chosen, *small, "run_dir=run")
    lines = [json.loads(line) for line in (tmp_path / "run/scores.jsonl").read_text().splitlines()]
    assert {"val/loss", "train/loss", "test/accuracy"} <= {key for line in lines for key in line}
    assert json.loads((tmp_path / "run/scores.json").read_text())["model"] == "attention"
    run(tmp_path, tmp_path, "evaluate.py", "run_dir=run")


def write_lab(folder: Path) -> None:
    assert len(LAB) == 10
    for name, content in LAB.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


@pytest.mark.slow
def test_features_outside_of_the_checkout_train(tmp_path: Path, music_folder: Path) -> None:
    write_lab(tmp_path)
    chosen = ["features=bands", "model=logreg", "data=folder", f"data.root={music_folder}", f"paths.data={tmp_path}"]
    short = ["data.clip_seconds=2", "data.segment_seconds=null", "data.min_seconds=1", f"run_dir={tmp_path}/run"]
    run(ROOT, tmp_path / "lab", "train.py", f"--config-dir={tmp_path}/lab/conf", *chosen, *short)
    (cache,) = (tmp_path / "cache").iterdir()
    assert np.load(cache / "shard-00000.npy", mmap_mode="r").shape[1:] == (126, 32)
    accuracy = json.loads((tmp_path / "run/scores.json").read_text())["test/accuracy"]
    assert accuracy > 0.5
    printed = run(ROOT, tmp_path / "lab", str(tmp_path / "lab/predict.py"), str(tmp_path / "run"))
    assert re.search(rf"test/accuracy\W+{accuracy}", printed)
    assert printed.count("tensor(") == 1


@pytest.mark.slow
def test_a_method_outside_of_the_checkout_trains(tmp_path: Path, music_folder: Path) -> None:
    write_lab(tmp_path)
    small = [
        *(text for text in TINY if text != "recipe=study"),
        f"data.root={music_folder}",
        f"paths.data={tmp_path}",
        "features.hop_length=512",
    ]
    small += ["data.min_batches=3", "trainer.max_epochs=2", f"run_dir={tmp_path}/run"]
    run(ROOT, tmp_path / "lab", "train.py", f"--config-dir={tmp_path}/lab/conf", *small, "recipe=mine")
    config = OmegaConf.load(tmp_path / "run/.hydra/config.yaml")
    assert config.loss._target_ == "mylab.methods.MarginLoss"
    assert list(config.callbacks) == ["ema", "stop_above"]
    epochs = pd.read_csv(tmp_path / "run/metrics.csv")
    steps = epochs["step"] + 1
    assert epochs["learning_rate"].tolist() == pytest.approx((1e-3 * (1 - steps / (steps.iloc[-1] + 1))).tolist())
