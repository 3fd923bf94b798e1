"""The package as it is installed: a wheel in a fresh virtual environment, used from an empty folder."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.composing import CONF, ROOT, TINY

pytestmark = pytest.mark.slow
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
SMALL = [text for text in TINY if text not in ("data=folder", "recipe=study", "model=cnn1d_gru")]
SMALL += ["features.hop_length=512"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the commands of a virtual environment with the wheel; its dependencies are those of this one."""
    home = tmp_path_factory.mktemp("installed")
    source, fresh = home / "source", home / "venv"
    for name in ("genre", "conf"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    subprocess.run([*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", home, source], check=True)
    (wheel,) = home.glob("*.whl")
    shutil.rmtree(source)
    venv.create(fresh, symlinks=True)
    subprocess.run([*PIP, "--python", fresh / "bin/python", "install", "--no-deps", "--no-index", wheel], check=True)
    (packages,) = fresh.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return fresh / "bin"


def run(installed: Path, folder: Path, *words: str, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    command = [str(installed / words[0]), *words[1:]]
    given = clean | {"OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def test_the_wheel_holds_all_configuration_files(installed: Path, tmp_path: Path) -> None:
    code = "import genre; from genre.config.compose import CONF; print(CONF)"
    found = Path(run(installed, tmp_path, "python", "-c", code).strip())
    assert found.is_relative_to(installed.parent)
    files, theirs = ({path.relative_to(top) for path in top.rglob("*.yaml")} for top in (CONF, found))
    assert theirs == files != set()


def test_a_model_is_trained_evaluated_and_used_from_an_empty_folder(
    installed: Path, tmp_path: Path, music_folder: Path
) -> None:
    music = [*SMALL, "debug=fast", "data=folder", f"data.root={music_folder}"]
    run(installed, tmp_path, "genre", "train", *music, "run_dir=runs/mine")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "runs"}
    assert "F1 macro" in run(installed, tmp_path, "genre", "evaluate", "run_dir=runs/mine")
    assert (tmp_path / "runs/mine/report/index.html").exists()
    said = run(installed, tmp_path, "genre", "predict", str(music_folder / "jazz/1.wav"), "--run=runs/mine", "--json")
    assert set(json.loads(said)[0]["probabilities"]) == {"blues", "jazz", "rock"}
    run(installed, tmp_path, "genre", "train", "-m", *music, "seed=1,2", "hydra.sweep.dir=runs/both")
    assert len(list(tmp_path.glob("runs/**/scores.json"))) == 3
    said = run(installed, tmp_path, "genre", "evaluate", "run_dir=runs/mine", f"on={music_folder}")
    assert "3 tracks" in said
    assert (tmp_path / "runs/mine/on" / music_folder.name / "index.html").exists()


def test_several_processes_share_the_trials_of_a_search(installed: Path, tmp_path: Path, music_folder: Path) -> None:
    music = [*SMALL, "debug=fast", "data=folder", f"data.root={music_folder}", "model=cnn1d_gru"]
    search = ["hparams_search=optuna", "search.n_trials=2", "search.n_jobs=2"]
    said = run(installed, tmp_path, "genre", "train", "-m", *search, *music)
    assert "best" in said
    assert (tmp_path / "runs/search/cnn1d_gru-folder/best.yaml").exists()


def test_the_example_project_does_what_its_readme_says(installed: Path, tmp_path: Path, music_folder: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "examples/mylab", project, ignore=shutil.ignore_patterns("__pycache__", "data", "runs"))
    (block,) = re.findall(r"```bash\n(.*?)```", (project / "README.md").read_text(), re.DOTALL)
    commands = [words for line in block.splitlines() if (words := shlex.split(line, comments=True))]
    assert commands.pop(0) == ["export", "PYTHONPATH=."]
    assert [words[:2] for words in commands].count(["genre", "train"]) == 3
    for words in commands:
        words = [word.replace("path/to/music", str(music_folder)) for word in words]
        words = [str(music_folder / "jazz/1.wav") if word == "song.mp3" else word for word in words]
        if words[1] == "train":
            words += ["data=folder", f"data.root={music_folder}", *SMALL, "trainer.max_epochs=1", "data.min_batches=2"]
        run(installed, project, *words, PYTHONPATH=".")
    config = (project / "runs/first/.hydra/config.yaml").read_text()
    assert "mylab.nets.Dilated" in config
    assert "genre.audio.mixing.Mixup" in config
    assert "torch.optim.AdamW" in config
