"""A search's table, best settings and page, from studies that are made up, whole or barely begun."""

from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from typer.testing import CliRunner

from genre.cli import app
from genre.errors import GenreError
from genre.search import outcome, report
from genre.search.notes import COMMAND, CONFIG
from genre.search.outcome import Outcome, open_folder, read

SPACE = {
    "model.learning_rate": [1e-4, 1e-3],
    "data.batch_size": [16, 32, 64],
    "scheduler.step.gamma": [0.5, 0.7],
    "model.net.dropout": [0.2, 0.3],
}


def made(home: Path, states: str, maximize: bool = False) -> Outcome:
    """A study of as many trials as `states` has letters: c(omplete), p(runed), f(ailed), r(unning), w(aiting)."""
    url = f"sqlite:///{home}/study.db"
    study = optuna.create_study(url, study_name="s", direction="maximize" if maximize else "minimize")
    config = {"monitor.metric": "val/loss", "model.name": "cnn1d_gru", "scheduler.step.gamma": 0.9}
    study.set_user_attr(CONFIG, {**config, "scheduler.step.step_size": 10})
    study.set_user_attr(COMMAND, "python train.py model=cnn1d_gru best=here")
    random = np.random.default_rng(0)
    kinds = {"c": "COMPLETE", "p": "PRUNED", "f": "FAIL", "r": "RUNNING", "w": "WAITING"}
    for letter in states:
        params = {name: choices[random.integers(len(choices))] for name, choices in SPACE.items()}
        value = 1.0 - 500 * params["model.learning_rate"] + 0.01 * random.random()
        state = TrialState[kinds[letter]]
        study.add_trial(
            create_trial(
                state=state,
                params=params if letter != "w" else {},
                distributions={n: CategoricalDistribution(c) for n, c in SPACE.items()} if letter != "w" else {},
                value=value if letter == "c" else None,
                user_attrs={"trained": (20 if letter == "c" else 6, 30.0), "reason": "no" * (letter in "pf")},
            )
        )
    (home / "search.yaml").write_text(yaml.safe_dump({"storage": url, "study": "s"}))
    return read(study, home)


def test_the_table_has_every_trial_with_its_end(tmp_path: Path) -> None:
    found = made(tmp_path, "cpfcrw")
    assert found.trials["state"].tolist() == ["complete", "pruned", "failed", "complete", "running", "waiting"]
    assert found.counts == {"complete": 2, "pruned": 1, "failed": 1, "running": 1, "waiting": 1}
    values = [trial.value for trial in found.study.trials]
    best = min((0, 3), key=lambda number: values[number])
    assert found.best is not None
    assert (found.best["trial"], found.best["value"]) == (best, values[best])
    assert found.epochs_saved == (6, 14.0)  # complete ones trained 20, the pruned one 6
    assert found.reason(2) == "no"


def test_more_is_better_when_maximizing(tmp_path: Path) -> None:
    found = made(tmp_path, "ccccc", maximize=True)
    assert found.best is not None
    assert found.best["value"] == found.trials["value"].max()


def test_best_yaml_holds_what_was_found_and_the_schedulers(tmp_path: Path) -> None:
    found = made(tmp_path, "ccc")
    outcome.write_best(found)
    text = (tmp_path / "best.yaml").read_text()
    assert found.best is not None
    values = {name: found.best[name] for name in SPACE}
    gamma = values.pop("scheduler.step.gamma")
    expected = {"model.name": "cnn1d_gru", **values, "scheduler": {"step": {"gamma": gamma, "step_size": 10}}}
    assert yaml.safe_load(text) == expected
    assert text.startswith(f"# Trial {found.best['trial']} of 3: the smallest val/loss, ")


def test_a_page_has_all_its_parts(tmp_path: Path) -> None:
    page = report.write(made(tmp_path, "ccpcfccpccrcw" + "c" * 10)).read_text()
    for title in ("Best", "History", "Parameters", "Pruned and failed", "Time", "Trials"):
        assert f">{title}</h2>" in page
    assert "python train.py model=cnn1d_gru best=here" in page
    names = {path.stem for path in (tmp_path / "report/figures").glob("*.png")}
    assert names == {"history", "importance", "slices", "parallel", "time"}
    table = pd.read_csv(tmp_path / "report/tables/trials.csv")
    assert len(table) == 23
    assert set(SPACE) < set(table.columns)


@pytest.mark.parametrize("states", ["", "r", "w", "f", "p", "c", "cc", "rfp", "cccc"])
def test_a_search_that_has_hardly_begun_has_a_page(tmp_path: Path, states: str) -> None:
    page = report.write(made(tmp_path, states)).read_text()
    assert ("No trial is complete yet." in page) == ("c" not in states)
    assert ("complete trials say nothing about parameters" in page) == (states.count("c") < 4)


def test_importance_names_the_parameter_that_matters(tmp_path: Path) -> None:
    page = report.write(made(tmp_path, "c" * 30)).read_text()
    shares = page.partition("Importance of the parameters: ")[2]
    name, _, share = shares.partition(",")[0].rpartition(" ")
    assert name == "model.learning_rate"
    assert float(share) > 0.9


def test_the_command_writes_the_page_again(tmp_path: Path) -> None:
    made(tmp_path, "ccp")
    done = CliRunner().invoke(app, ["search-report", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "2 complete, 1 pruned" in " ".join(done.output.split())
    assert (tmp_path / "report/index.html").is_file()
    assert (tmp_path / "best.yaml").is_file()


def test_a_folder_without_a_search_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"is not the folder of a search: it has no search\.yaml"):
        open_folder(tmp_path)
    (tmp_path / "search.yaml").write_text("- what")
    with pytest.raises(GenreError, match="is not the folder of a search"):
        open_folder(tmp_path)
    (tmp_path / "search.yaml").write_text(f"storage: sqlite:///{tmp_path}/study.db\nstudy: s\n")
    with pytest.raises(GenreError, match=r"there is no study s in search\.storage"):
        open_folder(tmp_path)
