"""A search's table, best settings and page, from studies that are made up, whole or barely begun."""

from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from optuna.distributions import CategoricalDistribution, LogUniformDistribution, UniformDistribution
from optuna.trial import TrialState, create_trial
from typer.testing import CliRunner

from genre.cli import app
from genre.config.schema import SearchConfig
from genre.errors import GenreError
from genre.search import figures, outcome, report
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
    study.set_user_attr(COMMAND, "python train.py model=cnn1d_gru")
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
    assert f"python train.py model=cnn1d_gru best={tmp_path}" in page
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


def intervals(home: Path, count: int) -> Outcome:
    """A study of numbers from intervals, one of them over decades."""
    study = optuna.create_study(study_name="s")
    random = np.random.default_rng(0)
    space = {"model.learning_rate": LogUniformDistribution(1e-5, 1e-1), "model.net.dropout": UniformDistribution(0, 1)}
    study.set_user_attr(CONFIG, {"monitor.metric": "val/loss", "model.name": "cnn1d_gru"})
    for _ in range(count):
        params = {"model.learning_rate": 10 ** random.uniform(-5, -1), "model.net.dropout": random.random()}
        study.add_trial(create_trial(params=params, distributions=space, value=random.random()))
    return read(study, home)


def test_numbers_from_intervals_stand_where_they_are(tmp_path: Path) -> None:
    found = intervals(tmp_path, 24)
    rate, dropout = figures.slices_figure(found.trials, found.space, found.metric).axes
    assert (rate.get_xscale(), dropout.get_xscale()) == ("log", "linear")
    for axes, name in zip((rate, dropout), found.space, strict=True):
        np.testing.assert_array_equal(axes.collections[0].get_offsets()[:, 0], found.trials[name])
    (parallel,) = figures.parallel_figure(found.trials, found.space, found.metric, False).axes
    assert len(parallel.texts) == 2 * 3  # the ends of each axis
    assert max(len(text.get_text()) for text in parallel.texts) < 10
    page = report.write(found).read_text()
    assert str(found.trials["model.learning_rate"][0]) not in page
    assert str(found.trials["model.learning_rate"][0]) in (tmp_path / "report/tables/trials.csv").read_text()


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.324930835134174e-05, "3.325e-5"), (0.0001, "1e-4"), (0.30000001, "0.3"), (16, "16"), (np.nan, "–"), ("a", "a")],
)
def test_values_are_brief(value: object, text: str) -> None:
    assert outcome.brief(value) == text


def test_a_folder_that_was_moved_is_read_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("old").mkdir()
    made(Path("old"), "ccc")
    outcome.note(SearchConfig(study="s", folder="old", storage="sqlite:///old/study.db"))
    Path("old").rename("new")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    found = open_folder(tmp_path / "new")
    assert found.counts == {"complete": 3}
    assert found.command.endswith(f" best={tmp_path}/new")
    assert list(elsewhere.iterdir()) == []


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
    with pytest.raises(GenreError, match=r"study\.db does not exist: the search was moved or deleted"):
        open_folder(tmp_path)
