"""Models that are fitted in one go: a run of theirs leaves the same folder as a network's."""

import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from lightning.pytorch.loggers import Logger
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from genre import run_folder
from genre.audio.windows import track_logits
from genre.data.datamodule import GenreDataModule
from genre.errors import GenreError
from genre.files import atomic_write
from genre.models.baselines import ClassPrior, MelStatisticsClassifier
from genre.training.checkpoints import save
from genre.training.components import Components, build
from genre.training.metrics import compute_metrics


def fit_class_prior(net: ClassPrior, data: GenreDataModule) -> None:
    """Count the genres of the training tracks.

    Args:
        net: Gets the logarithms of their shares.
        data: The collection.
    """
    counts = data.data.train_counts
    net.log_share = torch.from_numpy(np.log(counts / counts.sum())).float()


def fit_logistic_regression(net: MelStatisticsClassifier, data: GenreDataModule, strength: float = 1.0) -> None:
    """Fit a logistic regression by scikit-learn.

    Args:
        net: Gets its coefficients.
        data: The collection.
        strength: Inverse of the L2 penalty, scikit-learn's C.
    """
    batches = [(net.statistics(batch.mel.float()), batch.target) for batch in data.eval_dataloader("train")]
    statistics, targets = (torch.cat(tensors).numpy() for tensors in zip(*batches, strict=True))
    scaler = StandardScaler().fit(statistics)
    model = LogisticRegression(C=strength, max_iter=2000).fit(scaler.transform(statistics), targets)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # of two genres scikit-learn keeps the difference alone
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    state = {"mean": scaler.mean_, "deviation": scaler.scale_, "head.weight": weight, "head.bias": bias}
    net.load_state_dict({name: torch.from_numpy(np.asarray(value)).float() for name, value in state.items()})


def fit_baseline(parts: Components, folder: Path, device: str, loggers: list[Logger]) -> float:
    """Fit the configured model and leave what training leaves: checkpoints and metrics.csv.

    Args:
        parts: What the configuration names.
        folder: The run folder.
        device: As torch calls it.
        loggers: Beside metrics.csv.

    Returns:
        The monitored score.

    Raises:
        GenreError: The validation loss is not finite.
    """
    started = time.perf_counter()
    genres, data = parts.data.data.genres, parts.data
    net: nn.Module = parts.network(genres)
    build("model.fit", parts.settings.model.fit)(net, data)
    seconds = time.perf_counter() - started
    card = parts.card(genres) | {"segment_seconds": None}  # fitted to whole clips, so used on whole clips
    net = net.eval().to(device)
    with torch.inference_mode():
        batches = [
            (track_logits(net, batch.mel.to(device).float(), None, batch.frames).cpu(), batch.target)
            for batch in data.val_dataloader()
        ]
    logits, targets = (torch.cat(tensors) for tensors in zip(*batches, strict=True))
    scores = compute_metrics(logits, targets, "val/")
    if not math.isfinite(scores["val/loss"]):
        name = parts.settings.model.name
        raise GenreError(f"val/loss is {scores['val/loss']}: {name} does not fit these data, use another model")
    state = {f"net.{name}": value for name, value in net.state_dict().items()}
    checkpoint = {"state_dict": state, "hyper_parameters": {"card": card}}
    for name in (run_folder.LAST, run_folder.BEST):
        save(checkpoint, folder / name)
    row = {"epoch": 0, "step": 0, **scores, "seconds": seconds}
    with atomic_write(folder / run_folder.METRICS) as temporary:
        pd.DataFrame([row]).to_csv(temporary, index=False)
    for logger in loggers:
        logger.log_metrics(scores, step=0)
    return scores[parts.settings.monitor.metric]
