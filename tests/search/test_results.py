"""The result of a search is read from its folder, and only from there; best.yaml holds the best parameters."""

from pathlib import Path

import optuna
import pytest
import yaml
from optuna.trial import TrialState, create_trial
from typer.testing import CliRunner

from genre.cli import app
from genre.errors import GenreError
from genre.search.results import load_result, open_search, write_folder, write_search_file
from tests.composing import search_settings
from tests.search.conftest import MADE_SPACE, made_search


def test_the_table_has_every_trial_with_its_state(tmp_path: Path) -> None:
    result = made_search(tmp_path, "cpfcrw")
    assert result.trials["state"].tolist() == ["complete", "pruned", "failed", "complete", "running", "waiting"]
    assert result.counts == {"complete": 2, "pruned": 1, "failed": 1, "running": 1, "waiting": 1}
    assert result.params == list(MADE_SPACE)
    assert result.trials["reason"].tolist() == ["", "no", "no", "", "", ""]
    assert result.trials["epochs"].tolist() == [20, 6, 6, 20, 6, 6]


def test_retried_trials_are_interrupted() -> None:
    study = optuna.create_study()
    for system_attrs in ({}, {"failed_trial": 0}):
        study.add_trial(create_trial(state=TrialState.FAIL, system_attrs=system_attrs))
    assert load_result(study, Path("s")).trials["state"].tolist() == ["interrupted", "failed"]


@pytest.mark.parametrize("maximize", [False, True])
def test_the_best_trial_has_the_smallest_or_largest_value(tmp_path: Path, maximize: bool) -> None:
    result = made_search(tmp_path, "pcccfcw", maximize)
    values = {trial.number: trial.value for trial in result.study.trials if trial.state == TrialState.COMPLETE}
    best = (max if maximize else min)(values, key=lambda number: values[number] or 0)
    assert result.best is not None
    assert (result.best["trial"], result.best["value"]) == (best, values[best])
    assert result.best_params == result.study.trials[best].params


def test_best_yaml_holds_the_best_parameters_and_all_schedulers(tmp_path: Path) -> None:
    result = made_search(tmp_path, "ccc")
    write_folder(result, report=False)
    assert result.best is not None
    params = result.best_params
    schedulers = {"step": {"gamma": params.pop("scheduler.step.gamma"), "step_size": 10}}
    text = (tmp_path / "best.yaml").read_text()
    assert yaml.safe_load(text) == {"model.name": "cnn1d_gru", **params, "scheduler": schedulers}
    assert text.startswith(f"# Trial {result.best['trial']} of 3: the smallest val/loss, ")
    assert not (tmp_path / "report").exists()


def test_a_search_without_a_complete_trial_has_no_best(tmp_path: Path) -> None:
    result = made_search(tmp_path, "pf")
    write_folder(result)
    assert (result.best, result.best_params) == (None, {})
    assert not (tmp_path / "best.yaml").exists()


def test_a_folder_that_was_moved_is_read_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old").mkdir()
    made_search(Path("old"), "ccc")
    write_search_file(search_settings(study="s", folder="old", storage="sqlite:///old/study.db"))
    Path("old").rename("new")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    result = open_search(tmp_path / "new")
    assert result.counts == {"complete": 3}
    assert result.command.endswith(f" best={tmp_path}/new")
    assert list(elsewhere.iterdir()) == []


def test_passwords_are_not_written(tmp_path: Path) -> None:
    write_search_file(search_settings(study="s", folder=str(tmp_path), storage="postgresql://me:secret@host/x"))
    assert yaml.safe_load((tmp_path / "search.yaml").read_text())["storage"] == "postgresql://me@host/x"


def test_the_command_writes_the_folder_again(tmp_path: Path) -> None:
    made_search(tmp_path, "ccp")
    done = CliRunner().invoke(app, ["search-report", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "2 complete, 1 pruned" in " ".join(done.output.split())
    assert (tmp_path / "report/index.html").is_file()
    assert (tmp_path / "best.yaml").is_file()


def test_a_folder_without_a_search_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"is not the folder of a search: it has no search\.yaml"):
        open_search(tmp_path)
    (tmp_path / "search.yaml").write_text("- what")
    with pytest.raises(GenreError, match="is not the folder of a search"):
        open_search(tmp_path)
    (tmp_path / "search.yaml").write_text(f"storage: sqlite:///{tmp_path}/study.db\nstudy: s\n")
    with pytest.raises(GenreError, match=r"study\.db does not exist: the search was moved, deleted or never started"):
        open_search(tmp_path)
