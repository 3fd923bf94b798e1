"""Fit the baselines beside a network, and say whether the network is better than they are."""

from pathlib import Path
from typing import Any

from torch import nn

from genre.data.datamodule import GenreDataModule
from genre.evaluation.evaluate import logits_and_targets, predict_splits
from genre.models.baselines import ClassPrior, MelStatisticsClassifier
from genre.models.checkpoint import TrainedModel
from genre.training.baselines import fit_class_prior, fit_logistic_regression
from genre.training.components import Components
from genre.training.metrics import compute_metrics

BASELINES = {
    "probe": "logistic regression on pretrained features",
    "logreg": "logistic regression on the same features",
    "majority": "the most frequent genre",
}
"""Models of conf/model, and their names in sentences."""


def baseline_scores(components: Components, folder: Path) -> dict[str, float]:
    """Fit the baselines on the training tracks of a run, and score them on its validation and test tracks.

    The probe is fitted if its features of all tracks are cached, as they are after a run of model=probe.

    Args:
        components: Components of the run.
        folder: Run folder.

    Returns:
        `logreg/val/accuracy` and so on: model, split and score.
    """
    datamodule = components.datamodule
    genres, n_features = len(datamodule.data.genres), components.features.n_features
    regression, prior = MelStatisticsClassifier(genres, n_features), ClassPrior(genres, n_features)
    fit_logistic_regression(regression, datamodule)
    fit_class_prior(prior, datamodule)
    scores = _scores("majority", prior, datamodule) | _scores("logreg", regression, datamodule)
    if (probe_data := _probe_data(components, folder)) is not None:
        probe = MelStatisticsClassifier(genres, probe_data.data.cache.spec.features.n_features)
        fit_logistic_regression(probe, probe_data, strength=None, class_weights=True)
        scores |= _scores("probe", probe, probe_data)
    return scores


def _scores(name: str, net: nn.Module, datamodule: GenreDataModule) -> dict[str, float]:
    table = predict_splits(TrainedModel(net.eval(), {"segment_seconds": None}), datamodule, "cpu")  # on whole clips
    scores: dict[str, float] = {}
    for split in ("val", "test"):
        scores |= compute_metrics(*logits_and_targets(table, split), f"{name}/{split}/")
        del scores[f"{name}/{split}/loss"]  # infinite for a genre that has no training track
    return scores


def _probe_data(components: Components, folder: Path) -> GenreDataModule | None:
    """Features of the probe for the tracks of a run; None if they are not all cached."""
    if components.probe is None:
        return None
    cache = components.cache_of(components.probe)
    files = components.datamodule.data.tracks.drop_duplicates("path")
    if len(cache.lookup(files["path"].tolist(), files["file_digest"].tolist())) < len(files):
        return None
    data, run = components.restore(cache, folder), components.datamodule
    return GenreDataModule(lambda: data, nn.Identity(), run.batch_size, None, 0, run.seed, half_clips=run.half_clips)


def fitted_baselines(scores: dict[str, Any]) -> list[str]:
    """Names of the baselines whose scores stand beside those of a run."""
    return [name for name in BASELINES if f"{name}/val/accuracy" in scores]


def verdicts(scores: dict[str, Any]) -> list[str]:
    """Say in one line each which baselines the network is not better than on the validation tracks.

    Args:
        scores: Content of scores.json, with the scores of the baselines.

    Returns:
        The lines; none if the network has a higher F1 macro and a higher accuracy than all.
    """
    return [
        f"{scores['model']} is not better than {BASELINES[name]} on the validation tracks: {'; '.join(worse)}"
        for name in BASELINES
        if (worse := not_above(scores, name))
    ]


def not_above(scores: dict[str, Any], baseline: str) -> list[str]:
    """The scores in which a network is not better than a baseline on the validation tracks, in words."""
    return [
        f"{label} {scores[f'val/{score}']:.3f}, not above {scores[f'{baseline}/val/{score}']:.3f}"
        for score, label in {"f1_macro": "F1 macro", "accuracy": "accuracy"}.items()
        if baseline in fitted_baselines(scores) and scores[f"val/{score}"] <= scores[f"{baseline}/val/{score}"]
    ]
