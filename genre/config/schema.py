"""Configuration schema: keys, types and ranges, registered with Hydra's ConfigStore. The values are in conf/."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

LEAKAGE_LEVELS = ("leak_nothing", "leak_artists", "leak_albums", "leak_segments")
"""Values of `data.splits` for experiment=leakage, from no leakage to the most."""

SPLIT_STRATEGIES = ("auto", "artist", "artist_album", "official", "stratified", "fault_filtered")
"""Other values of `data.splits`, beside the name of a CSV file."""

OPEN = {"open": True}
"""Metadata of sections that take any key: they are checked when the object is built that they describe."""


def _number(*, low: float | None = None, above: float | None = None, high: float | None = None) -> Any:
    return field(default=MISSING, metadata={"low": low, "above": above, "high": high})


def _choice(*choices: str, suffix: str | None = None) -> Any:
    return field(default=MISSING, metadata={"choices": choices, "suffix": suffix})


@dataclass
class DataConfig:
    """Tracks, their split, and how they are read."""

    name: str = MISSING
    root: str = MISSING
    source: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    subset: str | None = MISSING
    table: str | None = MISSING
    columns: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    clip_seconds: float = _number(above=0)
    clip_start: Any = MISSING
    segment_seconds: float | None = _number(above=0)
    batch_size: int = _number(low=1)
    min_batches: int | None = _number(low=1)
    num_workers: int = _number(low=0)
    sampler: str = _choice("random", "balanced")
    splits: str = _choice(*SPLIT_STRATEGIES, *LEAKAGE_LEVELS, suffix=".csv")
    fractions: list[float] = MISSING
    train_fraction: float = _number(above=0, high=1)
    split_seed: int | None = _number(low=0, high=2**32 - 1)
    fold: int | None = _number(low=0)
    folds: int = _number(low=2)
    exclude_genres: list[str] = MISSING
    licenses: list[str] = MISSING
    min_tracks_per_genre: int = _number(low=1)
    min_seconds: float = _number(low=0)


@dataclass
class ModelConfig:
    """The network and how it is trained."""

    name: str = MISSING
    net: Any = field(default_factory=dict, metadata=OPEN)
    features: Any = MISSING
    learning_rate: float = _number(above=0)
    weight_decay: float = _number(low=0)
    label_smoothing: float = _number(low=0, high=0.95)
    input_norm: bool = MISSING
    channels_last: bool = MISSING
    class_weights: bool = MISSING
    logit_adjustment: bool = MISSING
    fit: dict[str, Any] | None = MISSING


@dataclass
class MonitorConfig:
    """The monitored score, and which epoch is tested."""

    metric: str = _choice(*(f"val/{name}" for name in ("loss", "accuracy", "f1_macro", "f1_weighted")))
    mode: str = _choice("min", "max")
    select: str = _choice("best", "last")


@dataclass
class EarlyStoppingConfig:
    """When training stops before its last epoch."""

    patience: int | None = _number(low=1)


@dataclass
class SizeConfig:
    """Sizes that depend on the size of the data set."""

    hidden_dim: int = _number(low=1)
    epochs: int = _number(low=1)
    search_hidden_dim: str = MISSING
    search_batch_size: str = MISSING


@dataclass
class SearchConfig:
    """A resumable study."""

    n_trials: int = _number(low=1)
    n_jobs: int = _number(low=1)
    seed: int = _number(low=0, high=2**32 - 1)
    study: str = MISSING
    folder: str = MISSING
    storage: str = MISSING
    prune: bool = MISSING
    startup_trials: int = _number(low=1)
    warm_up_epochs: int = _number(low=0)
    failures_in_a_row: int = _number(low=1)
    heartbeat_seconds: int = _number(low=1)
    trial: int | None = _number(low=0)


@dataclass
class PathsConfig:
    """Folders; relative paths start at the working directory."""

    data: str = MISSING
    cache: str = MISSING
    runs: str = MISSING


@dataclass
class TrainConfig:
    """A training run."""

    data: DataConfig = field(default_factory=DataConfig)
    features: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    probe: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    teacher: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    augment: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    model: ModelConfig = field(default_factory=ModelConfig)
    size: SizeConfig = field(default_factory=SizeConfig)
    optimizer: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    scheduler: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    loss: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    trainer: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    callbacks: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    logger: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    executor: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    label: str = MISSING
    against: str | None = MISSING
    test_last: bool = MISSING
    best: str | None = MISSING
    finished: str = _choice("refuse", "skip", "extend")
    ckpt_path: str | None = MISSING
    print_config: bool = MISSING
    search: Any = MISSING  # null, or a `SearchConfig`
    seed: int = _number(low=0, high=2**32 - 1)
    trust: list[str] = MISSING
    run_dir: str = MISSING


@dataclass
class ReportConfig:
    """What the report of a run shows."""

    audio: bool = MISSING


@dataclass
class EvaluateConfig:
    """What evaluate.py needs beside the run folder."""

    run_dir: Any = MISSING
    out_dir: str | None = MISSING
    split: str = _choice("test", "val")
    ensemble: bool = MISSING
    on: Any = MISSING
    on_genres: dict[str, Any] = field(default_factory=dict, metadata=OPEN)
    report: ReportConfig = field(default_factory=ReportConfig)
    accelerator: str | None = MISSING
    data_root: str | None = MISSING
    cache: str | None = MISSING
    trust: list[str] = MISSING


def structured(schema: type) -> DictConfig:
    """Make a configuration of a schema, in whose open sections any key may be set without a `+`."""
    config = OmegaConf.structured(schema)
    _open_sections(config, schema)
    return config


def _open_sections(config: DictConfig, schema: Any) -> None:
    for entry in dataclasses.fields(schema):
        if entry.metadata.get("open"):
            OmegaConf.set_struct(config[entry.name], False)
        elif dataclasses.is_dataclass(entry.type):
            _open_sections(config[entry.name], entry.type)


def _where_exists(path: str | None, text: str) -> str:
    """Return the text if a file exists, or if none is needed, else nothing."""
    return text if path is None or Path(path).exists() else ""


def _parent_folder(path: str | None) -> str:
    """Folder of a file; the working directory if none is given."""
    return str(Path(path or "").parent)


def register() -> None:
    """Register the schema with Hydra, as `schema/...`, and the resolvers of conf/."""
    OmegaConf.register_new_resolver("where_exists", _where_exists, replace=True)
    OmegaConf.register_new_resolver("parent_folder", _parent_folder, replace=True)
    # Hydra would copy the whole store for each group that `--help` lists, which takes seconds. Loading copies anyway.
    ConfigStore.__deepcopy__ = lambda store, memo: store  # type: ignore[attr-defined]
    store = ConfigStore.instance()
    for name, schema in {"train": TrainConfig, "evaluate": EvaluateConfig, "search": SearchConfig}.items():
        store.store(group="schema", name=name, node=structured(schema))


register()
