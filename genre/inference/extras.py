"""Packages that only some commands need."""

import importlib
from typing import Any

from genre.errors import GenreError

EXTRAS = {"onnx": "onnx", "onnxruntime": "onnx", "gradio": "serve"}
"""Package, and the extra of this project that installs it."""


def require(package: str) -> Any:
    """Import a package, or say how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise GenreError(f"{package} is not installed: pip install -e '.[{EXTRAS[package]}]'") from error
