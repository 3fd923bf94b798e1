"""A trial trains, reports its scores and records its result, is pruned when it loses, and never reads the test set."""

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
from genre.search.study import ResumableStudy
from genre.search.trial import run_trial
from genre.training.run_lock import locked
from tests.composing import TINY, compose
from tests.search.conftest import SPACE, random_sampler, study_of

EPOCHS = 4


def run(music: Path, home: Path, rivals: float | None, *overrides: str) -> tuple[optuna.trial.FrozenTrial, Path]:
    """Run one trial of a study in which six others had a loss of `rivals` in every epoch."""
    tiny = [*TINY, f"data.root={music}", f"paths.data={home}", f"paths.runs={home}/runs", "hparams_search=study"]
    given = [*tiny, "search.warm_up_epochs=1", f"trainer.max_epochs={EPOCHS}", *overrides]
    study = ResumableStudy(compose(given).search, "minimize", SPACE, random_sampler, {}).study
    for _ in range(6 if rivals is not None else 0):
        values = dict.fromkeys(range(EPOCHS), rivals)
        study.add_trial(create_trial(state=TrialState.COMPLETE, value=rivals, intermediate_values=values))
    number = study.ask().number
    folder = home / "trial"
    folder.mkdir(exist_ok=True)
    run_trial(compose([*given, f"search.trial={number}", f"run_dir={folder}"]), folder, given)
    return study.trials[number], folder


def test_a_trial_reports_each_epoch_and_leaves_no_checkpoint(music_folder: Path, tmp_path: Path) -> None:
    trial, folder = run(music_folder, tmp_path, None)
    epochs = pd.read_csv(folder / "metrics.csv")
    assert list(trial.intermediate_values.values()) == pytest.approx(epochs["val/loss"].tolist())
    assert trial.state == TrialState.COMPLETE
    assert trial.value == pytest.approx(epochs["val/loss"].min())
    trained, seconds = trial.user_attrs["trained"]
    assert trained == EPOCHS
    assert seconds == pytest.approx(epochs["seconds"].sum(), rel=0.5, abs=0.5)
    assert not (folder / "checkpoints").exists()


def test_a_trial_whose_folder_is_in_use_is_refused(music_folder: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "trial"), pytest.raises(GenreError, match="is being trained by another process"):
        run(music_folder, tmp_path, None)


@pytest.mark.parametrize("model", ["cnn1d_gru", "logreg", "majority"])
def test_the_test_set_is_never_read(
    music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    splits: list[str] = []
    rows = GenreDataModule._rows
    monkeypatch.setattr(GenreDataModule, "_rows", lambda self, split: splits.append(split) or rows(self, split))
    _, folder = run(music_folder, tmp_path, None, f"model={model}")
    assert set(splits) == ({"val"} if model == "majority" else {"train", "val"})
    assert not (folder / "predictions.parquet").exists()
    assert not (folder / "scores.json").exists()


def test_a_losing_trial_is_pruned_after_the_warm_up(music_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(optuna.TrialPruned, match="worse than the median"):
        run(music_folder, tmp_path, 0.0)
    trial = study_of(tmp_path).trials[-1]
    assert (trial.state, trial.user_attrs["reason"]) == (TrialState.PRUNED, "worse than the median")
    assert len(pd.read_csv(tmp_path / "trial/metrics.csv")) == 2
    assert not (tmp_path / "trial/checkpoints").exists()


@pytest.mark.parametrize("override", ["search.prune=false", "search.warm_up_epochs=9", "search.startup_trials=7"])
def test_pruning_can_be_put_off(music_folder: Path, tmp_path: Path, override: str) -> None:
    _, folder = run(music_folder, tmp_path, 0.0, override)
    assert len(pd.read_csv(folder / "metrics.csv")) == EPOCHS


def test_a_winning_trial_is_not_pruned_and_still_stops_early(music_folder: Path, tmp_path: Path) -> None:
    _, folder = run(music_folder, tmp_path, 100.0, "early_stopping.patience=1", "model.learning_rate=1e-30")
    assert len(pd.read_csv(folder / "metrics.csv")) == 2


@pytest.mark.parametrize(
    ("good", "given"),
    [(0, []), (1, []), (0, ["monitor.metric=val/accuracy", "monitor.mode=max"])],
    ids=["at once", "late", "by accuracy"],
)
def test_a_trial_that_diverges_has_failed(
    music_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: int, given: list[str]
) -> None:
    calls: list[torch.Tensor] = []

    def broken(net: Any, mel: torch.Tensor, window: int | None, frames: torch.Tensor) -> torch.Tensor:
        calls.append(mel)
        return track_logits(net, mel, window, frames) * (1.0 if len(calls) <= good else float("nan"))

    monkeypatch.setattr("genre.training.classifier.track_logits", broken)
    with pytest.raises(GenreError, match=rf"training diverged \(val/loss is nan in epoch {good + 1}\): lower"):
        run(music_folder, tmp_path, 0.0 if not given and not good else None, *given)
    trial = study_of(tmp_path).trials[-1]
    assert trial.state == TrialState.FAIL
    assert trial.user_attrs["reason"].startswith("training diverged (val/loss is nan")


def test_a_model_without_epochs_can_be_searched(music_folder: Path, tmp_path: Path) -> None:
    trial, _ = run(music_folder, tmp_path, None, "model=logreg")
    assert trial.user_attrs["trained"][0] == 1


def test_a_search_without_a_multirun_is_one_line(music_folder: Path, tmp_path: Path) -> None:
    config = compose([*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}", "hparams_search=optuna"])
    with pytest.raises(GenreError, match=r"hparams_search needs a multirun: python train\.py -m hparams_search"):
        run_trial(config, tmp_path / "run", [])
