import base64
from pathlib import Path

import numpy as np
import pytest

from genre.pretrained.tensorflow_checkpoint import read_checkpoint

INDEX = """
AAAGCAEaAggBAAkPY29udi9iaWFzCAESBBICCAIoCDU9M8j0CQURL0FkYW0IARIEEgIIAiAIKAg1ucFOIAAMFWRlbnNlL2tlcm5lbAgBEggSAggCEgII
AyAQKBg1wNs9FwAEDXN0ZXAICRIAICgoCDW7158RAAAAAAEAAAAAMe/q5gAAAAABAAAAAMDyobAAAQJ0AH0AAAAAAQAAAADNk0jYggEIjwEOAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAFf7gIskdUfb
"""
DATA = "AADAPwAAAMAAAAAAAACAPgAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQAcAAAAAAAAA"
"""A checkpoint that TensorFlow 2.21 wrote (tf.raw_ops.SaveV2), with three float tensors and an integer."""


def files(folder: Path, index: bytes) -> tuple[Path, Path]:
    paths = folder / "x.index", folder / "x.data-00000-of-00001"
    paths[0].write_bytes(index)
    paths[1].write_bytes(base64.b64decode(DATA))
    return paths


def test_tensors_equal_those_that_tensorflow_wrote(tmp_path: Path) -> None:
    found = read_checkpoint(*files(tmp_path, base64.b64decode(INDEX)))
    expected = {"conv/bias": [1.5, -2], "conv/bias/Adam": [0, 0.25], "dense/kernel": [[0, 1, 2], [3, 4, 5]]}
    assert {name: array.tolist() for name, array in found.items()} == expected
    assert {array.dtype for array in found.values()} == {np.dtype("float32")}


@pytest.mark.parametrize("content", [b"", b"x" * 210])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match="is not the index of a TensorFlow checkpoint"):
        read_checkpoint(*files(tmp_path, content))
