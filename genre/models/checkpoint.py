"""Rebuild a trained network from its checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genre.config.instantiate import network
from genre.config.targets import NETWORK, Trust, check, with_current_names
from genre.errors import GenreError
from genre.run_folder import BEST


def resolve_device(accelerator: str) -> str:
    """Device of an accelerator.

    Args:
        accelerator: As Lightning calls it: auto, cpu, gpu, cuda or mps.

    Returns:
        The device, as torch calls it.

    Raises:
        GenreError: There is no such accelerator, or not on this machine.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    wanted = {"auto": ["cuda", "mps", "cpu"], "gpu": ["cuda", "mps"]} | {name: [name] for name in here}
    if accelerator not in wanted:
        raise GenreError(f"accelerator={accelerator} is unknown: use one of {', '.join(wanted)}")
    found = [name for name in wanted[accelerator] if here[name]]
    if not found:
        raise GenreError(f"accelerator={accelerator} is not available on this machine: use auto or cpu")
    return found[0]


@dataclass(frozen=True)
class TrainedModel:
    """A network and what it takes to use it.

    Attributes:
        net: In evaluation mode, on the CPU.
        card: The plain values that its checkpoint carries: `net`, `features`, `clip_seconds`, `clip_start`,
            `segment_seconds`, `genres`.
    """

    net: nn.Module
    metadata: dict[str, Any]

    @property
    def genres(self) -> list[str]:
        """The classes in the order of the logits."""
        return list(self.metadata["genres"])


def load_model(folder: Path, checkpoint: str = BEST, trust: Trust | None = None) -> TrainedModel:
    """Build a network from a run folder's checkpoint.

    Args:
        folder: The run folder.
        checkpoint: Its path in the folder.
        trust: What the person vouches for beside the networks of this project and the modules of torch.nn.

    Returns:
        The network with its weights.

    Raises:
        GenreError: The checkpoint is missing, not one of this project's, or names code that is not trusted.
    """
    path = folder / checkpoint
    if not path.is_file():
        raise GenreError(f"{path} does not exist: run_dir has to be the folder of a run that was trained")
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        card = with_current_names(stored["hyper_parameters"]["card"])
        _ = card["genres"], card["features"], card["segment_seconds"]  # a KeyError belongs to the message below
        check(path, card["net"], trust or Trust(), NETWORK)
        net = network(card["net"], f"{path}: {NETWORK}")
        weights = {k.removeprefix("net."): v for k, v in stored["state_dict"].items() if k.startswith("net.")}
        net.load_state_dict(weights)
    except GenreError:
        raise
    except Exception as error:  # torch.load fails in a dozen ways, all of which mean the same to the user
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GenreError(f"{path} is not a checkpoint that can be used ({text[:200]}): train again") from error
    return TrainedModel(net.eval(), card)
