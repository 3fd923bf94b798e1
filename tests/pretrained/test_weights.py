import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from genre.errors import GenreError
from genre.pretrained import weights
from genre.pretrained.musicnn import MusicnnNetwork
from genre.pretrained.weights import fetch_musicnn


def test_another_file_than_the_published_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "musicnn.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("musicnn/MSD_musicnn/.index", b"mine")
    with pytest.raises(GenreError, match=r"musicnn\.whl is not the published musicnn-0\.1\.0"):
        fetch_musicnn(tmp_path / "out" / "musicnn.safetensors", wheel)
    assert not (tmp_path / "out").exists()


def test_a_missing_wheel_is_named(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match=r"no\.whl cannot be read \(No such file or directory\)"):
        fetch_musicnn(tmp_path / "musicnn.safetensors", tmp_path / "no.whl")


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(GenreError) as error:
        fetch_musicnn(tmp_path / "musicnn.safetensors")
    text = str(error.value)
    assert text.startswith("musicnn==0.1.0 could not be downloaded (")
    assert text.endswith("run genre weights musicnn --wheel musicnn-0.1.0-py3-none-any.whl")
    assert "\n" not in text
    assert list(tmp_path.iterdir()) == []


def test_a_python_without_pip_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GenreError, match="this Python has no pip to fetch it: download musicnn"):
        fetch_musicnn(tmp_path / "musicnn.safetensors")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published wheel; the test is skipped where it cannot be downloaded."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", weights.PACKAGE, "--dest", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("musicnn cannot be downloaded")
    return folder / weights.WHEEL


@pytest.mark.slow
def test_the_published_weights_fit_the_network(published: Path, tmp_path: Path) -> None:
    path = tmp_path / "weights" / "musicnn.safetensors"
    fetch_musicnn(path, published)
    network = MusicnnNetwork()
    network.load_state_dict(load_file(path))
    assert sum(parameter.numel() for parameter in network.parameters()) == 787_159
    assert {entry.name for entry in path.parent.iterdir()} == {
        "musicnn.safetensors",
        "musicnn.license.md",
        "musicnn.source.txt",
    }
    assert "Permission to use, copy, modify" in (path.parent / "musicnn.license.md").read_text()
    assert weights.SHA256 in (path.parent / "musicnn.source.txt").read_text()


ORIGINAL = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = "1"
sys.path.insert(0, sys.argv[1])
import numpy as np
import tensorflow as tf
tf.compat.v1.disable_eager_execution()
from musicnn import models
with tf.name_scope("model"):
    mel = tf.compat.v1.placeholder(tf.float32, [None, 187, 96])
    training = tf.compat.v1.placeholder(tf.bool)
    outputs = models.define_model(mel, training, "MSD_musicnn", 50)
    tags = tf.nn.sigmoid(outputs[0])
session = tf.compat.v1.Session()
session.run(tf.compat.v1.global_variables_initializer())
tf.compat.v1.train.Saver().restore(session, sys.argv[1] + "/musicnn/MSD_musicnn/")
given = np.load(sys.argv[2])
names = ["tags", "timbral", "temporal", "layer1", "layer2", "layer3"]
values = session.run([tags, *outputs[1:6]], {mel: given, training: False})
np.savez(sys.argv[3], **dict(zip(names, values)))
"""


@pytest.mark.slow
def test_the_network_equals_the_original_program_in_tensorflow(published: Path, tmp_path: Path) -> None:
    python = tmp_path / "tensorflow/bin/python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "tensorflow"], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "tensorflow-cpu", "tf-keras"]
    if subprocess.run(install, capture_output=True, check=False).returncode:
        pytest.skip("TensorFlow cannot be installed")
    with zipfile.ZipFile(published) as archive:
        archive.extractall(tmp_path / "wheel")
    mel = np.random.default_rng(0).uniform(0, 3, (2, 187, 96)).astype(np.float32)
    np.save(tmp_path / "mel.npy", mel)
    command = [python, "-c", ORIGINAL, tmp_path / "wheel", tmp_path / "mel.npy", tmp_path / "out.npz"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    expected = np.load(tmp_path / "out.npz")

    fetch_musicnn(tmp_path / "musicnn.safetensors", published)
    network = MusicnnNetwork().eval()
    network.load_state_dict(load_file(tmp_path / "musicnn.safetensors"))
    with torch.inference_mode():
        tags = network(torch.from_numpy(mel)).numpy()
        channels = network.channels(torch.from_numpy(mel)).transpose(1, 2).numpy()
    np.testing.assert_allclose(tags, expected["tags"], atol=1e-5)
    layers = [expected[f"layer{i}"].squeeze(3) for i in (1, 2, 3)]
    original = np.concatenate([expected["timbral"], expected["temporal"], *layers], axis=2)
    np.testing.assert_allclose(channels, original, atol=5e-4)
