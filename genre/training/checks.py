"""Checks of a configuration against the features and the data."""

import logging
import math

from torch import nn

from genre.audio.features import FeatureExtractor
from genre.audio.windows import MIN_FRAMES
from genre.config.schema import TrainConfig
from genre.data.prepared import PreparedData
from genre.data.sampling import passes_per_epoch
from genre.errors import GenreError

log = logging.getLogger(__name__)


def check_batches(settings: TrainConfig, prepared: PreparedData) -> None:
    """Check that limits of the trainer leave at least one batch.

    Args:
        settings: The validated configuration.
        prepared: The data.

    Raises:
        GenreError: A fraction of the batches rounds down to none.
    """
    limits = (("limit_train_batches", "train"), ("limit_val_batches", "val"))
    for name, split in (*limits, ("overfit_batches", "train"), ("overfit_batches", "val")):
        limit = settings.trainer.get(name) or 1.0
        windows = int((prepared.tracks["split"] == split).sum())
        if split == "train":
            windows *= passes_per_epoch(windows, settings.data.min_batches, settings.data.batch_size)
        batches = math.ceil(windows / settings.data.batch_size)
        if isinstance(limit, float) and int(limit * batches) == 0 and not settings.model.fit:
            least = math.ceil(1000 / batches) / 1000
            raise GenreError(
                f"trainer.{name}={limit} is less than one of {batches} {split} batches: use at least {least}"
            )


def check_stopping(settings: TrainConfig) -> None:
    """Refuse early stopping that waits for a number of epochs or steps: a resumed run could stop at another epoch.

    Args:
        settings: The validated configuration.

    Raises:
        GenreError: Both are set.
    """
    for name in ("min_epochs", "min_steps"):
        if settings.early_stopping.patience and settings.trainer.get(name) and not settings.model.fit:
            raise GenreError(
                f"trainer.{name}={settings.trainer[name]} cannot be used with early_stopping.patience="
                f"{settings.early_stopping.patience}: leave one of them out"
            )


def warn_of_transforms(augment: nn.Module, features: FeatureExtractor) -> None:
    """Log a warning if augmentations for mel bands change other features.

    Args:
        augment: The augmentations.
        features: The features that they change.
    """
    transforms = getattr(augment, "transforms", {})
    names = [name for name, transform in transforms.items() if getattr(transform, "for_mel_bands", False)]
    if not features.mel_frequencies:
        for name in names:
            log.warning("augment.%s is for mel bands, not for these features: add augment.%s=null", name, name)


def check_frames(features: FeatureExtractor, key: str, seconds: float | None, used: float = 1.0) -> None:
    """Check that a duration has enough frames for the networks.

    Args:
        features: What makes the frames.
        key: Dotted key of the duration.
        seconds: The duration; None for any.
        used: Share of it that is used.

    Raises:
        GenreError: It has not.
    """
    if seconds and features.n_frames(seconds * used) < MIN_FRAMES:
        least = (MIN_FRAMES - 1) * features.hop_length / features.sample_rate / used
        raise GenreError(
            f"{key}={seconds} gives {features.n_frames(seconds * used)} frames, but the networks need at least "
            f"{MIN_FRAMES}: use at least {least + 0.05:.1f}"
        )
