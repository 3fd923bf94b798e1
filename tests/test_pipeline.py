"""Whole runs: training, test and run folder."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import f1_score

from genre import run_folder
from genre.evaluation import evaluate
from genre.pipeline import train_and_test
from tests.composing import compose
from tests.conftest import Runs, have_same_weights, read_metrics


def test_a_run_writes_a_complete_folder(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    folder, best = runs.train("run", "logger=tensorboard")
    names = [run_folder.CONFIG, run_folder.OVERRIDES, run_folder.BEST, run_folder.LAST, run_folder.METRICS]
    names += [run_folder.TRACKS, run_folder.REJECTED, run_folder.PREDICTIONS, run_folder.SCORES, run_folder.LOG]
    assert [name for name in names if not (folder / name).exists()] == []
    assert list(folder.glob("tensorboard/events.*"))

    table = pd.read_csv(folder / run_folder.METRICS)
    assert table["epoch"].tolist() == [0, 1, 2, 3]
    assert best == table["val/loss"].min()
    scores = {"loss", "accuracy", "f1_macro", "f1_weighted"}
    assert {f"{split}/{name}" for split in ("train", "val") for name in scores} | {"learning_rate"} <= set(table)

    printed = capsys.readouterr()
    stored = run_folder.read_scores(folder)
    assert f"{stored['test/accuracy']:.4f}" in printed.out
    assert str(folder) in printed.out
    assert "Traceback" not in printed.err
    assert "warn" not in (printed.out + printed.err).lower()


def test_the_test_scores_are_those_of_the_best_checkpoint(runs: Runs) -> None:
    folder, _ = runs.train("run")
    table = pd.read_parquet(folder / run_folder.PREDICTIONS)
    stored = run_folder.read_scores(folder)
    tested = table[table["split"] == "test"]
    assert set(table["split"]) == {"val", "test"}
    assert stored["test/tracks"] == len(tested)
    assert stored["test/accuracy"] == pytest.approx((tested["target"] == tested["prediction"]).mean())
    labels = sorted(tested["target"].unique())
    macro = f1_score(tested["target"], tested["prediction"], labels=labels, average="macro", zero_division=0)
    assert stored["test/f1_macro"] == pytest.approx(macro)
    assert (np.stack(table["logits"].to_list()).argmax(axis=1) == table["prediction"]).all()
    # the monitored score is that of the best epoch, not of the last
    logits, targets = evaluate.logits_and_targets(table, "val")
    assert torch.nn.functional.cross_entropy(logits, targets).item() == pytest.approx(stored["val/loss"], abs=1e-6)


def test_adjusted_validation_scores_replace_that_of_the_training(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "adjust_logits", lambda logits, *_: 2 * logits)
    folder, best = runs.train("run", "model.logit_adjustment=true", "trainer.max_epochs=1")
    logits, targets = evaluate.logits_and_targets(pd.read_parquet(folder / run_folder.PREDICTIONS), "val")
    adjusted = torch.nn.functional.cross_entropy(logits, targets).item()
    assert run_folder.read_scores(folder)["val/loss"] == pytest.approx(adjusted)
    assert adjusted != pytest.approx(best)


def test_the_last_epoch_is_tested_too_on_request(runs: Runs) -> None:
    folder, _ = runs.train("run", "test_last=true")
    last = pd.read_parquet(folder / run_folder.PREDICTIONS_LAST)
    tested = last[last["split"] == "test"]
    accuracy = (tested["target"] == tested["prediction"]).mean()
    assert run_folder.read_scores(folder)["last/test/accuracy"] == pytest.approx(accuracy)


def test_a_seed_determines_the_run(runs: Runs) -> None:
    first, _ = runs.train("first")
    again, _ = runs.train("again")
    other, _ = runs.train("other", "seed=7")
    assert read_metrics(first).equals(read_metrics(again))
    assert have_same_weights(first, again)
    assert not read_metrics(first).equals(read_metrics(other))


@pytest.mark.parametrize("model", ["cnn1d_gru", "cnn1d_lstm", "cnn2d_gru", "cnn2d_lstm"])
def test_the_protocol_of_the_study_runs_on_any_data_set_and_features(runs: Runs, model: str) -> None:
    tiny = [text for text in runs.common if not text.startswith(("model=", "test_last="))]
    overrides = [f"experiment=study_{model}", *tiny, "features=mfcc", "features.n_mfcc=8", "trainer.max_epochs=1"]
    folder = runs.home / model
    train_and_test(compose([*overrides, f"run_dir={folder}"]), folder, overrides)
    stored = run_folder.read_scores(folder)
    assert stored["model"] == model
    assert {"test/accuracy", "last/test/accuracy"} <= stored.keys()
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    # floor(0.8 n) and floor(0.1 n) of the 10 tracks per genre
    assert tracks.groupby(["split", "genre"]).size().groupby("split").unique().map(list).to_dict() == {
        "train": [8],
        "val": [1],
        "test": [1],
    }


def test_the_configuration_is_printed_where_asked(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.train("quiet", "debug=fast")
    assert "optimizer" not in capsys.readouterr().out
    runs.train("printed", "debug=fast", "print_config=true")
    assert "optimizer" in capsys.readouterr().out
