"""A command line that cannot be read ends in one line that says what to type, and leaves nothing behind."""

import shlex
import sys
from pathlib import Path

import pytest

from genre.config.overrides import options_first, overrides_between, quoted, refuse_stored, varied
from tests.composing import compose
from tests.test_scripts import assert_refused, script

WRONG = {
    ("train.py", "model=cnn1d_gru,cnn2d"): "python train.py -m model=cnn1d_gru,cnn2d runs each of them",
    ("train.py", "data.root=/a,b"): """and 'data.root="/a,b"' one value""",
    ("evaluate.py", "runs/x"): "runs/x is not a setting: write key=value, such as run_dir=runs/x",
    ("evaluate.py", "run_dir=runs/a,runs/b"): "write 'run_dir=[runs/a,runs/b]'",
    ("evaluate.py", "trust=mylab"): "trust is a list: write 'trust=[mylab]'",
    ("train.py", "data.exclude_genres=rock"): "data.exclude_genres is a list: write 'data.exclude_genres=[rock]'",
    ("train.py", "data.columns=path:x"): "data.columns is a mapping: write 'data.columns={name: value}'",
    ("train.py", "=3"): "=3 has no name: write key=value",
    ("train.py", "=[a]"): "=[a] has no name: write key=value",
    ("train.py", "callbacks=[emaa]"): "callbacks=emaa is unknown: did you mean ema? available are ",
    ("train.py", "model.hiden_dim=3"): "did you mean model.net.hidden_dim or size.hidden_dim?",
    ("train.py", "data.splits=artits"): "data.splits=artits is unknown: did you mean artist? use one of auto, ",
    ("train.py", "optimizer.lr=0.1x"): "between instances of 'float' and 'str' (given lr=0.1x)",
    ("train.py", "seed=abc"): "seed=abc must be a whole number",
    ("train.py", "data.segment_seconds=long"): "data.segment_seconds=long must be a number",
    ("train.py", "data.root=/a=b"): """quote the value, 'data.root="/a=b"'""",
    ("train.py", "data.root=/Rock 'n' Roll"): "cannot be read: quote the value",
    ("train.py", "data.columns={genre:", "label}"): "was cut at a space: quote it, 'data.columns={genre: label}'",
    ("train.py", "--model", "logreg"): "--model is not an option: settings are written without dashes, model=logreg",
    ("train.py", "--quick", "--seed=3"): "--quick is not an option: settings are written without dashes, quick=...",
    ("train.py", "--exp=config.pickle"): "use run_dir=RUN_FOLDER",
    ("train.py", "name=x"): "name is not a key of the configuration: did you mean data.name or model.name or",
    ("train.py", "--seed=3"): "--seed is not an option: settings are written without dashes, seed=3",
    ("train.py", "--experimental-rerun=config.pickle"): "use run_dir=RUN_FOLDER",
    ("train.py", "--config-dir=runs/x/.hydra"): "use run_dir=RUN_FOLDER",
}


@pytest.mark.parametrize("command", WRONG)
def test_what_cannot_be_read(command: tuple[str, ...], tmp_path: Path) -> None:
    program, *typed = command
    done = script(program, *typed, f"paths.runs={tmp_path}/runs" if program == "train.py" else f"out_dir={tmp_path}/x")
    assert_refused(done, WRONG[command])
    assert list(tmp_path.iterdir()) == []


def test_choices_of_ones_own_are_suggested(tmp_path: Path) -> None:
    (tmp_path / "callbacks").mkdir()
    (tmp_path / "callbacks" / "progress.yaml").touch()
    done = script("train.py", "--config-dir", str(tmp_path), "callbacks=[progres]")
    assert_refused(done, "did you mean progress? available are ema, lr_monitor, none, progress")


@pytest.mark.parametrize(
    "root", ["/a=b", "/Rock 'n' Roll", '/12" vinyl', "/a,b", "/back\\slash", '/end\\"', "/(1)", "/{x}"]
)
def test_the_suggested_commands_work(root: str) -> None:
    (typed,) = shlex.split(quoted("data.root", root))
    assert compose([typed]).data.root == root


@pytest.mark.parametrize(
    "typed", ["hydra.searchpath=[file:///x/.hydra]", "-cp=/x/.hydra", "/x/.hydra", "x/.hydra/config"]
)
def test_a_run_folders_own_files_are_not_composed(typed: str) -> None:
    with pytest.raises(Exception, match="use run_dir=RUN_FOLDER"):
        refuse_stored(["model=cnn2d", typed])
    refuse_stored(["model=cnn2d", "hydra.searchpath=[file:///x/hydra]", "hydra.job.name=x", "run_dir=a.hydra.b"])


def test_options_may_stand_between_settings() -> None:
    given = ["a=1", "-m", "b=2", "--config-dir", "mine", "c=3", "--config-dir=x", "d=4", "--cfg", "job"]
    assert options_first(given) == [
        "-m",
        "--config-dir",
        "mine",
        "--config-dir=x",
        *("a=1", "b=2", "c=3", "d=4"),
        *given[-2:],
    ]
    done = script("train.py", "model=logreg", "--config-dir", "conf", "seed=7", "--info", "defaults")
    assert done.returncode == 0, done.stderr


def test_overrides_turn_one_configuration_into_another() -> None:
    found = {"same": 1, "number": 1, "list": ["a"], "extra": 2, "null": 0}
    wanted = {"same": 1, "number": 0.5, "list": ["b c", 2], "new": "it's", "null": None}
    typed = ["~extra", "list=['b c',2]", "+new='it\\'s'", "null=null", "number=0.5"]
    assert overrides_between(found, wanted) == typed
    assert overrides_between(wanted, wanted) == []


def test_a_job_is_named_after_what_distinguishes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "seed=1,2", "label=${model.name}_long", "logger=none"])
    assert varied([r"label=$\{model.name\}_long", "seed=2", "logger=none"]) == "seed=2"
    assert varied(["logger=none"]) == "logger=none"
