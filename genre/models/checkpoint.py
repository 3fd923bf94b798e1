"""Load a trained network, or several as an ensemble, from checkpoints."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genre.config.instantiate import build_network
from genre.config.renamed import with_current_names
from genre.config.targets import NETWORK, Trust, check
from genre.errors import GenreError
from genre.models.ensemble import Ensemble


def resolve_device(accelerator: str) -> str:
    """Select the torch device of an accelerator.

    Args:
        accelerator: Accelerator name of Lightning: auto, cpu, gpu, cuda or mps.

    Returns:
        Device name: cpu, cuda or mps.

    Raises:
        GenreError: The accelerator is unknown, or not available on this machine.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    devices = {"auto": ["cuda", "mps", "cpu"], "gpu": ["cuda", "mps"]} | {name: [name] for name in available}
    if accelerator not in devices:
        raise GenreError(f"accelerator={accelerator} is unknown: use one of {', '.join(devices)}")
    for device in devices[accelerator]:
        if available[device]:
            return device
    raise GenreError(f"accelerator={accelerator} is not available on this machine: use auto or cpu")


@dataclass(frozen=True)
class TrainedModel:
    """A trained network and the values that are needed to use it.

    Attributes:
        net: The network, in evaluation mode on the CPU.
        metadata: Plain values stored in the checkpoint: `net`, `features`, `clip_seconds`, `clip_start`,
            `segment_seconds`, `genres`.
    """

    net: nn.Module
    metadata: dict[str, Any]

    @property
    def genres(self) -> list[str]:
        """Genres in the order of the logits."""
        return list(self.metadata["genres"])


def load_model(path: Path, trust: Trust | None = None) -> TrainedModel:
    """Load a trained network.

    Args:
        path: Path of the checkpoint.
        trust: Code that the checkpoint may name in addition to the networks of this project and of torch.nn.

    Returns:
        The network with its weights.

    Raises:
        GenreError: The checkpoint is missing or damaged, was not written by this project, or names untrusted code.
    """
    if not path.is_file():
        raise GenreError(f"{path} does not exist: run_dir must be the folder of a trained run")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        metadata = with_current_names(stored["hyper_parameters"]["card"])
        _ = metadata["genres"], metadata["features"], metadata["segment_seconds"]  # a KeyError is reported below
        check(path, metadata["net"], trust or Trust(), NETWORK)
        net = build_network(metadata["net"], f"{path}: {NETWORK}")
        weights = {k.removeprefix("net."): v for k, v in stored["state_dict"].items() if k.startswith("net.")}
        net.load_state_dict(weights)
    except GenreError:
        raise
    except Exception as error:  # torch.load fails in a dozen ways
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GenreError(f"{path} is not a usable checkpoint ({text[:200]}): train again") from error
    return TrainedModel(net.eval(), metadata)


def load_models(paths: Sequence[Path], trust: Trust | None = None) -> TrainedModel:
    """Load several trained networks as one, whose probabilities are the mean of theirs.

    Args:
        paths: Paths of the checkpoints, at least one.
        trust: Code that the checkpoints may name in addition to the networks of this project and of torch.nn.

    Returns:
        The ensemble. Its metadata describe it as the checkpoint of one network would, so it can be stored as one.

    Raises:
        GenreError: A checkpoint cannot be loaded, or two differ in genres, features, clips or segments.
    """
    return combine_models([load_model(path, trust) for path in paths], paths)


def combine_models(models: Sequence[TrainedModel], paths: Sequence[str | Path]) -> TrainedModel:
    """Make one network of several, whose probabilities are the mean of theirs.

    Args:
        models: The networks, at least one.
        paths: Where they were read from, for the message.

    Returns:
        The ensemble, as for `load_models`.

    Raises:
        GenreError: Two differ in genres, features, clips or segments.
    """
    first, *others = (_shared_values(model.metadata) for model in models)
    for path, other in zip(paths[1:], others, strict=True):
        if key := min((key for key in first.keys() | other.keys() if first.get(key) != other.get(key)), default=None):
            raise GenreError(
                f"{paths[0]} and {path} differ in {key} ({first.get(key)} and {other.get(key)}): train the members of "
                "an ensemble on the same genres with the same features and segments"
            )
    target = f"{Ensemble.__module__}.{Ensemble.__qualname__}"
    net = {"_target_": target, "nets": [model.metadata["net"] for model in models]}
    return TrainedModel(Ensemble([model.net for model in models]).eval(), models[0].metadata | {"net": net})


def _shared_values(metadata: dict[str, Any]) -> dict[str, Any]:
    """Values that the members of an ensemble share: all but the network, with dotted keys; digests of weights."""
    features = {f"features.{key}": value for key, value in dict(metadata["features"]).items()}
    if isinstance(weights := features.get("features.weights"), str) and Path(weights).is_file():
        features["features.weights"] = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
    own = ("net", "features", "library", "version")
    return features | {key: value for key, value in metadata.items() if key not in own}
