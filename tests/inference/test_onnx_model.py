"""Files that are no model of this project; tests/inference/test_export.py compares predictions."""

from pathlib import Path

import onnx
import pytest

from genre.errors import GenreError
from genre.inference.onnx_model import OnnxModel


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(GenreError, match=r"text\.onnx cannot be read as ONNX"):
        OnnxModel(tmp_path / "text.onnx")
    with pytest.raises(GenreError, match=r"nowhere\.onnx does not exist: genre export writes such a file"):
        OnnxModel(tmp_path / "nowhere.onnx")
    with pytest.raises(GenreError, match="is a folder: use --run"):
        OnnxModel(tmp_path)
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [value],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(GenreError, match=r"other\.onnx was not written by genre export: its metadata lack genres"):
        OnnxModel(tmp_path / "other.onnx")
