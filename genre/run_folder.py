"""What lies in a run folder under which name, and the way from a checkpoint back to a network."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from genre.errors import GenreError
from genre.instantiate import network
from genre.targets import NETWORK, Trust, check

CONFIG = ".hydra/config.yaml"
OVERRIDES = ".hydra/overrides.yaml"
BEST = "checkpoints/best.ckpt"
LAST = "checkpoints/last.ckpt"
LOG = "train.log"
METRICS = "metrics.csv"
TRACKS = "tracks.parquet"
REJECTED = "rejected.csv"
PREDICTIONS = "predictions.parquet"
PREDICTIONS_LAST = "predictions_last.parquet"
SCORES = "scores.json"
REPORT = "report"


@dataclass(frozen=True)
class TrainedModel:
    """A network and what it takes to use it.

    Attributes:
        net: In evaluation mode, on the CPU.
        card: The plain values that its checkpoint carries: `net`, `features`, `clip_seconds`, `clip_start`,
            `segment_seconds`, `genres`.
    """

    net: nn.Module
    card: dict[str, Any]

    @property
    def genres(self) -> list[str]:
        """The classes in the order of the logits."""
        return list(self.card["genres"])


def is_started(folder: Path) -> bool:
    """Whether a run was begun there."""
    return (folder / CONFIG).exists()


def is_finished(folder: Path) -> bool:
    """Whether a run was trained and tested there."""
    return (folder / SCORES).exists()


def load(folder: Path, checkpoint: str = BEST, trust: Trust | None = None) -> TrainedModel:
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
        card = stored["hyper_parameters"]["card"]
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


def read_scores(folder: Path) -> dict[str, Any]:
    """What a finished run scored."""
    return dict(json.loads((folder / SCORES).read_text()))
