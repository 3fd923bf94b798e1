"""The schema of the configuration: what exists, of which type and in which range. Known to Hydra by name."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

LEAKAGE_LEVELS = ("leak_nothing", "leak_artists", "leak_albums", "leak_segments")
"""Splits of the leakage ladder, for experiment=leakage."""


def _number(
    default: Any = MISSING, low: float | None = None, above: float | None = None, high: float | None = None
) -> Any:
    return field(default=default, metadata={"low": low, "above": above, "high": high})


def _choice(default: Any, *choices: str) -> Any:
    return field(default=default, metadata={"choices": choices})


@dataclass
class DataConfig:
    """Which music, which part of it, and how it is split and read."""

    name: str = MISSING
    root: str = MISSING
    source: dict[str, Any] = MISSING
    subset: str | None = None  # of FMA: small, medium, large or full
    clip_seconds: float = _number(30.0, above=0)
    clip_start: Any = 0.0  # seconds into the track, or `middle`
    segment_seconds: float | None = _number(None, above=0)
    batch_size: int = _number(16, low=1)
    num_workers: int = _number(0, low=0)
    sampler: str = _choice("random", "random", "balanced")  # balanced: all genres about equally often
    splits: str = _choice(
        "auto", "auto", "artist", "artist_album", "official", "stratified", "fault_filtered", *LEAKAGE_LEVELS
    )
    split_seed: int | None = _number(None, low=0, high=2**32 - 1)  # null for the run's seed
    fold: int | None = _number(None, low=0)  # which of the folds is the test part; null for a single split
    folds: int = _number(5, low=2)
    exclude_genres: list[str] = field(default_factory=list)
    min_tracks_per_genre: int = _number(1, low=1)
    min_seconds: float = _number(5.0, low=0)


@dataclass
class CRNNConfig:
    """`genre.models.crnn.CRNN`; its `num_classes` and `n_mels` come from data and features."""

    _target_: str = "genre.models.crnn.CRNN"
    cnn: str = _choice(MISSING, "1d", "2d")
    rnn: str = _choice(MISSING, "gru", "lstm")
    hidden_dim: int = _number(64, low=1)
    num_layers: int = _number(2, low=1)
    dropout: float = _number(0.3, low=0, high=0.95)
    rnn_dropout: float | None = _number(None, low=0, high=0.95)
    bidirectional: bool = True
    pooling: str | None = _choice(None, "mean", "mean_max", "last")
    pool_sizes: list[int] = field(default_factory=lambda: [2, 2])


@dataclass
class CNN2dConfig:
    """`genre.models.baselines.PlainCnn2d`."""

    _target_: str = "genre.models.baselines.PlainCnn2d"
    hidden_dim: int = _number(64, low=1)
    dropout: float = _number(0.3, low=0, high=0.95)


@dataclass
class ModelConfig:
    """The network and how it learns."""

    name: str = MISSING
    net: Any = MISSING
    learning_rate: float = _number(1e-3, above=0)
    weight_decay: float = _number(1e-4, low=0)
    label_smoothing: float = _number(0.0, low=0, high=0.95)
    class_weights: bool = False
    logit_adjustment: bool = False  # after training, by a tau chosen on validation
    fit: dict[str, Any] | None = None  # for models that are fitted in one go instead of by gradient steps


@dataclass
class MonitorConfig:
    """What selects the best epoch, stops early, lowers the learning rate and is a search's objective."""

    metric: str = _choice("val/loss", *(f"val/{name}" for name in ("loss", "accuracy", "f1_macro", "f1_weighted")))
    mode: str = _choice("min", "min", "max")


@dataclass
class EarlyStoppingConfig:
    """Epochs without a better monitored score until training ends; null trains on."""

    patience: int | None = _number(6, low=1)


@dataclass
class TrainerConfig:
    """Arguments of `lightning.Trainer`."""

    accelerator: str = "auto"
    devices: Any = 1
    num_nodes: int = _number(1, low=1)
    strategy: str = "auto"
    precision: Any = "32-true"
    max_epochs: int = _number(30, low=1)
    deterministic: Any = True  # true, false or `warn`
    benchmark: bool | None = None
    gradient_clip_val: float | None = _number(None, above=0)
    accumulate_grad_batches: int = _number(1, low=1)
    limit_train_batches: Any = 1.0
    limit_val_batches: Any = 1.0
    sync_batchnorm: bool = False
    detect_anomaly: bool = False
    profiler: str | None = None


@dataclass
class SizeConfig:
    """What networks take where nothing else is said, and what a search chooses from."""

    hidden_dim: int = _number(64, low=1)
    search_hidden_dim: str = "64,128,256"
    search_batch_size: str = "16,32,64,128"


@dataclass
class SearchConfig:
    """A durable study: how much of it, where it is kept, and which of its trials this run is."""

    n_trials: int = _number(30, low=1)  # in all, however often the command is repeated
    n_jobs: int = _number(1, low=1)  # trials at a time, for launchers that run several
    seed: int = _number(42, low=0, high=2**32 - 1)  # of the sampler
    study: str = MISSING
    folder: str = MISSING
    storage: str = MISSING  # as SQLAlchemy writes it: sqlite:///..., postgresql://...
    prune: bool = True  # stop a trial early that is worse than the median
    startup_trials: int = _number(5, low=1)  # so many are completed before any is pruned
    warm_up_epochs: int = _number(5, low=0)  # no trial is pruned before
    failures_in_a_row: int = _number(5, low=1)  # end the search
    heartbeat_seconds: int = _number(10, low=1)  # a trial silent for three of them is dead
    trial: int | None = _number(None, low=0)  # set by the search


@dataclass
class PathsConfig:
    """Where things lie; relative paths start at the working directory."""

    data: str = "data"
    cache: str = "data/cache"
    runs: str = "runs"


@dataclass
class TrainConfig:
    """A training run."""

    data: DataConfig = MISSING
    features: dict[str, Any] = MISSING
    augment: dict[str, Any] = MISSING
    model: ModelConfig = MISSING
    size: SizeConfig = field(default_factory=SizeConfig)
    scheduler: dict[str, Any] = field(default_factory=dict)
    trainer: TrainerConfig = MISSING
    logger: dict[str, Any] = field(default_factory=dict)
    executor: dict[str, Any] = MISSING
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    label: str = "${model.name}"
    test_last: bool = False  # test the last epoch too, beside the best
    best: str | None = None  # folder of a search, or of several: the model's best settings are taken from there
    finished: str = _choice("refuse", "refuse", "skip")
    search: Any = None  # `SearchSettings` where something is searched
    seed: int = _number(42, low=0, high=2**32 - 1)
    trust: list[str] = field(default_factory=list)  # packages whose code a stored configuration may name
    run_dir: str = MISSING


@dataclass
class EvaluateConfig:
    """What evaluate.py needs: the rest is in the run folder."""

    run_dir: Any = MISSING  # a run folder, or several: a list, globs, folders that hold run folders
    out_dir: str | None = None  # of the report; null for `report` in the folder that holds all the runs
    accelerator: str | None = None  # null for the one that the run was made on
    data_root: str | None = None  # where the audio lies now, if it was moved
    cache: str | None = None  # where the caches lie now, if they were moved
    trust: list[str] = field(default_factory=list)  # packages whose code the run's files may name


def register() -> None:
    """Make the schema known to Hydra, as `schema/...`."""
    store = ConfigStore.instance()
    store.store(group="schema", name="train", node=TrainConfig)
    store.store(group="schema", name="evaluate", node=EvaluateConfig)
    store.store(group="schema", name="search", node=SearchConfig)
    store.store(group="schema/net", name="hybrid", node=CRNNConfig)
    store.store(group="schema/net", name="plain", node=CNN2dConfig)


register()
