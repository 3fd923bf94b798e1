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
from genre.training.baselines import STRENGTHS, fit_class_prior, fit_logistic_regression
from tests.composing import evaluation
from tests.conftest import Runs, read_metrics


class Data:
    """Tracks as a data module gives them: random log-mels of three or fewer genres, other ones for validation."""

    def __init__(self, targets: list[int], scale: float = 0.25) -> None:
        torch.manual_seed(0)
        self.targets = torch.tensor(targets)
        self.mels = {
            split: torch.rand(len(targets), 64, 4).half() * (1 + scale * self.targets[:, None, None]).half()
            for split in ("train", "val")
        }
        self.mel = self.mels["train"]
        self.data = type("Prepared", (), {"train_counts": np.bincount(targets)})

    def eval_dataloader(self, split: str) -> list:
        batches = zip(self.mels[split].split(7), self.targets.split(7), strict=True)
        return [type("Batch", (), {"mel": mel, "target": target}) for mel, target in batches]

    def statistics(self, split: str) -> np.ndarray:
        """Means and deviations over time, standardized as those of the training tracks."""
        mels = {name: mel.double().numpy() for name, mel in self.mels.items()}
        found = {name: np.concatenate([mel.mean(axis=1), mel.std(axis=1)], axis=1) for name, mel in mels.items()}
        return (found[split] - found["train"].mean(axis=0)) / found["train"].std(axis=0)


def test_the_class_prior_is_the_frequency_of_each_genre() -> None:
    net = ClassPrior(3, 4)
    fit_class_prior(net, Data([0, 0, 0, 1, 2, 2]))
    torch.testing.assert_close(net(torch.rand(1, 64, 4)).softmax(dim=1), torch.tensor([[3 / 6, 1 / 6, 2 / 6]]))


def probabilities(net: MelStatisticsClassifier, data: Data) -> np.ndarray:
    return net(data.mel.float()).softmax(dim=1).detach().numpy()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("strength", [0.1, 1.0])
@pytest.mark.parametrize("weights", [False, True])
def test_logistic_regression_predicts_as_scikit_learn(classes: int, strength: float, weights: bool) -> None:
    data = Data([number % classes for number in range(20)] + [0] * 9)
    net = MelStatisticsClassifier(classes, 4)
    fit_logistic_regression(net, data, strength, weights)
    statistics = data.statistics("train")
    reference = LogisticRegression(C=strength, class_weight="balanced" if weights else None, max_iter=2000)
    reference.fit(statistics, data.targets)
    assert probabilities(net, data) == pytest.approx(reference.predict_proba(statistics), abs=1e-3)


def test_a_strength_of_zero_is_refused() -> None:
    with pytest.raises(GenreError, match=r"model\.fit\.strength=0 must be above 0, or null for the best of five"):
        fit_logistic_regression(MelStatisticsClassifier(3, 4), Data([0, 1, 2]), 0)


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_the_strength_is_chosen_by_the_validation_loss(scale: float) -> None:
    data = Data([number % 3 for number in range(30)], scale)
    net = MelStatisticsClassifier(3, 4)
    fit_logistic_regression(net, data, strength=None)
    models = [
        LogisticRegression(C=strength, max_iter=2000).fit(data.statistics("train"), data.targets)
        for strength in STRENGTHS
    ]
    rows = np.arange(30)
    losses = [-np.log(model.predict_proba(data.statistics("val"))[rows, data.targets]).mean() for model in models]
    best = int(np.argmin(losses))
    assert (best == 0) == (scale == 0)  # nothing can be learned, so the strongest penalty is the best
    assert probabilities(net, data) == pytest.approx(models[best].predict_proba(data.statistics("train")), abs=1e-3)


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
