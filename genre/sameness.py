"""Whether two configurations train the same thing."""

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

NO_MATTER = ("run_dir", "paths", "logger", "executor", "finished", "search", "trust")
"""What of a configuration says where and how, not what."""
ELSEWHERE = ("data.root", "data.source.root", "data.num_workers", "trainer.accelerator")
"""What may differ between machines that share a study, or runs that are compared."""


def what_counts(config: DictConfig) -> dict[str, Any]:
    """The leaves of a configuration that a score may depend on, by their dotted names, as JSON would keep them."""
    values = OmegaConf.to_container(config, resolve=True)
    assert isinstance(values, dict)

    def leaves(path: str, node: Any) -> Iterator[tuple[str, Any]]:
        if not isinstance(node, dict):
            yield path, node
        else:
            for key, value in node.items():
                yield from leaves(f"{path}.{key}" if path else str(key), value)

    return dict(leaves("", {key: value for key, value in values.items() if key not in NO_MATTER}))


def first_difference(new: dict[str, Any], old: dict[str, Any]) -> str | None:
    """The first key, in alphabetical order, whose values differ; None where all are the same."""
    return min((key for key in new.keys() | old.keys() if new.get(key) != old.get(key)), default=None)
