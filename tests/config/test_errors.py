"""Errors end in one line."""

from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from genre.config.errors import Jobs, exit_with_one_line, one_line
from genre.config.validate import validate
from genre.errors import GenreError
from tests.composing import TINY, compose
from tests.test_scripts import script


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


def test_the_debug_switch_lets_the_traceback_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENRE_DEBUG", "1")
    with pytest.raises(GenreError), exit_with_one_line():
        validate(compose(["data.batch_size=0"]))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device", "runs/x"), "runs/x: No space left on device"),
        (OSError("the disk is gone"), "the disk is gone"),
        (GenreError("first line\nsecond line"), "first line"),
        (ValueError(), "ValueError"),
    ],
    ids=str,
)
def test_an_error_is_shortened_to_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line


def test_an_error_of_omegaconf_names_its_key() -> None:
    config = compose([])
    with pytest.raises(Exception, match="abc") as caught:
        config.data.batch_size = "abc"
    assert one_line(caught.value) == "data.batch_size=abc must be a whole number"
    with pytest.raises(Exception, match="batchsize") as caught:
        _ = OmegaConf.merge(config, {"data": {"batchsize": 3}})
    assert one_line(caught.value) == "data.batchsize is not a key of the configuration: did you mean data.batch_size?"


@pytest.mark.parametrize(
    ("typed", "said"),
    {
        "epochs": "epochs is not a key of the configuration: did you mean size.epochs or trainer.max_epochs?",
        "learning_rate": "learning_rate is not a key of the configuration: did you mean model.learning_rate?",
        "data.seeds_": "data.seeds_ is not a key of the configuration: did you mean seed?",
    }.items(),
)
def test_a_key_of_another_section_is_suggested(typed: str, said: str) -> None:
    with pytest.raises(HydraException) as caught:
        compose([f"{typed}=2"])
    assert one_line(caught.value) == said


def test_an_interrupted_program_exits_with_status_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_, exit_with_one_line():
        raise KeyboardInterrupt
    assert exit_.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"
    with pytest.raises(SystemExit), exit_with_one_line(Jobs()):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "interrupted: rerun the same command to resume\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), exit_with_one_line():
        _ = 1 / 0
