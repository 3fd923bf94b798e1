"""Build the components of a run from its configuration, and check them all before audio is read."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from genre import run_folder
from genre.audio.features import FeatureExtractor
from genre.config.instantiate import build, build_each, build_network, check_arguments, with_target
from genre.config.schema import TrainConfig
from genre.config.targets import Trust
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.feature_cache import FeatureCache
from genre.data.datamodule import GenreDataModule
from genre.data.leakage import is_leakage_level
from genre.data.prepare import prepare, restore_from_run
from genre.data.prepared import PreparedData
from genre.data.splits import check_fractions
from genre.data.tracks import Source
from genre.errors import GenreError
from genre.models.checkpoint import resolve_device
from genre.training.checks import check_batches, check_frames, check_stopping
from genre.training.distillation import FeatureTeacher, embedding_size
from genre.training.initial_weights import find_checkpoint
from genre.training.optimization import (
    Schedule,
    build_schedules,
    check_optimization,
    loss_factory,
    optimizer_factory,
)
from genre.training.trainer import check_trainer

LATEST_START = 86400
"""Largest `data.clip_start` in seconds: a day."""


@dataclass(frozen=True)
class Components:
    """The objects that a configuration describes.

    Attributes:
        settings: The validated configuration.
        features: Waveform -> features.
        probe: The same for the probe; None if its weights are not there.
        teacher: What a network learns beside the genre; None for nothing, as for a baseline.
        source: Source of the tracks.
        cache: Cache of their features.
        make_executor: Factory of the executor that extracts features.
        datamodule: Batches; the data are prepared at the first use.
        make_optimizer: Factory: network -> optimizer.
        schedules: Learning-rate schedules.
        make_loss: Factory: number of training tracks of each genre -> training loss.
        callbacks: Further callbacks of the training.
    """

    settings: TrainConfig
    features: FeatureExtractor
    probe: FeatureExtractor | None
    teacher: FeatureTeacher | None
    source: Source
    cache: FeatureCache
    make_executor: Callable[[], Executor]
    datamodule: GenreDataModule
    make_optimizer: Callable[[nn.Module], torch.optim.Optimizer]
    schedules: list[Schedule]
    make_loss: Callable[[Tensor], nn.Module]
    callbacks: list[Callback]

    @property
    def device(self) -> str:
        """Device of `trainer.accelerator`; the best there is if none is named."""
        return resolve_device(self.settings.trainer.get("accelerator", "auto"))

    @property
    def feature_settings(self) -> dict[str, Any]:
        """Settings of the features: those of the model, if it has its own."""
        return feature_settings(self.settings)

    def model_metadata(self, genres: list[str]) -> dict[str, Any]:
        """Plain values with which a checkpoint can be used without the configuration."""
        data = self.settings.data
        return {
            "net": self._net_spec(genres),
            "features": self.feature_settings,
            "clip_seconds": data.clip_seconds,
            "clip_start": data.clip_start,
            "segment_seconds": data.segment_seconds,
            "genres": genres,
        }

    def cache_of(self, features: FeatureExtractor) -> FeatureCache:
        """Cache of other features of the same clips."""
        data = self.settings.data
        spec = FeatureSpec(features, data.clip_seconds, data.clip_start)
        return FeatureCache(Path(self.settings.paths.cache), Path(data.root).resolve().name, spec)

    def restore(self, cache: FeatureCache, folder: Path) -> PreparedData:
        """Find the tracks of a run folder in a cache, and extract what is missing there."""
        return restore_from_run(folder / run_folder.TRACKS, self.source, cache, self.make_executor)

    def build_network(self, genres: list[str]) -> nn.Module:
        """Build the network, initialized with torch's global random state."""
        return build_network(self._net_spec(genres))

    def trust(self, genres: list[str]) -> Trust:
        """Code that a checkpoint of this run may name: its own network, and the packages given as `trust`."""
        return Trust(self.settings.trust, {"model": {"net": self._net_spec(genres)}})

    def _net_spec(self, genres: list[str]) -> dict[str, Any]:
        return {**self.settings.model.net, "num_classes": len(genres), "n_mels": self.features.n_features}


def feature_settings(settings: TrainConfig) -> dict[str, Any]:
    """Settings of the features that a run uses: those of the model, if it has its own."""
    chosen = settings.model.features or settings.features
    if not isinstance(chosen, dict):
        raise GenreError(f"model.features={chosen} must be a section of settings: choose features={chosen} instead")
    return dict(chosen)


def build_components(settings: TrainConfig, tracks: Path | None = None) -> Components:
    """Build all components, and check that everything that training builds later can be built.

    Args:
        settings: The validated configuration.
        tracks: Track table of a run folder, whose split is used again; None for a new split.

    Returns:
        The components. No audio has been read.

    Raises:
        GenreError: A component does not accept its values.
    """
    data = settings.data
    features = build("model.features" if settings.model.features else "features", feature_settings(settings))
    used = 0.5 if is_leakage_level(data.splits) else 1.0
    check_frames(features, "data.clip_seconds", data.clip_seconds, used)
    segment = None if settings.model.fit else data.segment_seconds  # a baseline sees whole clips
    check_frames(features, "data.segment_seconds", segment)
    if tracks is None and segment and segment > data.clip_seconds * used:
        raise GenreError(
            f"data.segment_seconds={data.segment_seconds} is longer than the {data.clip_seconds * used:g} s that are "
            "used of each track: use at most that, or null for all of it"
        )
    start = data.clip_start
    if start != "middle" and (type(start) not in (int, float) or not 0 <= start <= LATEST_START):
        raise GenreError(f"data.clip_start={start} is unknown: use seconds from 0 to {LATEST_START}, or middle")
    spec = FeatureSpec(features, data.clip_seconds, data.clip_start)
    source = build("data.source", data.source)
    cache = FeatureCache(Path(settings.paths.cache), Path(data.root).resolve().name, spec)
    check_arguments("executor", settings.executor)
    for name, logger in with_target("logger", settings.logger).items():
        check_arguments(f"logger.{name}", logger)
    make_executor = partial(build, "executor", settings.executor)

    def prepare_data() -> PreparedData:
        if tracks is not None:
            return restore_from_run(tracks, source, cache, make_executor)
        split_seed = settings.seed if data.split_seed is None else data.split_seed
        prepared = prepare(source, data, cache, make_executor, split_seed)
        check_batches(settings, prepared)
        return prepared

    datamodule = GenreDataModule(
        prepare_data,
        build("augment", settings.augment),
        data.batch_size,
        spec.n_segment_frames(data.segment_seconds),
        data.num_workers,
        settings.seed,
        data.sampler == "balanced",
        half_clips=is_leakage_level(data.splits),
        min_batches=data.min_batches,
    )
    check_fractions(data.fractions)
    if data.splits.endswith(".csv"):
        if data.fold is not None:
            raise GenreError(f"data.splits={data.splits} has no folds: use data.fold=null")
        if tracks is None and not Path(data.splits).is_file():
            raise GenreError(f"{data.splits} does not exist: genre split writes such a file")
    if data.fold is not None and data.fold >= data.folds:
        raise GenreError(f"data.fold={data.fold} is not one of the {data.folds} folds: use 0 to {data.folds - 1}")
    callbacks = build_each("callbacks", settings.callbacks)
    for name, callback in callbacks.items():
        if not isinstance(callback, Callback):
            raise GenreError(f"callbacks.{name} is not a Lightning callback: set its _target_ to one")
    components = Components(
        settings,
        features,
        _probe_features(settings),
        build("teacher", settings.teacher) if settings.teacher and not settings.model.fit else None,
        source,
        cache,
        make_executor,
        datamodule,
        optimizer_factory(settings.optimizer),
        build_schedules(settings.scheduler),
        loss_factory(settings.loss, settings.model.class_weights),
        list(callbacks.values()),
    )
    _check_network(components, spec)
    check_trainer(settings.trainer)
    if tracks is None:
        check_stopping(settings)
    if settings.ckpt_path and tracks is None:  # a trained run does not need it again
        find_checkpoint(Path(settings.ckpt_path))
    check_optimization(components.make_optimizer, components.schedules, components.make_loss)
    return components


def _probe_features(settings: TrainConfig) -> FeatureExtractor | None:
    weights = settings.probe.get("weights")
    if not settings.probe or (weights and not Path(weights).exists()):
        return None
    features: FeatureExtractor = build("probe", settings.probe)
    return features


def _check_network(components: Components, spec: FeatureSpec) -> None:
    """Run the network on the meta device, with a batch of the shape that it will get."""
    net = components.settings.model.net
    if not isinstance(net, dict) or "_target_" not in net:
        raise GenreError(f"model.net={net} is not a network: choose one, such as model=cnn2d_gru")
    frames, features = components.datamodule.segment_frames or spec.n_frames, components.features.n_features
    with torch.device("meta"):
        network = components.build_network(["one", "other"])
        try:
            logits = network(torch.zeros(2, frames, features))
        except Exception as error:  # a network of the user's own may fail in any way
            raise GenreError(
                f"model.net does not accept {frames} frames of {features} features: {str(error).splitlines()[0]}"
            ) from error
        shape = tuple(getattr(logits, "shape", ()))
        if shape != (2, 2):
            raise GenreError(
                f"model.net returns {shape or type(logits).__name__} for 2 clips and 2 genres: it must return a tensor "
                "(clips, genres)"
            )
        if components.teacher is not None:
            embedding_size(network, features)
