"""Packages that only some commands need."""

import importlib
import shlex
from importlib.metadata import requires
from typing import Any

from genre.errors import GenreError

EXTRAS = {"onnx": "onnx", "onnxruntime": "onnx", "gradio": "serve"}
"""Package, and the extra of this project that installs it."""


def require(package: str) -> Any:
    """Import a package, or say how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        own = f'extra == "{EXTRAS[package]}"'
        needed = [text.partition(";")[0].strip() for text in requires("genre") or [] if text.endswith(own)]
        raise GenreError(f"{package} is not installed: pip install {shlex.join(needed)}") from error
