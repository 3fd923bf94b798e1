"""A trained model as a folder in Hugging Face's form: model.safetensors, config.json and a model card."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from safetensors import SafetensorError
from safetensors.torch import load, save

from genre import run_folder
from genre.config.instantiate import build_network
from genre.config.renamed import with_current_names
from genre.config.targets import NETWORK, Trust, check
from genre.errors import GenreError
from genre.files import atomic_write, similar_path, write_json
from genre.models.checkpoint import TrainedModel, load_model

ACCEPTED = "a run folder, a checkpoint or an exported folder"
WEIGHTS, CONFIG, CARD, FEATURES = "model.safetensors", "config.json", "README.md", "features"
NOTICES = (".license.md", ".source.txt")
"""Files beside the weights of a pretrained network, such as `genre weights` writes."""


def write_folder(folder: Path, model: TrainedModel, card: str) -> None:
    """Write a model.

    Args:
        folder: Folder to write; its files of earlier exports are replaced.
        model: The network and its metadata.
        card: Text of the model card.
    """
    folder.mkdir(parents=True, exist_ok=True)
    features = dict(model.metadata["features"])
    if isinstance(weights := features.get("weights"), str) and Path(weights).is_file():
        features["weights"] = _copy_weights(Path(weights), folder)
    tensors = {name: tensor.contiguous().clone() for name, tensor in model.net.state_dict().items()}
    with atomic_write(folder / WEIGHTS) as temporary:
        temporary.write_bytes(save(tensors))
    with atomic_write(folder / CARD) as temporary:
        temporary.write_text(card, encoding="utf-8")
    about = {"library": "genre", "version": version("genre")}
    write_json(folder / CONFIG, {**about, **model.metadata, "features": features})


def _copy_weights(weights: Path, folder: Path) -> str:
    """Copy the weights that the features need, and what is known of their license and source; the file's name."""
    notices = [path for path in map(weights.with_suffix, NOTICES) if path.is_file() and not path.is_symlink()]
    for source in (weights, *notices):
        target = folder / source.name.replace(weights.stem, FEATURES, 1)
        with atomic_write(target, source.stat().st_size) as temporary:
            shutil.copyfile(source, temporary)
    return f"{FEATURES}{weights.suffix}"


def is_exported(folder: Path) -> bool:
    """Whether a folder holds a model written by `write_folder`."""
    return (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file()


def read_folder(folder: Path, trust: Trust) -> TrainedModel:
    """Read a model; nothing that the folder contains is run.

    Args:
        folder: Folder written by `write_folder`.
        trust: Code that it may name in addition to the networks of this project and of torch.nn.

    Returns:
        The network with its weights.

    Raises:
        GenreError: A file is damaged or names untrusted code, or the folder was not written by this project.
    """
    path = folder / CONFIG
    try:
        metadata: dict[str, Any] = with_current_names(json.loads(path.read_text(encoding="utf-8")))
        _ = metadata["genres"], metadata["features"], metadata["segment_seconds"], metadata["clip_seconds"]
        weights = metadata["features"].get("weights")
        if weights in [file.name for file in folder.iterdir()]:  # others are elsewhere, as typed
            metadata["features"]["weights"] = str(folder / weights)
        check(path, metadata[NETWORK.partition(".")[2]], trust, NETWORK)
        net = build_network(metadata["net"], f"{path}: {NETWORK}")
        net.load_state_dict(load((folder / WEIGHTS).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GenreError(f"{folder} is not a usable model ({text[:200]}): export it again") from error
    return TrainedModel(net.eval(), metadata)


def read_model(path: Path, trust: Trust) -> TrainedModel:
    """Read a model from a run folder, a checkpoint or an exported folder.

    Args:
        path: The folder or file.
        trust: Code that it may name in addition to the networks of this project and of torch.nn.

    Returns:
        The network with its weights.

    Raises:
        GenreError: It is none of them, is damaged, or names untrusted code.
    """
    if not path.exists():
        other = similar_path(path)
        raise GenreError(f"{path} does not exist: {f'did you mean {other}?' if other else f'name {ACCEPTED}'}")
    if path.suffix == ".onnx":
        raise GenreError(f"{path} is an ONNX model: use --onnx, or name the run that it was exported from")
    if is_exported(path):
        return read_folder(path, trust)
    if not path.is_dir():
        if path.suffix != Path(run_folder.BEST).suffix and not is_zipfile(path):  # as checkpoints are
            raise GenreError(f"{path} is not a model: name {ACCEPTED}")
        return load_model(path, trust)
    if not (path / run_folder.BEST).is_file():
        if inside := sorted(best.parents[1] for best in path.glob(f"**/{run_folder.BEST}")):
            more = "" if len(inside) == 1 else f", or one of {len(inside) - 1} others"
            raise GenreError(f"{path} is a folder of runs: name one of them, {inside[0]}{more}")
        raise GenreError(f"{path} is neither a trained run nor an exported model: {run_folder.BEST} is missing")
    return load_model(path / run_folder.BEST, trust)
