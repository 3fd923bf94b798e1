"""Current names and arguments of the classes and functions that files of earlier versions name."""

from typing import Any

from genre.config.targets import within

RENAMED = {
    "genre.augment": "genre.audio.augment",
    "genre.baselines.count": "genre.training.baselines.fit_class_prior",
    "genre.baselines.regress": "genre.training.baselines.fit_logistic_regression",
    "genre.data.extract.local_executor": "genre.data.cache.executors.local_executor",
    "genre.features": "genre.audio.features",
    "genre.models.baselines.Majority": "genre.models.baselines.ClassPrior",
    "genre.models.baselines.MelStatistics": "genre.models.baselines.MelStatisticsClassifier",
    "genre.models.hybrid.Hybrid": "genre.models.crnn.CRNN",
}
"""Names in run folders, checkpoints and studies of earlier versions, and their current names."""
ADDED_ARGUMENTS: dict[str, dict[str, Any]] = {
    "genre.models.crnn.CRNN": {"input_norm": False, "channels_last": False},
    "genre.models.baselines.PlainCnn2d": {"input_norm": False, "channels_last": False},
    "genre.training.baselines.fit_logistic_regression": {"class_weights": False},
    "genre.training.losses.FocalLoss": {"label_smoothing": 0.0},
}
"""Arguments that did not exist in earlier versions, with the values that held then."""


def with_current_names(node: Any) -> Any:
    """Copy a stored configuration, with the current names of renamed classes and functions, and added arguments.

    Args:
        node: Dicts, lists and plain values.

    Returns:
        The copy.
    """
    if isinstance(node, list):
        return [with_current_names(value) for value in node]
    if not isinstance(node, dict):
        return node
    current = {
        key: _current_name(value) if str(key).split(".")[-1] == "_target_" else with_current_names(value)
        for key, value in node.items()
    }
    target = current.get("_target_")
    return {**(ADDED_ARGUMENTS.get(target, {}) if isinstance(target, str) else {}), **current}


def _current_name(target: Any) -> Any:
    old = next((old for old in RENAMED if within(target, [old])), None)
    return target if old is None else RENAMED[old] + target.removeprefix(old)
