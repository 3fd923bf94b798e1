"""Classification metrics of training, validation and test."""

import torch
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassStatScores


class F1Macro(MulticlassStatScores):
    """Mean F1 over the classes that have at least one target.

    This is scikit-learn's `f1_score(average="macro", labels=unique(y_true))`. The macro average of torchmetrics counts
    a class without targets as 0 as soon as it is predicted once.

    Args:
        num_classes: Number of classes.
    """

    higher_is_better = True

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average=None)

    def compute(self) -> Tensor:
        """Compute the score, a scalar."""
        true_positive, false_positive, _, false_negative = self._final_state()
        present = true_positive + false_negative > 0
        f1 = 2 * true_positive / (2 * true_positive + false_positive + false_negative).clamp(min=1)
        return f1[present].mean()


class GenreMetrics(MetricCollection):
    """Accuracy, F1 macro and F1 weighted. A track with non-finite logits counts as an error.

    Args:
        num_classes: Number of genres.
        prefix: Prefix of the metric names, such as `val/`.
    """

    def __init__(self, num_classes: int, prefix: str) -> None:
        classes = num_classes + 1  # the last class stands for non-finite logits and has no targets
        super().__init__(
            {
                "accuracy": MulticlassAccuracy(classes, average="micro"),
                "f1_macro": F1Macro(classes),
                "f1_weighted": MulticlassF1Score(classes, average="weighted"),
            },
            prefix=prefix,
            compute_groups=False,
        )
        self.non_finite_class = num_classes

    def update(self, logits: Tensor, targets: Tensor) -> None:  # type: ignore[override]  # as MetricCollection has it
        """Add tracks: logits, shape (tracks, classes), and targets, shape (tracks,)."""
        super().update(predict_classes(logits, self.non_finite_class), targets)


def predict_classes(logits: Tensor, non_finite_class: int) -> Tensor:
    """Most probable class per track.

    Args:
        logits: Logits, shape (tracks, classes).
        non_finite_class: Class returned for tracks with non-finite logits.

    Returns:
        Classes, shape (tracks,).
    """
    return torch.where(logits.isfinite().all(dim=1), logits.argmax(dim=1), non_finite_class)


def compute_metrics(logits: Tensor, targets: Tensor, prefix: str) -> dict[str, float]:
    """Compute the loss and all metrics of a set of tracks.

    Args:
        logits: Logits, shape (tracks, classes).
        targets: True classes, shape (tracks,).
        prefix: Prefix of the metric names, such as `test/`.

    Returns:
        loss (mean cross entropy, non-finite if a logit is), accuracy, f1_macro, f1_weighted.
    """
    metrics = GenreMetrics(logits.shape[1], prefix)
    metrics.update(logits, targets)
    loss = torch.nn.functional.cross_entropy(logits, targets).item()
    return {f"{prefix}loss": loss} | {name: value.item() for name, value in metrics.compute().items()}
