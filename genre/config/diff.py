"""Compare two configurations by the values that affect training."""

from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from genre.config.renamed import with_current_names
from genre.config.targets import FETCHING, within

IGNORED_KEYS = (
    *("against", "run_dir", "paths", "logger", "executor", "finished", "search", "trust", "print_config", "probe"),
    *("data.num_workers", "trainer.accelerator", "trainer.devices", "trainer.deterministic", "trainer.benchmark"),
    *("trainer.profiler", "trainer.detect_anomaly", "trainer.log_every_n_steps"),
    *("trainer.enable_progress_bar", "trainer.enable_model_summary"),
)
"""Keys that say where and how a run is computed and do not affect its result."""
MACHINE_KEYS = ("data.root", "data.source.root", "data.table", "data.source.table")
"""Keys that may also differ between machines that share a study, and between runs that are compared."""


def is_trained(key: str) -> bool:
    """Whether a dotted key, or the name of a group, affects training."""
    return not any(key == name or key.startswith(f"{name}.") for name in IGNORED_KEYS)


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested dicts with their dotted keys."""
    if not isinstance(node, dict):
        yield path, node
    else:
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))


def training_values(config: DictConfig) -> dict[str, Any]:
    """Values that affect training, by dotted key."""
    values = with_current_names(OmegaConf.to_container(config, resolve=True))
    assert isinstance(values, dict)
    return without_places({key: value for key, value in leaves(values) if is_trained(key)})


def without_places(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out the paths of weights that `genre weights` fetches, which are the same wherever they are."""
    fetching = [key for key, value in values.items() if key.endswith("._target_") and within(value, [FETCHING])]
    paths = {f"{key.removesuffix('_target_')}weights" for key in fetching}
    return {key: value for key, value in values.items() if key not in paths}


def first_difference(new: dict[str, Any], old: dict[str, Any], typed: Sequence[str] = ()) -> str | None:
    """First key whose values differ, None if both train the same model: of those that were typed, else of all."""
    differing = [key for key in new.keys() | old.keys() if is_trained(key) and new.get(key) != old.get(key)]
    return min(
        differing, key=lambda key: (not any(f"{key}.".startswith(f"{text}.") for text in typed), key), default=None
    )
