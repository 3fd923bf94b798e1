"""Whole runs of a tiny network on a tiny collection."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf
from sklearn.metrics import f1_score

from genre import fit, predictions, run_folder
from genre.classifier import GenreClassifier
from genre.errors import GenreError
from genre.settings import EvaluateSettings
from tests.composing import TINY, compose


class Runs:
    """Trains in a folder of its own, on the session's small music."""

    def __init__(self, music: Path, home: Path) -> None:
        self.home = home
        self.common = [*TINY, f"data.root={music}", f"paths.data={home}", "trainer.max_epochs=4"]

    def overrides(self, *more: str) -> list[str]:
        return [*self.common, *more]

    def train(self, name: str, *more: str) -> tuple[Path, float]:
        folder = self.home / name
        folder.mkdir(exist_ok=True)  # Hydra does
        overrides = self.overrides(*more)
        return folder, fit.run(compose([*overrides, f"run_dir={folder}"]), folder, overrides)


@pytest.fixture
def runs(music_folder: Path, tmp_path: Path) -> Runs:
    return Runs(music_folder, tmp_path)


def weights(folder: Path, which: str = run_folder.LAST) -> dict[str, torch.Tensor]:
    return torch.load(folder / which, weights_only=True)["state_dict"]


def learnt(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / run_folder.METRICS).drop(columns="seconds")


def break_at(patch: pytest.MonkeyPatch, epoch: int) -> None:
    """Let training fail as that epoch begins."""
    start = GenreClassifier.on_train_epoch_start

    def start_or_fail(self: GenreClassifier) -> None:
        if self.current_epoch == epoch:
            raise RuntimeError("the machine went down")
        start(self)

    patch.setattr(GenreClassifier, "on_train_epoch_start", start_or_fail)


def test_a_run_leaves_a_folder_that_tells_all(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    folder, objective = runs.train("run", "logger=tensorboard")
    names = [run_folder.CONFIG, run_folder.OVERRIDES, run_folder.BEST, run_folder.LAST, run_folder.METRICS]
    names += [run_folder.TRACKS, run_folder.REJECTED, run_folder.PREDICTIONS, run_folder.SCORES, run_folder.LOG]
    assert [name for name in names if not (folder / name).exists()] == []
    assert list(folder.glob("tensorboard/events.*"))

    metrics = pd.read_csv(folder / run_folder.METRICS)
    assert metrics["epoch"].tolist() == [0, 1, 2, 3]
    assert objective == metrics["val/loss"].min()
    scores = {"loss", "accuracy", "f1_macro", "f1_weighted"}
    assert {f"{part}/{name}" for part in ("train", "val") for name in scores} | {"learning_rate"} <= set(metrics)

    said = capsys.readouterr()
    stored = json.loads((folder / run_folder.SCORES).read_text())
    assert f"{stored['test/accuracy']:.4f}" in said.out
    assert str(folder) in said.out
    assert "Traceback" not in said.err
    assert "warn" not in (said.out + said.err).lower()


def test_the_test_scores_are_those_of_the_best_checkpoint(runs: Runs) -> None:
    folder, _ = runs.train("run")
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    stored = json.loads((folder / run_folder.SCORES).read_text())
    tested = table[table["split"] == "test"]
    assert set(table["split"]) == {"val", "test"}
    assert stored["test/tracks"] == len(tested)
    assert stored["test/accuracy"] == pytest.approx((tested["target"] == tested["prediction"]).mean())
    labels = sorted(tested["target"].unique())
    macro = f1_score(tested["target"], tested["prediction"], labels=labels, average="macro", zero_division=0)
    assert stored["test/f1_macro"] == pytest.approx(macro)
    assert (np.stack(table["logits"].to_list()).argmax(axis=1) == table["prediction"]).all()
    # the validation part's loss is the monitored score of the best epoch, not of the last
    logits, targets = predictions.logits_and_targets(table, "val")
    assert torch.nn.functional.cross_entropy(logits, targets).item() == pytest.approx(stored["val/loss"], abs=1e-6)


def test_evaluating_repeats_the_test_exactly(runs: Runs) -> None:
    folder, _ = runs.train("run")
    run = predictions.repeat_test(EvaluateSettings(accelerator="cpu"), folder)
    scores, table = run.scores, run.predictions
    stored = json.loads((folder / run_folder.SCORES).read_text())
    assert {k: v for k, v in scores.items() if k.startswith("test/")} == {
        k: v for k, v in stored.items() if k.startswith("test/")
    }
    kept = pd.read_parquet(folder / run_folder.PREDICTIONS)
    assert np.array_equal(np.stack(table["logits"].to_list()), np.stack(kept["logits"].to_list()))


def test_the_same_seed_gives_the_same_run_and_another_seed_another(runs: Runs) -> None:
    first, _ = runs.train("first")
    again, _ = runs.train("again")
    other, _ = runs.train("other", "seed=7")
    assert learnt(first).equals(learnt(again))
    assert all(torch.equal(a, b) for a, b in zip(weights(first).values(), weights(again).values(), strict=True))
    assert not learnt(first).equals(learnt(other))


def test_a_resumed_run_equals_an_undisturbed_one(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    # A plateau scheduler that acts at every chance and one by steps: both have a state that a resumed run must keep
    lively = ["scheduler=plateau_step", "scheduler.plateau.patience=0", "scheduler.plateau.threshold=0.5"]
    lively.append("scheduler.step.step_size=2")
    whole, _ = runs.train("whole", *lively)
    with monkeypatch.context() as patch:
        break_at(patch, 2)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("cut", *lively)
    assert len(learnt(runs.home / "cut")) == 2
    cut, _ = runs.train("cut", *lively)
    assert learnt(whole).equals(learnt(cut))
    for which in (run_folder.LAST, run_folder.BEST):
        pairs = zip(weights(whole, which).values(), weights(cut, which).values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert learnt(whole)["learning_rate"].nunique() > 2


def test_a_run_that_had_stopped_early_is_only_tested_when_resumed(runs: Runs) -> None:
    stopping = ["early_stopping.patience=1", "monitor.metric=val/accuracy", "monitor.mode=max", "trainer.max_epochs=30"]
    folder, objective = runs.train("run", *stopping)
    epochs = len(learnt(folder))
    assert epochs < 30
    (folder / run_folder.SCORES).unlink()
    _, again = runs.train("run", *stopping)
    assert again == objective
    assert len(learnt(folder)) == epochs


def test_a_run_in_a_folder_that_was_moved_keeps_its_best_epoch(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    early = ("model.learning_rate=3", "scheduler=none")  # so large that an early epoch is the best
    with monkeypatch.context() as patch:
        break_at(patch, 3)
        with pytest.raises(RuntimeError, match="went down"):
            runs.train("old", *early)
    (runs.home / "old").rename(runs.home / "new")
    folder, objective = runs.train("new", *early)
    assert objective == learnt(folder)["val/loss"].min()
    assert learnt(folder)["val/loss"].idxmin() < 3  # before the folder was moved
    assert len(learnt(folder)) == 4
    assert not (runs.home / "old").exists()


@pytest.mark.parametrize("name", [run_folder.TRACKS, run_folder.METRICS, run_folder.BEST])
def test_a_damaged_run_folder_is_refused(runs: Runs, name: str) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    if name == run_folder.METRICS:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"garbage")
    with pytest.raises(GenreError, match=r"damaged|missing|not a checkpoint"):
        predictions.repeat_test(EvaluateSettings(accelerator="cpu"), folder)


def test_a_baseline_leaves_the_same_folder(runs: Runs) -> None:
    network, _ = runs.train("network", "trainer.max_epochs=1")
    for name in ("majority", "logreg"):
        folder, objective = runs.train(name, f"model={name}")
        assert {p.name for p in folder.iterdir()} == {p.name for p in network.iterdir()}
        scores = predictions.repeat_test(EvaluateSettings(), folder).scores
        stored = json.loads((folder / run_folder.SCORES).read_text())
        assert scores["test/accuracy"] == stored["test/accuracy"]
        assert objective == stored["val/loss"] == learnt(folder)["val/loss"].item()
    majority = pd.read_parquet(runs.home / "majority" / run_folder.PREDICTIONS)
    assert majority["prediction"].nunique() == 1
    tracks = pd.read_parquet(runs.home / "majority" / run_folder.TRACKS)
    shares = tracks[tracks["split"] == "train"]["genre"].value_counts(normalize=True).sort_index()
    assert np.exp(majority["logits"][0]) == pytest.approx(shares.to_numpy(), abs=1e-6)


def test_the_last_epoch_is_tested_too_where_asked(runs: Runs) -> None:
    folder, _ = runs.train("run", "test_last=true")
    stored = json.loads((folder / run_folder.SCORES).read_text())
    last = pd.read_parquet(folder / run_folder.PREDICTIONS_LAST)
    tested = last[last["split"] == "test"]
    assert stored["last/test/accuracy"] == pytest.approx((tested["target"] == tested["prediction"]).mean())


@pytest.mark.parametrize("model", ["cnn1d_gru", "cnn1d_lstm", "cnn2d_gru", "cnn2d_lstm"])
def test_the_studys_protocol_runs_on_any_collection_and_any_features(runs: Runs, model: str) -> None:
    tiny = [text for text in runs.common if not text.startswith("model=")]
    overrides = [f"experiment=study_{model}", *tiny, "features=mfcc", "features.n_mfcc=8", "trainer.max_epochs=1"]
    folder = runs.home / model
    fit.run(compose([*overrides, f"run_dir={folder}"]), folder, overrides)
    stored = json.loads((folder / run_folder.SCORES).read_text())
    assert stored["model"] == model
    assert {"test/accuracy", "last/test/accuracy"} <= stored.keys()
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    # floor(0.8 n) and floor(0.1 n) of each genre's 10
    assert tracks.groupby(["split", "genre"]).size().groupby("split").unique().map(list).to_dict() == {
        "train": [8],
        "val": [1],
        "test": [1],
    }


def test_adjusted_logits_are_tested_where_asked(runs: Runs) -> None:
    folder, _ = runs.train("run", "model.logit_adjustment=true", "trainer.max_epochs=1")
    stored = json.loads((folder / run_folder.SCORES).read_text())
    assert 0 <= stored["tau"] <= 2
    scores = predictions.repeat_test(EvaluateSettings(accelerator="cpu"), folder).scores
    assert scores["tau"] == stored["tau"]


def test_a_finished_run_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(GenreError, match="holds a finished run: choose another run_dir"):
        runs.train("run", "trainer.max_epochs=1")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_finished_run_is_skipped_where_asked(runs: Runs) -> None:
    folder, objective = runs.train("run", "trainer.max_epochs=2", "finished=skip")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert runs.train("run", "trainer.max_epochs=2", "finished=skip", "logger=tensorboard")[1] == objective
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    with pytest.raises(GenreError, match=r"holds a finished run with trainer.max_epochs=2, not 3: delete it"):
        runs.train("run", "trainer.max_epochs=3", "finished=skip")


def test_an_unfinished_run_of_other_settings_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    (folder / run_folder.SCORES).unlink()
    with pytest.raises(GenreError, match=r"unfinished run of other settings .*trainer.max_epochs=1"):
        runs.train("run", "trainer.max_epochs=2")


def test_a_run_that_cannot_start_leaves_no_folder(runs: Runs) -> None:
    with pytest.raises(GenreError, match="is not a folder"):
        runs.train("run", "data.root=/does/not/exist")
    assert not (runs.home / "run").exists()


def test_a_checkpoint_of_other_genres_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    tracks["genre"] = tracks["genre"].replace({tracks["genre"].iloc[0]: "Zydeco"})
    tracks.to_parquet(folder / run_folder.TRACKS)
    with pytest.raises(GenreError, match=r"knows the genres .* and the data have .*Zydeco"):
        predictions.repeat_test(EvaluateSettings(accelerator="cpu"), folder)


@pytest.mark.parametrize("name", [run_folder.BEST, run_folder.TRACKS, run_folder.CONFIG])
def test_a_run_folder_that_lacks_a_part_is_refused(runs: Runs, name: str) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    (folder / name).unlink()
    with pytest.raises(GenreError, match=r"run_dir has to be|is not a run folder"):
        predictions.repeat_test(EvaluateSettings(accelerator="cpu"), folder)


def test_diverged_training_says_so(runs: Runs) -> None:
    with pytest.raises(GenreError, match=r"training diverged .* lower model.learning_rate"):
        runs.train("run", "model.learning_rate=1e30", "trainer.max_epochs=2")
    assert not (runs.home / "run" / run_folder.SCORES).exists()


def test_class_weights_have_mean_one_over_the_training_tracks(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1", "model.class_weights=true")
    weight = weights(folder)["loss.weight"]
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    train = tracks[tracks["split"] == "train"]
    counts = train["genre"].value_counts().sort_index().to_numpy()
    assert weight.numpy() == pytest.approx(len(train) / (len(counts) * counts))
    assert (weight.numpy() * counts).sum() / counts.sum() == pytest.approx(1)


def test_the_stored_configuration_is_the_composed_one(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    stored = OmegaConf.load(folder / run_folder.CONFIG)
    assert stored.model.net.hidden_dim == 4
    assert stored.run_dir == str(folder)
    assert OmegaConf.load(folder / run_folder.OVERRIDES) == runs.overrides("trainer.max_epochs=1")
