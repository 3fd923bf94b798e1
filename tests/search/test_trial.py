"""A trial trains and tells its scores, is pruned when it loses, and never looks at the test part."""

from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
import torch
from optuna.trial import TrialState, create_trial

from genre.audio.windows import track_logits
from genre.data.datamodule import GenreDataModule
from genre.errors import GenreError
from genre.search import trial
from genre.search.notes import noted
from genre.search.storage import connect
from genre.search.study import DurableStudy
from genre.training.run_lock import locked
from tests.composing import TINY, compose

EPOCHS = 4


def run(music: Path, home: Path, rivals: float | None, *overrides: str) -> tuple[optuna.Study, Path]:
    """Run one trial of a study in which six others had a loss of `rivals` in every epoch."""
    tiny = [*TINY, f"data.root={music}", f"paths.data={home}", f"paths.runs={home}/runs", "hparams_search=optuna"]
    given = [*tiny, "search.warm_up_epochs=1", f"trainer.max_epochs={EPOCHS}", *overrides]
    config = compose(given)
    study = DurableStudy(config.search, "minimize", lambda number, _: optuna.samplers.RandomSampler(seed=number)).study
    for _ in range(6 if rivals is not None else 0):
        values = dict.fromkeys(range(EPOCHS), rivals)
        study.add_trial(create_trial(state=TrialState.COMPLETE, value=rivals, intermediate_values=values))
    number = study.ask().number
    folder = home / "trial"
    folder.mkdir(exist_ok=True)
    trial.run(compose([*given, f"search.trial={number}", f"run_dir={folder}"]), folder, given)
    return study, folder


def test_a_trial_reports_each_epoch_and_leaves_no_checkpoint(music_folder: Path, tmp_path: Path) -> None:
    study, folder = run(music_folder, tmp_path, None)
    told = study.trials[0]
    epochs = pd.read_csv(folder / "metrics.csv")
    assert list(told.intermediate_values.values()) == pytest.approx(epochs["val/loss"].tolist())
    trained, seconds = told.user_attrs["trained"]
    assert trained == EPOCHS
    assert seconds == pytest.approx(epochs["seconds"].sum(), rel=0.5, abs=0.5)
    assert not (folder / "checkpoints").exists()


def test_a_trial_whose_folder_is_in_use_is_refused(music_folder: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "trial"), pytest.raises(GenreError, match="is being trained by another process"):
        run(music_folder, tmp_path, None)


@pytest.mark.parametrize("model", ["cnn1d_gru", "logreg", "majority"])
def test_the_test_part_is_never_read(
    music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    parts: list[str] = []
    rows = GenreDataModule._rows
    monkeypatch.setattr(GenreDataModule, "_rows", lambda self, part: parts.append(part) or rows(self, part))
    _, folder = run(music_folder, tmp_path, None, f"model={model}")
    assert set(parts) == ({"val"} if model == "majority" else {"train", "val"})
    assert not (folder / "predictions.parquet").exists()
    assert not (folder / "scores.json").exists()


def test_a_losing_trial_is_pruned_after_the_warm_up(music_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(optuna.TrialPruned, match="worse than the median"):
        run(music_folder, tmp_path, 0.0)
    assert len(pd.read_csv(tmp_path / "trial/metrics.csv")) == 2
    assert not (tmp_path / "trial/checkpoints").exists()


LATER = [["search.prune=false"], ["search.warm_up_epochs=9"], ["search.startup_trials=7"]]


@pytest.mark.parametrize("overrides", LATER)
def test_pruning_can_be_put_off(music_folder: Path, tmp_path: Path, overrides: list[str]) -> None:
    _, folder = run(music_folder, tmp_path, 0.0, *overrides)
    assert len(pd.read_csv(folder / "metrics.csv")) == EPOCHS


def test_a_winning_trial_is_not_pruned(music_folder: Path, tmp_path: Path) -> None:
    run(music_folder, tmp_path, 100.0)


def test_a_trial_that_diverges_is_no_pruned_one(
    music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "genre.training.classifier.track_logits", lambda net, mel, window, frames: net(mel) * float("nan")
    )
    with pytest.raises(GenreError, match="training diverged"):
        run(music_folder, tmp_path, 0.0)


@pytest.mark.parametrize(
    ("good", "given"), [(1, []), (0, ["monitor.metric=val/accuracy", "monitor.mode=max"])], ids=["late", "by accuracy"]
)
def test_a_trial_that_diverges_in_any_way_has_failed(
    music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int, given: list[str]
) -> None:
    calls: list[torch.Tensor] = []

    def broken(net: Any, mel: torch.Tensor, window: int | None, frames: torch.Tensor) -> torch.Tensor:
        calls.append(mel)
        return track_logits(net, mel, window, frames) * (1.0 if len(calls) <= good else float("nan"))

    monkeypatch.setattr("genre.training.classifier.track_logits", broken)
    with pytest.raises(GenreError, match=rf"training diverged \(val/loss is nan in epoch {good}\): lower"):
        run(music_folder, tmp_path, None, *given)
    study = connect(f"sqlite:///{tmp_path}/runs/search/cnn1d_gru-folder/study.db", "cnn1d_gru-folder")
    ending = noted(study.trials[0])
    assert ending is not None
    assert ending.state == TrialState.FAIL


def test_a_model_that_is_fitted_in_one_go_can_be_searched(music_folder: Path, tmp_path: Path) -> None:
    study, _ = run(music_folder, tmp_path, None, "model=logreg")
    assert study.trials[0].user_attrs["trained"][0] == 1


def test_without_a_multirun_it_is_one_line(music_folder: Path, tmp_path: Path) -> None:
    config = compose([*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}", "hparams_search=optuna"])
    with pytest.raises(GenreError, match=r"hparams_search is for a multirun: python train\.py -m hparams_search"):
        trial.run(config, tmp_path / "run", [])
