"""Fit the baselines, which train without epochs. The run folder is the same as a network's."""

import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning.pytorch.loggers import Logger
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from genre import run_folder
from genre.audio.windows import track_logits
from genre.config.instantiate import build
from genre.data.datamodule import GenreDataModule
from genre.errors import GenreError
from genre.files import atomic_write
from genre.models.baselines import ClassPrior, MelStatisticsClassifier, clip_statistics
from genre.training.checkpoints import AtomicCheckpointIO
from genre.training.components import Components
from genre.training.metrics import compute_metrics

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Values of scikit-learn's C to choose from."""


def fit_class_prior(net: ClassPrior, datamodule: GenreDataModule) -> None:
    """Set the class prior to the class frequencies of the training tracks."""
    counts = datamodule.data.train_counts
    net.log_share = torch.from_numpy(np.log(counts / counts.sum())).float()


def fit_logistic_regression(
    net: MelStatisticsClassifier,
    datamodule: GenreDataModule,
    strength: float | None = 1.0,
    class_weights: bool = False,
) -> None:
    """Fit scikit-learn's logistic regression on the statistics of the training tracks' features.

    Args:
        net: Receives the coefficients and the scaling.
        datamodule: Prepared data.
        strength: Inverse of the L2 penalty: scikit-learn's C; None for the one of `STRENGTHS` with the lowest
            validation loss.
        class_weights: Whether tracks are weighted by the inverse frequency of their genre.

    Raises:
        GenreError: The strength is not positive.
    """
    if strength is not None and not strength > 0:
        raise GenreError(f"model.fit.strength={strength} must be above 0, or null for the best of five")
    statistics, targets = _statistics(datamodule, "train")
    scaler = StandardScaler().fit(statistics)
    statistics = scaler.transform(statistics)

    def fitted(strength: float) -> LogisticRegression:
        weights = "balanced" if class_weights else None
        return LogisticRegression(C=strength, class_weight=weights, max_iter=2000).fit(statistics, targets)

    if strength is None:
        val_statistics, val_targets = _statistics(datamodule, "val")
        val_statistics = scaler.transform(val_statistics)
        models = [fitted(strength) for strength in STRENGTHS]
        losses = [log_loss(val_targets, model.predict_proba(val_statistics), labels=model.classes_) for model in models]
        model = models[int(np.argmin(losses))]
    else:
        model = fitted(strength)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # for two classes, scikit-learn stores only their difference
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    state = {"mean": scaler.mean_, "deviation": scaler.scale_, "head.weight": weight, "head.bias": bias}
    net.load_state_dict({name: torch.from_numpy(np.asarray(value)).float() for name, value in state.items()})


def _statistics(datamodule: GenreDataModule, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Statistics, shape (tracks, statistics), and genre numbers of the tracks of a split."""
    batches = [(clip_statistics(batch.mel.float()), batch.target) for batch in datamodule.eval_dataloader(split)]
    statistics, targets = (torch.cat(tensors).numpy() for tensors in zip(*batches, strict=True))
    return statistics, targets


def fit_baseline(components: Components, folder: Path, device: str, loggers: list[Logger]) -> float:
    """Fit the configured baseline, score it on the validation set, and write its checkpoints and metrics.csv.

    Args:
        components: Components of the run.
        folder: Run folder.
        device: Device name for torch.
        loggers: Loggers in addition to metrics.csv.

    Returns:
        Monitored score.

    Raises:
        GenreError: The validation loss is not finite.
    """
    started = time.perf_counter()
    settings, datamodule, genres = components.settings, components.datamodule, components.datamodule.data.genres
    net = components.build_network(genres)
    build("model.fit", settings.model.fit)(net, datamodule)
    seconds = time.perf_counter() - started
    net = net.eval().to(device)
    with torch.inference_mode():
        batches = [
            (track_logits(net, batch.mel.to(device).float(), None, batch.frames).cpu(), batch.target)
            for batch in datamodule.val_dataloader()
        ]
    logits, targets = (torch.cat(tensors) for tensors in zip(*batches, strict=True))
    scores = compute_metrics(logits, targets, "val/")
    if not math.isfinite(scores["val/loss"]):
        raise GenreError(
            f"val/loss is {scores['val/loss']}: {settings.model.name} cannot be fitted to these data, use another model"
        )
    metadata = components.model_metadata(genres) | {"segment_seconds": None}  # fitted to whole clips, so used on them
    weights = {f"net.{name}": value for name, value in net.state_dict().items()}
    checkpoint = {"state_dict": weights, "hyper_parameters": {"card": metadata}}
    for name in (run_folder.LAST, run_folder.BEST):
        AtomicCheckpointIO().save_checkpoint(checkpoint, folder / name)
    with atomic_write(folder / run_folder.METRICS) as temporary:
        pd.DataFrame([{"epoch": 0, "step": 0, **scores, "seconds": seconds}]).to_csv(temporary, index=False)
    for logger in loggers:
        logger.log_metrics(scores, step=0)
    return scores[settings.monitor.metric]
