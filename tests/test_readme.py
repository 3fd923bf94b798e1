"""The README: its commands run, its settings exist, its links resolve; every page of docs/ is listed."""

import re
import shlex
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest

from genre.config.validate import validate
from tests.composing import ROOT, compose

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
LINES = [line for block in BLOCKS for line in block.replace("\\\n", "").splitlines()]
COMMANDS = [words for line in LINES if (words := shlex.split(line, comments=True))]
MAKE = [words for words in COMMANDS if words[0] == "make"]
OTHERS = [words for words in COMMANDS if words[0] != "make"]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def test_the_readme_has_commands_of_every_kind() -> None:
    assert {words[0] for words in COMMANDS} == {"make", "python", "genre"}
    assert ["make", "run"] in MAKE


@pytest.mark.parametrize("words", OTHERS, ids=" ".join)
def test_every_override_of_the_readme_composes(words: list[str]) -> None:
    config = "evaluate" if words[1] == "evaluate.py" else "train"
    overrides = [word.partition("=")[::2] for word in words if "=" in word]
    values = {key: text.split(",") if "-m" in words else [text] for key, text in overrides}
    for key, choices in values.items():
        for value in choices:  # with the first value of the other keys
            others = [f"{other}={given[0]}" for other, given in values.items() if other != key]
            assert validate(compose([*others, f"{key}={value}"], config))


@pytest.mark.parametrize("words", MAKE, ids=" ".join)
def test_every_make_target_of_the_readme_exists(words: list[str]) -> None:
    done = subprocess.run(["make", "--dry-run", words[1]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_key_of_the_readmes_table_exists() -> None:
    config = validate(compose([]))
    keys = [key for row in re.findall(r"^\| (`.*?) \|", README, re.MULTILINE) for key in re.findall(r"`([\w.]+)`", row)]
    assert "data.splits" in keys
    prefix = ""
    for key in keys:
        if key == "recipe":  # a group that only sets keys of others
            continue
        prefix = key.rpartition(".")[0] if not key.startswith(".") else prefix
        node = config
        for name in (prefix + key if key.startswith(".") else key).split("."):
            node = node[name] if isinstance(node, dict) else getattr(node, name)


def test_each_row_of_the_results_is_a_model_of_a_command_above_the_table() -> None:
    commands = [words for words in COMMANDS if "experiment=compare_folds" in words]
    models = [word.removeprefix("model=").split(",") for words in commands for word in words if word[:6] == "model="]
    rows = re.findall(r"^\|.*\| `model=(\w+)` \|$", README, re.MULTILINE)
    assert sorted(rows) == sorted(chain.from_iterable(models))
    for model in rows:
        assert validate(compose(["data=folder", "data.root=x", f"model={model}"])).model.name == model


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_index_lists_every_page_of_the_docs() -> None:
    index = (ROOT / "docs/index.md").read_text()
    names = {path.name for path in ROOT.glob("docs/*.md")} - {"index.md"}
    assert {name for name in names if f"]({name})" in index} == names != set()


@pytest.mark.slow
def test_the_commands_of_the_readme_run(tmp_path: Path, music_folder: Path) -> None:
    """In the README's order, on small data and short, with the folders that it names."""
    small = [f"paths.data={tmp_path}/data", f"paths.runs={tmp_path}/runs", "executor.workers=1"]
    small += ["data.min_seconds=1", "features.hop_length=512"]
    brief = ["trainer.max_epochs=1", "size.hidden_dim=4", "data.clip_seconds=4", "data.segment_seconds=1.5"]
    brief += ["data.min_batches=2"]
    table = tmp_path / "tracks.csv"
    paths = sorted(music_folder.glob("*/*.wav"))
    genres = [path.parent.name for path in paths]
    pd.DataFrame({"path": paths, "genre": genres}).to_csv(table, index=False)
    made = ["python", "train.py", "model=cnn2d_gru"]  # by `make run`, which writes the synthetic data set
    for words in [made, *OTHERS]:
        if "serve" in words:  # until it is stopped: tests/inference/test_serve_browser.py
            continue
        command = [re.sub(r"\bruns/", f"{tmp_path}/runs/", word) for word in words if word != "paths.runs=runs/tuned"]
        command = [
            word.replace("on=path/to/music", f"on={{data: fma, root: {tmp_path}/data/synthetic}}") for word in command
        ]
        command = [word.replace("path/to/music", str(music_folder)) for word in command]
        command = [word.replace("path/to/fma", str(tmp_path / "data/synthetic")) for word in command]
        command = [word.replace("subset=small", "subset=large") for word in command]
        command = [word.replace("path/to/tracks.csv", str(table)) for word in command]
        command = [word.replace("song.mp3", str(music_folder / "rock" / "1.wav")) for word in command]
        command = [word.replace("mine.onnx", f"{tmp_path}/mine.onnx") for word in command]
        command[0] = sys.executable if command[0] == "python" else str(Path(sys.executable).with_name("genre"))
        command += ["search.n_trials=2"] if "hparams_search=optuna" in command else []
        if "experiment=compare_folds" in command:  # its first and its last model, two seeds
            command = [re.sub(r"^model=(\w+),.*?(\w+)$", r"model=\1,\2", word) for word in command]
            command = [word.replace("seed=1,2,3", "seed=1,2") for word in command]
        command = [word.replace("max_epochs=80", "max_epochs=2") for word in command]
        if not {"evaluate.py", "search-report", "finished=extend", "predict", "export", "info"} & set(command):
            command += (
                [*small, "data.clip_seconds=2", "data.segment_seconds=1.5"] if words[0] == "genre" else [*small, *brief]
            )
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
