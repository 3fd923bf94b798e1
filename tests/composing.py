"""Configurations for tests."""

import dataclasses
import functools
import threading
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from genre.config import schema
from genre.config.schema import EvaluateConfig, SearchConfig
from genre.config.validate import validate

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
LOCK = threading.Lock()

TINY = [
    "data=folder",
    "recipe=study",
    "data.clip_seconds=2",
    "data.segment_seconds=1.5",
    "data.min_seconds=1",
    "features.n_mels=16",
    "model=cnn1d_gru",
    "size.hidden_dim=4",
    "data.batch_size=4",
    "executor.workers=1",
    "logger=none",
    "test_last=false",
    "trainer=cpu",
]
"""A run of seconds on some folder: add data.root, paths.data and run_dir."""


def compose(overrides: list[str], name: str = "train", hydra_too: bool = False) -> DictConfig:
    schema.register()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        return hydra.compose(name, overrides, return_hydra_config=hydra_too)


def evaluation(**given: Any) -> EvaluateConfig:
    """Settings of evaluate.py."""
    overrides = [f"{key}={value}" for key, value in given.items() if value is not None]
    settings: EvaluateConfig = validate(compose(["run_dir=unused", *overrides], "evaluate"))
    return settings


def search_settings(**given: Any) -> SearchConfig:
    """Settings of a search with its defaults, except those given."""
    with LOCK:  # Hydra composes in one thread at a time
        defaults = _search_defaults()
    return dataclasses.replace(defaults, **given)


@functools.cache
def _search_defaults() -> SearchConfig:
    settings: SearchConfig = validate(compose(["hparams_search=optuna"])).search
    return settings
