"""The scores, made in one place."""

import torch
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score, MulticlassStatScores


class F1Macro(MulticlassStatScores):
    """Mean F1 over the genres that have at least one target.

    scikit-learn's `f1_score(average="macro", labels=unique(y_true))`; torchmetrics' own macro average counts a
    genre without targets as 0 as soon as it is predicted once.

    Args:
        num_classes: Number of genres.
    """

    higher_is_better = True

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes=num_classes, average=None)

    def compute(self) -> Tensor:
        """The score, a scalar."""
        true_positive, false_positive, _, false_negative = self._final_state()
        present = true_positive + false_negative > 0
        f1 = 2 * true_positive / (2 * true_positive + false_positive + false_negative).clamp(min=1)
        return f1[present].mean()


def scores(num_classes: int, prefix: str) -> MetricCollection:
    """Accuracy, F1 macro and F1 weighted.

    Args:
        num_classes: Number of genres.
        prefix: Put before each name, such as `val/`.

    Returns:
        A collection that takes (logits or predictions, targets).
    """
    return MetricCollection(
        {
            "accuracy": MulticlassAccuracy(num_classes, average="micro"),
            "f1_macro": F1Macro(num_classes),
            "f1_weighted": MulticlassF1Score(num_classes, average="weighted"),
        },
        prefix=prefix,
        compute_groups=False,
    )


def score(logits: Tensor, targets: Tensor, prefix: str) -> dict[str, float]:
    """All scores of some predictions, the loss included.

    Args:
        logits: Shape (tracks, classes); a track with a value that is not finite is answered wrongly.
        targets: Shape (tracks,).
        prefix: Put before each name, such as `test/`.

    Returns:
        loss (mean cross entropy), accuracy, f1_macro, f1_weighted.
    """
    classes = logits.shape[1]
    collection = scores(classes + 1, prefix)
    collection.update(torch.where(logits.isfinite().all(dim=1), logits.argmax(dim=1), classes), targets)
    loss = torch.nn.functional.cross_entropy(logits, targets).item()
    return {f"{prefix}loss": loss} | {name: value.item() for name, value in collection.compute().items()}
