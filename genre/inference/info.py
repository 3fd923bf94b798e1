"""Describe a trained model from its files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from genre import run_folder
from genre.config.targets import Trust
from genre.errors import GenreError
from genre.models.checkpoint import load_model

SCORE_NAMES = {"accuracy": "accuracy", "f1_macro": "F1 macro", "f1_weighted": "F1 weighted"}


def describe(path: Path, trust: Sequence[str] = ()) -> dict[str, Any]:
    """Describe a run folder or a checkpoint.

    Args:
        path: The folder or file.
        trust: Packages whose code the checkpoint may name, beside this project.

    Returns:
        Names and values to print.

    Raises:
        GenreError: It is neither, or the checkpoint is damaged or not trusted.
    """
    if not path.exists():
        raise GenreError(f"{path} does not exist: name a run folder or a checkpoint")
    model = load_model(path / run_folder.BEST if path.is_dir() else path, Trust(trust))
    metadata = model.metadata
    net, features = dict(metadata["net"]), dict(metadata["features"])
    parameters = sum(value.numel() for value in model.net.parameters())
    description = {
        "network": _call(net),
        "parameters": f"{parameters:,}",
        "genres": f"{len(model.genres)}: {', '.join(model.genres)}",
        "features": _call(features),
        "clip": f"{metadata['clip_seconds']:g} s",
        "window": f"{metadata['segment_seconds']:g} s" if metadata["segment_seconds"] else "the clip",
    }
    return {**_run(path), **description} if path.is_dir() else description


def _call(spec: dict[str, Any]) -> str:
    """A class and its arguments as a call: CRNN(cnn=1d, rnn=gru)."""
    name = str(spec.pop("_target_")).rpartition(".")[2]
    return f"{name}({', '.join(f'{key}={value}' for key, value in spec.items())})"


def _run(folder: Path) -> dict[str, Any]:
    """What the files of a run folder say about its training and its scores."""
    try:
        config = yaml.safe_load((folder / run_folder.CONFIG).read_text())
        data = config["data"]
        fold = "" if data.get("fold") is None else f", fold {data['fold']} of {data['folds']}"
        found = {
            "run": str(folder),
            "model": config["model"]["name"],
            "data": f"{data['name']} ({data['root']}), split {data['splits']}{fold}",
            "seed": config["seed"],
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise GenreError(f"{folder} is not a run folder: {run_folder.CONFIG} is missing or damaged") from error
    if run_folder.is_finished(folder):
        scores = run_folder.read_scores(folder)
        shown = ", ".join(f"{label} {scores[f'test/{name}']:.3f}" for name, label in SCORE_NAMES.items())
        found["test scores"] = f"{shown} ({scores['test/tracks']} tracks)"
    return found
