"""Fit the baselines beside a network, and say whether the network is better than they are."""

from typing import Any

from genre.data.datamodule import GenreDataModule
from genre.evaluation.evaluate import logits_and_targets, predict_splits
from genre.models.baselines import ClassPrior, MelStatisticsClassifier
from genre.models.checkpoint import TrainedModel
from genre.training.baselines import fit_class_prior, fit_logistic_regression
from genre.training.metrics import compute_metrics

BASELINES = {"logreg": "logistic regression", "majority": "the most frequent genre"}
"""Models of conf/model, and their names in sentences."""


def baseline_scores(datamodule: GenreDataModule, metadata: dict[str, Any]) -> dict[str, float]:
    """Fit the baselines on the training tracks, and score them on the validation and test tracks.

    Args:
        datamodule: Prepared data.
        metadata: Metadata of the network that they are compared with.

    Returns:
        `logreg/val/accuracy` and so on: model, split and score.
    """
    genres, n_mels = len(metadata["genres"]), metadata["net"]["n_mels"]
    regression, prior = MelStatisticsClassifier(genres, n_mels), ClassPrior(genres, n_mels)
    fit_logistic_regression(regression, datamodule)
    fit_class_prior(prior, datamodule)
    scores: dict[str, float] = {}
    for name, net in {"logreg": regression, "majority": prior}.items():
        model = TrainedModel(net.eval(), metadata | {"segment_seconds": None})  # they use whole clips
        table = predict_splits(model, datamodule, "cpu")
        for split in ("val", "test"):
            scores |= compute_metrics(*logits_and_targets(table, split), f"{name}/{split}/")
            del scores[f"{name}/{split}/loss"]  # infinite for a genre that has no training track
    return scores


def verdicts(scores: dict[str, Any]) -> list[str]:
    """Say in one line each which baselines the network is not better than on the validation tracks.

    Args:
        scores: Content of scores.json, with the scores of the baselines.

    Returns:
        The lines; none if the network has a higher F1 macro and a higher accuracy than both.
    """
    lines = []
    for name, words in BASELINES.items():
        worse = [
            f"{label} {scores[f'val/{score}']:.3f}, not above {scores[f'{name}/val/{score}']:.3f}"
            for score, label in {"f1_macro": "F1 macro", "accuracy": "accuracy"}.items()
            if scores[f"val/{score}"] <= scores[f"{name}/val/{score}"]
        ]
        if worse:
            lines.append(f"{scores['model']} is not better than {words} on the validation tracks: {'; '.join(worse)}")
    return lines
