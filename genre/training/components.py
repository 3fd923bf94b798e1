"""Configuration -> parts: features, data, network, schedulers, loggers. Everything is tried before audio is read."""

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import OmegaConf
from torch import nn

from genre.audio.features import LogMel
from genre.config.instantiate import instantiate, network
from genre.config.schema import TrainConfig
from genre.config.targets import Trust
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.feature_cache import FeatureCache
from genre.data.datamodule import GenreDataModule
from genre.data.leakage import is_leakage_level
from genre.data.prepare import PreparedData, prepare, restore_from_run
from genre.data.tracks import Source
from genre.errors import GenreError

MIN_FRAMES = 64
"""The shortest window that every network takes."""
LATEST_START = 86400
"""Seconds into a track: a day."""


@dataclass(frozen=True)
class Components:
    """What a configuration names.

    Attributes:
        settings: The configuration.
        features: Waveform -> features.
        source: Where the music lies.
        cache: Where its features go.
        make_executor: Makes what extracts them.
        datamodule: Batches; prepared at the first use.
        schedulers: Each makes a learning-rate scheduler of an optimiser.
    """

    settings: TrainConfig
    features: LogMel
    source: Source
    cache: FeatureCache
    make_executor: Callable[[], Executor]
    datamodule: GenreDataModule
    schedulers: list[Callable[..., Any]]

    def model_metadata(self, genres: list[str]) -> dict[str, Any]:
        """Plain values that let a checkpoint be used without the configuration."""
        data = self.settings.data
        return {
            "net": self._net_spec(genres),
            "features": dict(self.settings.features),
            "clip_seconds": data.clip_seconds,
            "clip_start": data.clip_start,
            "segment_seconds": data.segment_seconds,
            "genres": genres,
        }

    def build_network(self, genres: list[str]) -> nn.Module:
        """Make the network, initialized from torch's random numbers."""
        return network(self._net_spec(genres))

    def trust(self, genres: list[str]) -> Trust:
        """What a checkpoint of this run may name: what the configuration does, and the packages that were typed."""
        return Trust(self.settings.trust, {"model": {"net": self._net_spec(genres)}})

    def _net_spec(self, genres: list[str]) -> dict[str, Any]:
        return {**to_container(self.settings.model.net), "num_classes": len(genres), "n_mels": self.features.n_features}


def build_components(settings: TrainConfig, tracks: Path | None = None) -> Components:
    """Make the parts, and see that the network and the schedulers can be made too.

    Args:
        settings: The configuration.
        tracks: A run folder's track table, whose split is used again; None to split anew.

    Returns:
        The parts. No audio has been read.

    Raises:
        GenreError: Some part does not take its values.
    """
    data = settings.data
    features = build("features", settings.features)
    used = 0.5 if is_leakage_level(data.splits) else 1.0
    _check_frames(features, "data.clip_seconds", data.clip_seconds, used)
    _check_frames(features, "data.segment_seconds", data.segment_seconds)
    if tracks is None and data.segment_seconds and data.segment_seconds > data.clip_seconds * used:
        raise GenreError(
            f"data.segment_seconds={data.segment_seconds} is longer than the {data.clip_seconds * used:g} s that are "
            "used of each track: use at most that, or null for all of it"
        )
    start = data.clip_start
    if start != "middle" and (type(start) not in (int, float) or not 0 <= start <= LATEST_START):
        raise GenreError(f"data.clip_start={start} is unknown: use seconds from 0 to {LATEST_START}, or middle")
    recipe = FeatureSpec(features, data.clip_seconds, data.clip_start)
    source = build("data.source", data.source)
    cache = FeatureCache(Path(settings.paths.cache), Path(data.root).resolve().name, recipe)
    make_executor = partial(build, "executor", settings.executor)

    def prepared() -> PreparedData:
        if tracks is not None:
            return restore_from_run(tracks, source, cache, make_executor)
        split_seed = settings.seed if data.split_seed is None else data.split_seed
        found = prepare(source, data, cache, make_executor, split_seed)
        _check_limits(settings, found)
        return found

    loader = GenreDataModule(
        prepared,
        build("augment", settings.augment),
        data.batch_size,
        recipe.n_segment_frames(data.segment_seconds),
        data.num_workers,
        settings.seed,
        data.sampler == "balanced",
        half_clips=is_leakage_level(data.splits),
    )
    if data.fold is not None and data.fold >= data.folds:
        raise GenreError(f"data.fold={data.fold} is not one of the {data.folds} folds: use 0 to {data.folds - 1}")
    schedulers = [build(f"scheduler.{name}", spec) for name, spec in settings.scheduler.items() if spec]
    parts = Components(settings, features, source, cache, make_executor, loader, schedulers)
    _check_network(parts, recipe)
    _check_trainer(settings)
    optimizer = torch.optim.Adam([torch.zeros(1)])
    for name, make in zip(settings.scheduler, schedulers, strict=False):
        try:
            make(optimizer)
        except (TypeError, ValueError) as error:
            raise GenreError(f"scheduler.{name}: {error}") from error
    return parts


def _check_network(parts: Components, recipe: FeatureSpec) -> None:
    """Run the network without memory or arithmetic, on a batch of the shape that it will get."""
    net = parts.settings.model.net
    if not is_dataclass(net) and not isinstance(net, dict):
        raise GenreError(f"model.net={net} is not a network: choose one, such as model=cnn2d_gru")
    frames = parts.datamodule.segment_frames or recipe.n_frames
    with torch.device("meta"):
        network = parts.build_network(["one", "other"])
        try:
            network(torch.zeros(2, frames, parts.features.n_features))
        except (RuntimeError, ValueError) as error:
            raise GenreError(
                f"model.net does not take {frames} frames of {parts.features.n_features} features: "
                f"{str(error).splitlines()[0]}"
            ) from error


def _check_limits(settings: TrainConfig, prepared: PreparedData) -> None:
    """See that the shares of batches that are trained and validated on are not none."""
    for part in ("train", "val"):
        limit = getattr(settings.trainer, f"limit_{part}_batches")
        batches = math.ceil((prepared.tracks["split"] == part).sum() / settings.data.batch_size)
        if isinstance(limit, float) and int(limit * batches) == 0 and not settings.model.fit:
            least = math.ceil(1000 / batches) / 1000
            raise GenreError(
                f"trainer.limit_{part}_batches={limit} is less than one of {batches} batches: use at least {least}"
            )


def _check_trainer(settings: TrainConfig) -> None:
    trainer = settings.trainer
    for name in ("limit_train_batches", "limit_val_batches"):
        limit = getattr(trainer, name)
        if not isinstance(limit, int | float) or limit <= 0:
            raise GenreError(
                f"trainer.{name}={limit} must be a number above 0: of batches, or a share of them as in 0.5"
            )
    if trainer.deterministic not in (True, False, "warn"):
        raise GenreError(f"trainer.deterministic={trainer.deterministic} is unknown: use one of true, false, warn")
    if trainer.precision == "16-true":
        raise GenreError(
            "trainer.precision=16-true cannot work, Adam divides by 0 in float16: use 16-mixed or bf16-true"
        )
    try:
        L.Trainer(**to_container(trainer), logger=False, enable_checkpointing=False, enable_progress_bar=False)
    except (ImportError, MisconfigurationException, RuntimeError, TypeError, ValueError) as error:
        raise GenreError(f"trainer: {str(error).splitlines()[0]}") from error


def build(path: str, spec: Any) -> Any:
    """Instantiate a part of the configuration.

    Args:
        path: Where it stands there, for the message.
        spec: Values with `_target_`.

    Returns:
        What the target makes.

    Raises:
        GenreError: The target does not take these values.
    """
    values = to_container(spec)
    if not isinstance(values, dict) or "_target_" not in values:
        raise GenreError(f"{path} names nothing to make: give it a _target_")
    return instantiate(path, values)


def to_container(spec: Any) -> Any:
    """A part of the settings as lists and dicts."""
    return spec if isinstance(spec, dict) else OmegaConf.to_container(OmegaConf.structured(spec))


def _check_frames(features: LogMel, key: str, seconds: float | None, used: float = 1.0) -> None:
    if seconds and features.n_frames(seconds * used) < MIN_FRAMES:
        least = (MIN_FRAMES - 1) * features.hop_length / features.sample_rate / used
        raise GenreError(
            f"{key}={seconds} makes {features.n_frames(seconds * used)} frames, and the networks need {MIN_FRAMES}: "
            f"use at least {least + 0.05:.1f}"
        )
