import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch.loggers.logger import DummyLogger
from sklearn.linear_model import LogisticRegression

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import evaluate
from genre.models.baselines import ClassPrior, MelStatisticsClassifier
from genre.training.baselines import fit_class_prior, fit_logistic_regression
from tests.composing import evaluation
from tests.conftest import Runs, read_metrics


class Data:
    """Training tracks as a data module gives them: random log-mels of three or fewer genres."""

    def __init__(self, targets: list[int]) -> None:
        torch.manual_seed(0)
        self.targets = torch.tensor(targets)
        self.mel = torch.rand(len(targets), 64, 4) * (1 + self.targets[:, None, None] / 4)
        self.data = type("Prepared", (), {"train_counts": np.bincount(targets)})

    def eval_dataloader(self, split: str) -> list:
        assert split == "train"
        batches = zip(self.mel.half().split(7), self.targets.split(7), strict=True)
        return [type("Batch", (), {"mel": mel, "target": target}) for mel, target in batches]


def test_the_class_prior_is_the_frequency_of_each_genre() -> None:
    net = ClassPrior(3, 4)
    fit_class_prior(net, Data([0, 0, 0, 1, 2, 2]))
    torch.testing.assert_close(net(torch.rand(1, 64, 4)).softmax(dim=1), torch.tensor([[3 / 6, 1 / 6, 2 / 6]]))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_logistic_regression_predicts_as_scikit_learn(classes: int, strength: float) -> None:
    data = Data([number % classes for number in range(20)])
    net = MelStatisticsClassifier(classes, 4)
    fit_logistic_regression(net, data, strength)
    mel = data.mel.half().double().numpy()
    statistics = np.concatenate([mel.mean(axis=1), mel.std(axis=1)], axis=1)
    statistics = (statistics - statistics.mean(axis=0)) / statistics.std(axis=0)
    reference = LogisticRegression(C=strength, max_iter=2000).fit(statistics, data.targets)
    found = net(data.mel.half().float()).softmax(dim=1).detach().numpy()
    assert found == pytest.approx(reference.predict_proba(statistics), abs=1e-3)


def test_a_baseline_writes_the_same_folder_as_a_network(runs: Runs) -> None:
    network, _ = runs.train("network", "trainer.max_epochs=1")
    for name in ("majority", "logreg"):
        folder, best = runs.train(name, f"model={name}")
        assert {path.name for path in folder.iterdir()} == {path.name for path in network.iterdir()}
        stored = run_folder.read_scores(folder)
        scores = evaluate.reevaluate_run(evaluation(), folder).scores
        assert scores["test/accuracy"] == stored["test/accuracy"]
        assert best == stored["val/loss"] == read_metrics(folder)["val/loss"].item()
    majority = pd.read_parquet(runs.home / "majority" / run_folder.PREDICTIONS)
    assert majority["prediction"].nunique() == 1
    tracks = pd.read_parquet(runs.home / "majority" / run_folder.TRACKS)
    shares = tracks[tracks["split"] == "train"]["genre"].value_counts(normalize=True).sort_index()
    assert np.exp(majority["logits"][0]) == pytest.approx(shares.to_numpy(), abs=1e-6)


def test_validation_scores_are_logged(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    logger, logged = DummyLogger(), []
    monkeypatch.setattr(logger, "log_metrics", lambda metrics, step=None: logged.append(metrics))
    monkeypatch.setattr("genre.training.fit.build_loggers", lambda *_: {"dummy": logger})
    _, best = runs.train("run", "model=logreg")
    assert logged[0]["val/loss"] == best
    assert logged[0].keys() == {"val/loss", "val/accuracy", "val/f1_macro", "val/f1_weighted"}


@pytest.mark.parametrize("model", ["logreg", "majority"])
def test_a_baseline_with_non_finite_logits_fails(runs: Runs, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    monkeypatch.setattr("genre.training.baselines.track_logits", lambda net, mel, *_: net(mel) * float("nan"))
    with pytest.raises(GenreError, match=r"val/loss is nan: .* cannot be fitted"):
        runs.train("run", f"model={model}", "monitor.metric=val/accuracy", "monitor.mode=max")
    assert not run_folder.is_finished(runs.home / "run")
