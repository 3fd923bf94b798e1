"""The best.yaml of a search sets values, and nothing else."""

from pathlib import Path

import pytest

from genre.pipeline import train_and_test
from tests.attacks.conftest import filled, refusal
from tests.composing import TINY, compose

BESTS = {
    "scheduler: {evil: {_target_: os.system, command: touch {home}/marker}}": "scheduler.evil._target_=os.system",
    "scheduler.evil: {_target_: os.system, command: touch {home}/marker}": "scheduler.evil._target_=os.system",
    "data.source._target_: genre.audio.decoding.os.system": "data.source",
    "data.source: {_target_: os.system, command: touch {home}/marker}": "data.source",
    "model.net: {_target_: os.system, command: touch {home}/marker}": "model.net._target_=os.system",
    "model.net._target_: os.system": "model.net._target_",
    "model.net.hidden_dim: {_target_: os.system, command: touch {home}/marker}": "model.net.hidden_dim._target_",
    "logger.evil._target_: os.system": "logger",
    "paths.cache: {home}/marker": "paths.cache",
    "'[paths][cache]': {home}/marker": "[paths][cache], which is not a dotted key",
    "data: {root: {home}/marker}": "sets data, which no search chooses",
    "'[trust]': [os]": "[trust], which is not a dotted key",
    "scheduler.x: {command: touch {home}/marker}\n'scheduler.x[_target_]': os.system": "scheduler.x[_target_], which",
    "callbacks.evil: {_target_: os.system, command: touch {home}/marker}": "sets callbacks.evil, which no search",
    "callbacks: {evil: {_target_: os.system, command: touch {home}/marker}}": "sets callbacks, which no search",
    "trainer: {default_root_dir: {home}/marker}": "sets trainer, which no search chooses",
    "trainer.default_root_dir: {home}/marker": "sets trainer.default_root_dir, which no search chooses",
    "trainer.plugins: [x]": "sets trainer.plugins, which no search chooses",
    "trainer.profiler: {_target_: os.system, command: touch {home}/marker}": "trainer.profiler._target_=os.system",
    "run_dir: {home}/marker": "run_dir",
    "trust: [os]": "trust",
    "label: ${oc.env:HOME}": "label",
    "label: !!python/object/apply:os.system ['touch {home}/marker']": "is damaged",
    "label: '\\x00'\n\x00": "is damaged",
}


@pytest.mark.parametrize("text", BESTS)
def test_the_best_of_a_search_sets_values(text: str, music_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "best.yaml").write_text(filled(text, tmp_path))
    folder = tmp_path / "run"
    overrides = [*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}/data", f"best={tmp_path}"]

    def train(folder: Path) -> None:
        train_and_test(compose([*overrides, f"run_dir={folder}"]), folder, overrides)

    message = refusal(folder, train)
    assert str(tmp_path / "best.yaml") in message
    assert BESTS[text] in message
    assert not folder.exists()
