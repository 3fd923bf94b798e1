"""What a person types may name any code: an own package trains, is tested, and is evaluated with `trust=`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import typer
from omegaconf import DictConfig

from genre import cli, run_folder
from genre.config.errors import exit_with_one_line
from genre.config.targets import Trust
from genre.config.validate import validate
from genre.errors import GenreError
from genre.evaluation.evaluate import reevaluate_run
from genre.models.checkpoint import load_model
from genre.pipeline import train_and_test
from genre.training.components import build_components
from tests.composing import ROOT, TINY, compose, evaluation
from tests.conftest import PITCHES, sound, write_sound
from tests.test_scripts import assert_refused

NETS = """
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, bands: int, width: int, activation: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(bands, width), activation)

    def forward(self, mel):
        return self.layers(mel)


class Nested(nn.Module):
    def __init__(self, num_classes: int, n_mels: int, encoder: nn.Module, sizes: list[int]) -> None:
        super().__init__()
        self.encoder, self.sizes = encoder, sizes
        self.head = nn.Linear(sizes[0], num_classes)

    def embed(self, mel):
        return self.encoder(mel).mean(dim=1)

    def forward(self, mel):
        return self.head(self.embed(mel))


def nested(**settings):
    return Nested(**settings)


def no_network(**settings):
    return settings
"""
SOURCES = '''
from genre.data.sources.folder import Folder


class Mine(Folder):
    """Folders of genres."""
'''
CONFIGS = {
    "model/mine.yaml": """
name: mine
net:
  _target_: mylab.nets.Nested
  sizes: [8]
  encoder:
    _target_: mylab.nets.Encoder
    bands: ${features.n_mels}
    width: 8
    activation: {_target_: torch.nn.LeakyReLU, _args_: [0.2]}
""",
    "data/mine.yaml": """
name: mine
root: ???
source: {_target_: mylab.sources.Mine, root: "${data.root}"}
""",
    "data/env.yaml": """
name: mine
root: ${oc.env:MUSIC}
source: {_target_: genre.data.sources.folder.Folder, root: "${data.root}"}
""",
}


class Lab:
    """A package of a person's own outside the checkout, with a configuration of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        for name, text in {"nets.py": NETS, "sources.py": SOURCES, "__init__.py": ""}.items():
            (home / "lib/mylab").mkdir(parents=True, exist_ok=True)
            (home / "lib/mylab" / name).write_text(text)
        for name, text in CONFIGS.items():
            (home / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
            (home / "conf" / name).write_text(text)
        for number, (genre, pitch) in enumerate(PITCHES.items()):
            for clip in range(10):
                write_sound(home / f"music/{genre}/{clip}.wav", sound(100 * number + clip, pitch=pitch))
        kept = [text for text in TINY if not text.startswith(("data=", "model="))]
        self.small = [*kept, f"paths.data={home}/data", "trainer.max_epochs=1"]

    def typed(self, *more: str) -> list[str]:
        """What trains the own network on the own source, as `--config-dir` would find them."""
        return [*self.small, "model=mine", "data=mine", f"data.root={self.home}/music", *more]

    def compose(self, *typed: str) -> DictConfig:
        return compose([f"hydra.searchpath=[file://{self.home}/conf]", *typed])

    def train(self, folder: Path, *typed: str) -> None:
        folder.mkdir(exist_ok=True)
        train_and_test(self.compose(*typed, f"run_dir={folder}"), folder, list(typed))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with one run of its own network and source, trained and tested."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    sys.path.insert(0, f"{lab.home}/lib")
    lab.train(lab.home / "run", *lab.typed())
    yield lab
    sys.path.remove(f"{lab.home}/lib")


@pytest.fixture
def run(lab: Lab, tmp_path: Path) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(lab.home / "run", tmp_path / "run"))


def evaluate(run: Path, *trust: str) -> None:
    reevaluate_run(evaluation(accelerator="cpu", trust=list(trust)), run)


HINT = r"is code outside this project: add trust=\[mylab\] if you trust it"


def test_an_own_network_and_source_are_trained_tested_and_evaluated(run: Path) -> None:
    assert run_folder.is_finished(run)
    for trust in ((), ("yourlab",), ("my",)):
        with pytest.raises(GenreError, match=HINT):
            evaluate(run, *trust)
    evaluate(run, "mylab")


def test_its_checkpoint_alone_is_refused_too(run: Path) -> None:
    config = run / run_folder.CONFIG
    config.write_text(config.read_text().replace("mylab.sources.Mine", "genre.data.sources.folder.Folder"))
    with pytest.raises(GenreError, match=rf"best.ckpt: model.net._target_=mylab.nets.Nested {HINT}"):
        load_model(run / run_folder.BEST)
    assert load_model(run / run_folder.BEST, Trust(["mylab"])).net.sizes == [8]


def test_an_own_source_is_audited(run: Path) -> None:
    with pytest.raises(GenreError, match=HINT):
        cli.audit([f"run_dir={run}"])
    with suppress(typer.Exit):  # for what it found
        cli.audit([f"run_dir={run}", "trust=[mylab]"])


def test_an_own_run_is_resumed_by_its_command_or_with_trust(lab: Lab, run: Path) -> None:
    def resume(*typed: str) -> None:
        (run / run_folder.SCORES).unlink(missing_ok=True)
        lab.train(run, *typed)

    with pytest.raises(GenreError, match=HINT):
        resume()
    with pytest.raises(GenreError, match=HINT):
        resume("trust=[yourlab]")
    resume("trust=[mylab]")
    resume(*lab.typed())


def test_what_a_trusted_package_imports_is_not_trusted(run: Path) -> None:
    config = run / run_folder.CONFIG
    config.write_text(config.read_text().replace("mylab.sources.Mine", "mylab.nets.torch.load"))
    with pytest.raises(GenreError, match=r"mylab.nets.torch.load is not defined in mylab, which trust= names"):
        evaluate(run, "mylab")


def test_the_environment_is_read_only_with_trust(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC", f"{lab.home}/music")
    folder = tmp_path / "run"
    lab.train(folder, *lab.small, "model=cnn1d_gru", "data=env")
    assert "oc.env:MUSIC" in (folder / run_folder.CONFIG).read_text()  # not its value: run folders are shared
    with pytest.raises(GenreError, match=r"data.root uses \$\{oc.env:MUSIC\}.* add trust=\[oc.env\] if you trust it"):
        evaluate(folder)
    evaluate(folder, "oc.env")


WRONG = {
    "model.net.encoder.widht=3": "model.net.encoder.widht is not an argument of mylab.nets.Encoder: "
    "did you mean model.net.encoder.width?",
    "+model.net.encoder.widht=3": "model.net.encoder.widht is not an argument of mylab.nets.Encoder",
    "model.net._target_=mylab.nets.Other": "model.net._target_=mylab.nets.Other cannot be imported",
    "model.net._target_=nowhere.Other": "model.net._target_=nowhere.Other cannot be imported: No module named "
    "'nowhere': install it, or put PYTHONPATH=FOLDER before the command",
    "model.net._target_=mylab.nets": "model.net._target_=mylab.nets cannot be called: name a class or a function",
    "model.net._target_=mylab.nets.no_network": "model.net is not a torch.nn.Module",
}


@pytest.mark.parametrize("typed", WRONG)
def test_a_wrong_own_network_is_one_line(
    typed: str, lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GENRE_DEBUG", raising=False)
    with pytest.raises(SystemExit), exit_with_one_line():
        build_components(validate(lab.compose(*lab.typed(typed))))
    said = capsys.readouterr().err
    assert said.startswith(f"error: {WRONG[typed]}")
    assert said.count("\n") == 1


def test_a_function_may_make_the_network(lab: Lab, tmp_path: Path) -> None:
    lab.train(tmp_path / "run", *lab.typed("model.net._target_=mylab.nets.nested"))
    evaluate(tmp_path / "run", "mylab")


@pytest.mark.slow
def test_the_commands_themselves(lab: Lab, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": f"{lab.home}/lib:{ROOT}", "OMP_NUM_THREADS": "1"}

    def done(program: str, *given: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(ROOT / program), *given]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    trained = done("train.py", "--config-dir", f"{lab.home}/conf", *lab.typed(f"run_dir={tmp_path}/run"))
    assert trained.returncode == 0, trained.stderr
    assert_refused(
        done("evaluate.py", f"run_dir={tmp_path}/run"),
        "add trust=[mylab] if you trust it (genre predict: --trust mylab)",
    )
    evaluated = done("evaluate.py", f"run_dir={tmp_path}/run", "trust=[mylab]")
    assert evaluated.returncode == 0, evaluated.stderr
    assert (tmp_path / "run/report/index.html").exists()
