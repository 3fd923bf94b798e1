"""Start training from the weights of another run: `ckpt_path=runs/other`."""

import logging
from pathlib import Path

import torch
from torch import nn

from genre import run_folder
from genre.errors import GenreError

log = logging.getLogger(__name__)


def find_checkpoint(path: Path) -> Path:
    """Find the checkpoint of a `ckpt_path`.

    Args:
        path: A checkpoint, or the folder of a run, whose tested checkpoint is used.

    Returns:
        The checkpoint.

    Raises:
        GenreError: There is none.
    """
    file = path / run_folder.BEST if path.is_dir() else path
    if not file.is_file():
        raise GenreError(f"ckpt_path={path} is no checkpoint and no folder of a trained run: check the path")
    return file


def load_initial_weights(net: nn.Module, path: Path, genres: list[str]) -> None:
    """Copy the weights of a checkpoint to those of a network that have the same name and shape.

    The others keep their initial values, and a log line names them, such as the last layer for another number of
    genres. The line is a warning if more than half of the tensors keep theirs. Another warning says that the last layer
    is for as many other genres.

    Args:
        net: The network.
        path: The checkpoint.
        genres: Genres in the order of the network's logits.

    Raises:
        GenreError: The checkpoint is damaged, or the network shares no weights with it.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        stored, card = content["state_dict"], content.get("hyper_parameters", {}).get("card", {})
    except Exception as error:  # torch.load fails in a dozen ways
        raise GenreError(f"ckpt_path={path} is not a usable checkpoint: choose another one") from error
    weights = {name.removeprefix("net."): value for name, value in stored.items() if name.startswith("net.")}
    own = net.state_dict()
    same = {name: value for name, value in weights.items() if name in own and value.shape == own[name].shape}
    if not any(name in same for name, _ in net.named_parameters()):
        raise GenreError(f"ckpt_path={path} is the checkpoint of another network: choose the model that it was made of")
    net.load_state_dict(same, strict=False)
    parameters = [name for name, _ in net.named_parameters()]
    rest = [name for name in parameters if name not in same]
    is_other = len(rest) > len(parameters) / 2  # more than another last layer
    without = f"; {len(rest)} of {len(parameters)} tensors keep their random values: {', '.join(rest)}" if rest else ""
    others = card.get("genres", genres)
    if others != genres and parameters[-1] in same:
        log.warning("the last layer of %s is for other genres: %s", path, ", ".join(others))
    log.log(logging.WARNING if is_other else logging.INFO, "initial weights: %s%s", path, without)
