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


class Scores(MetricCollection):
    """Accuracy, F1 macro and F1 weighted; a track with non-finite logits counts as an error.

    Args:
        num_classes: Number of genres.
        prefix: Put before each name, such as `val/`.
    """

    def __init__(self, num_classes: int, prefix: str) -> None:
        classes = num_classes + 1  # the last one is the prediction where there is none; it has no targets
        super().__init__(
            {
                "accuracy": MulticlassAccuracy(classes, average="micro"),
                "f1_macro": F1Macro(classes),
                "f1_weighted": MulticlassF1Score(classes, average="weighted"),
            },
            prefix=prefix,
            compute_groups=False,
        )
        self.no_prediction = num_classes

    def update(self, logits: Tensor, targets: Tensor) -> None:  # type: ignore[override]  # as MetricCollection has it
        """Add tracks: logits, shape (tracks, classes), and targets, shape (tracks,)."""
        super().update(predicted(logits, self.no_prediction), targets)


def predicted(logits: Tensor, no_prediction: int) -> Tensor:
    """Most probable class of each track.

    Args:
        logits: Shape (tracks, classes).
        no_prediction: Stands for tracks with a logit that is not finite.

    Returns:
        Shape (tracks,).
    """
    return torch.where(logits.isfinite().all(dim=1), logits.argmax(dim=1), no_prediction)


def compute_metrics(logits: Tensor, targets: Tensor, prefix: str) -> dict[str, float]:
    """All scores of some predictions, the loss included.

    Args:
        logits: Shape (tracks, classes); a track with a value that is not finite is answered wrongly.
        targets: Shape (tracks,).
        prefix: Put before each name, such as `test/`.

    Returns:
        loss (mean cross entropy, non-finite where a logit is), accuracy, f1_macro, f1_weighted.
    """
    collection = Scores(logits.shape[1], prefix)
    collection.update(logits, targets)
    loss = torch.nn.functional.cross_entropy(logits, targets).item()
    return {f"{prefix}loss": loss} | {name: value.item() for name, value in collection.compute().items()}
