"""Packages that only some commands need."""

import importlib
from pathlib import Path

import pytest

from genre.errors import GenreError
from genre.inference.onnx_model import OnnxModel


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(GenreError, match=r"runtime is not installed: pip install 'onnx>=\S+' 'onnxruntime>=\S+'$"):
        OnnxModel(Path("m.onnx"))
