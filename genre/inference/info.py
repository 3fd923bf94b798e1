"""Describe a trained model from its files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from genre import run_folder
from genre.config.targets import Trust
from genre.errors import GenreError
from genre.evaluation.scores import FINAL_SCORES, SCORE_LABELS
from genre.inference.hub import read_model
from genre.inference.onnx_model import OnnxModel
from genre.provenance import data_facts


def describe(path: Path, trust: Sequence[str] = ()) -> dict[str, Any]:
    """Describe a run folder, a checkpoint, an ONNX file or an exported folder.

    Args:
        path: The folder or file.
        trust: Packages whose code the checkpoint may name, beside this project.

    Returns:
        Names and values to print.

    Raises:
        GenreError: It is none of them, is damaged or is not trusted.
    """
    if path.suffix == ".onnx":
        stored = OnnxModel(path).metadata
        return {name.replace("_", " "): _plain(stored[name]) for name in sorted(stored)}
    model = read_model(path, Trust(trust))
    metadata = model.metadata
    net, features = dict(metadata["net"]), dict(metadata["features"])
    parameters = sum(value.numel() for value in model.net.parameters())
    description = {
        "network": _call(net),
        "parameters": f"{parameters:,}",
        "genres": f"{len(model.genres)}: {', '.join(model.genres)}",
        "features": _call(features),
        "clip": f"{metadata['clip_seconds']:g} s",
        "window": f"{metadata['segment_seconds']:g} s" if metadata["segment_seconds"] else "the whole clip",
    }
    facts = training_facts([path])
    return {"run": str(path), **facts, **description} if facts else description


def training_facts(folders: Sequence[Path]) -> dict[str, str]:
    """State what the run folders among some folders say about the training of a model, or of an ensemble's members.

    Returns:
        The model, data with an id, seed and test scores; different values of several runs, joined by semicolons.
    """
    found = [_facts(folder) for folder in folders if run_folder.is_started(folder)]
    names = found[0] if found else ()
    return {name: "; ".join(dict.fromkeys(facts[name] for facts in found)) for name in names}


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _call(spec: dict[str, Any]) -> str:
    """A class and its arguments as a call: CRNN(cnn=1d, rnn=gru)."""
    name = str(spec.pop("_target_")).rpartition(".")[2]
    return f"{name}({', '.join(f'{key}={value}' for key, value in spec.items())})"


def _facts(folder: Path) -> dict[str, str]:
    try:
        config = yaml.safe_load((folder / run_folder.CONFIG).read_text())
        found = {
            "model": str(config["model"]["name"]),
            **data_facts(folder, config["data"], config["seed"]),
            "seed": str(config["seed"]),
            "test scores": "none: the run is not finished",
        }
        if run_folder.is_finished(folder):
            scores = run_folder.read_scores(folder)
            shown = ", ".join(f"{SCORE_LABELS[name]} {scores[f'test/{name}']:.3f}" for name in FINAL_SCORES)
            found["test scores"] = f"{shown} ({scores['test/tracks']} tracks)"
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise GenreError(f"{folder} is not a run folder: one of its files is missing or damaged") from error
    return found
