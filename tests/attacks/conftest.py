"""A trained run whose files an attacker changes; each attack tries to create a file named marker."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from genre import cli, run_folder
from genre.errors import GenreError
from genre.evaluation.evaluate import reevaluate_run
from genre.pipeline import train_and_test
from tests.composing import TINY, compose, evaluation


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture(scope="module")
def finished(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained and tested."""
    home = tmp_path_factory.mktemp("finished")
    folder = home / "run"
    folder.mkdir()
    overrides = [*TINY, f"data.root={music_folder}", f"paths.data={home}", "trainer.max_epochs=1", f"run_dir={folder}"]
    train_and_test(compose(overrides), folder, overrides)
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, to be tampered with, in a folder that also holds what the attacks need."""
    shutil.copytree(finished, tmp_path / "run")
    torch.save(Touch(tmp_path / "marker"), tmp_path / "evil.pt")
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub/hubconf.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\ndef net(**_): ...\n")
    (tmp_path / "command").write_text(f"touch {tmp_path / 'marker'}")
    return tmp_path / "run"


def evaluate(run: Path, **more: Any) -> None:
    reevaluate_run(evaluation(accelerator="cpu", **more), run)


def resume(run: Path, *given: str) -> None:
    (run / run_folder.SCORES).unlink()
    overrides = [f"run_dir={run}", *given]
    train_and_test(compose(overrides), run, overrides)


def audit(run: Path) -> None:
    cli.audit([f"run_dir={run}"])


def refusal(run: Path, act: Callable[[Path], None] = evaluate) -> str:
    """What the one line says; nothing was run."""
    with pytest.raises(GenreError) as caught:
        act(run)
    assert not (run.parent / "marker").exists()
    message = str(caught.value)
    assert "\n" not in message
    return message


def set_in_config(run: Path, key: str, value: Any) -> None:
    path = run / run_folder.CONFIG
    config = yaml.safe_load(path.read_text())
    *parents, last = key.split(".")
    node = config
    for name in parents:
        node = node.setdefault(name, {})
    node[last] = filled(value, run.parent)
    path.write_text(yaml.safe_dump(config))


def set_network(run: Path, net: dict[str, Any]) -> None:
    for name in (run_folder.BEST, run_folder.LAST):
        stored = torch.load(run / name, weights_only=True)
        stored["hyper_parameters"]["card"]["net"] = filled(net, run.parent)
        torch.save(stored, run / name)


def filled(value: Any, home: Path) -> Any:
    """The value with {home} in its texts."""
    if isinstance(value, dict):
        return {key: filled(some, home) for key, some in value.items()}
    if isinstance(value, list):
        return [filled(some, home) for some in value]
    return value.replace("{home}", str(home)) if isinstance(value, str) else value
