"""Predict with a model that was exported to ONNX; torch is not imported."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from genre.errors import GenreError
from genre.inference.extras import require

PREFIX = "genre."
NEEDED = ("genres", "sample_rate", "clip_seconds", "min_seconds")


class OnnxModel:
    """A classifier of clips, see `genre.inference.prediction.Classifier`.

    Args:
        path: File written by `genre export`.

    Raises:
        GenreError: onnxruntime is missing, or the file is damaged or was not written by this project.
    """

    def __init__(self, path: Path) -> None:
        runtime = require("onnxruntime")
        if not path.is_file():
            what = "is a folder: use --run" if path.is_dir() else "does not exist: genre export writes such a file"
            raise GenreError(f"{path} {what}")
        options = runtime.SessionOptions()
        options.log_severity_level = 3  # errors only
        try:
            self.session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has many kinds of errors
            raise GenreError(f"{path} cannot be read as ONNX: {str(error).splitlines()[0]}") from error
        self.metadata = _read_metadata(path, self.session)
        self.genres: list[str] = self.metadata["genres"]
        self.sample_rate: int = self.metadata["sample_rate"]
        self.clip_seconds: float = self.metadata["clip_seconds"]
        self.min_seconds: float = self.metadata["min_seconds"]

    def classify(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classify a clip. See `Classifier`."""
        names = ["window_starts", "window_probabilities"]
        starts, probabilities = self.session.run(names, {"waveform": waveform[None].astype(np.float32)})
        return starts, probabilities[0]


def _read_metadata(path: Path, session: Any) -> dict[str, Any]:
    stored = session.get_modelmeta().custom_metadata_map
    try:
        found = {key.removeprefix(PREFIX): json.loads(text) for key, text in stored.items() if key.startswith(PREFIX)}
    except ValueError:
        found = {}
    if missing := [key for key in NEEDED if key not in found]:
        raise GenreError(f"{path} was not written by genre export: its metadata lack {missing[0]}")
    return found
