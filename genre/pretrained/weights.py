"""Fetch the published weights of musicnn, and store them as safetensors with their license and source."""

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save

from genre.errors import GenreError
from genre.files import atomic_write
from genre.pretrained.musicnn import convert
from genre.pretrained.tensorflow_checkpoint import read_checkpoint

PACKAGE = "musicnn==0.1.0"
WHEEL = "musicnn-0.1.0-py3-none-any.whl"
SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
MEGABYTES = 29
MEMBERS = ("musicnn/MSD_musicnn/.index", "musicnn/MSD_musicnn/.data-00000-of-00001")
LICENSE = "musicnn-0.1.0.dist-info/LICENSE.md"
SOURCE = f"""\
musicnn.safetensors: weights of MSD_musicnn, a network that tags music, trained on the Million Song Dataset.

Authors: Jordi Pons and Xavier Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging",
2019, arXiv:1909.06654.
Source: https://pypi.org/project/musicnn/0.1.0/, {WHEEL}
(SHA-256 {SHA256}), converted from its TensorFlow
checkpoint without changing a value.
License (ISC): musicnn.license.md.
"""


def fetch_musicnn(path: Path, wheel: Path | None = None) -> None:
    """Write the weights of musicnn, its license and its source to a folder.

    Args:
        path: Path of the safetensors file.
        wheel: The wheel of the package, if it is already on this machine; None to download it with pip.

    Raises:
        GenreError: The wheel cannot be downloaded, or is another file than expected.
    """
    with tempfile.TemporaryDirectory() as folder:
        temporary = Path(folder)
        wheel = wheel or _download(temporary, path)
        try:
            found = hashlib.sha256(wheel.read_bytes()).hexdigest()
        except OSError as error:
            raise GenreError(f"{wheel} cannot be read ({error.strerror}): name the file {WHEEL}") from error
        if found != SHA256:
            raise GenreError(f"{wheel} is not the published {WHEEL} (its SHA-256 is {found}): download it again")
        with zipfile.ZipFile(wheel) as archive:
            index, data = (Path(archive.extract(name, temporary)) for name in MEMBERS)
            license_text = archive.read(LICENSE)
        variables = {name: torch.from_numpy(array.copy()) for name, array in read_checkpoint(index, data).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".license.md").write_bytes(license_text)
    path.with_suffix(".source.txt").write_text(SOURCE)
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(save(convert(variables)))


def _download(folder: Path, path: Path) -> Path:
    """Download the wheel into a folder."""
    advice = f"download {WHEEL} from https://pypi.org/project/musicnn/ and run genre weights musicnn --wheel {WHEEL}"
    if importlib.util.find_spec("pip") is None:
        raise GenreError(f"{path} does not exist, and this Python has no pip to fetch it: {advice}")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check", PACKAGE]
    result = subprocess.run([*command, "--dest", str(folder)], capture_output=True, text=True, check=False)
    if result.returncode:
        lines = result.stderr.strip().splitlines()
        raise GenreError(f"{PACKAGE} could not be downloaded ({lines[-1] if lines else 'pip failed'}): {advice}")
    return folder / WHEEL
