"""Export a trained model to ONNX, with its features in the graph: a waveform in, probabilities out."""

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchaudio.transforms import Spectrogram

from genre.errors import GenreError
from genre.files import atomic_write
from genre.inference.extras import require
from genre.inference.predictor import Predictor

OPSET = 17
OUTPUTS = ("probabilities", "window_probabilities", "window_starts")


class ConvolutionalSpectrogram(nn.Module):
    """Power spectrogram as a strided convolution with windowed Fourier kernels, which ONNX can express.

    Args:
        transform: The torchaudio transform to replace: centered, zero-padded, power 2, not normalized.
    """

    def __init__(self, transform: Spectrogram) -> None:
        super().__init__()
        self.n_fft, self.hop_length = transform.n_fft, transform.hop_length
        bins, samples = torch.arange(self.n_fft // 2 + 1)[:, None], torch.arange(self.n_fft)
        angles = 2 * torch.pi * (bins * samples % self.n_fft).double() / self.n_fft
        kernels = torch.cat([angles.cos(), -angles.sin()]) * transform.window.double()
        self.register_buffer("kernels", kernels.float()[:, None])

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute power, shape (batch, frequencies, frames), from waveforms, shape (batch, samples)."""
        padded = F.pad(waveform[:, None], (self.n_fft // 2, self.n_fft // 2))
        real, imaginary = F.conv1d(padded, self.get_buffer("kernels"), stride=self.hop_length).chunk(2, dim=1)
        return real.square() + imaginary.square()


class WaveformClassifier(nn.Module):
    """Features, windows and network of a predictor as one module.

    Args:
        predictor: The predictor. Its features are changed in place.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__()
        self.features, self.net = predictor.features, predictor.model.net
        _make_exportable(self.features)
        _make_exportable(self.net)
        self.window, self.classes = predictor.window, len(predictor.genres)
        if self.window is not None:
            self.window = min(self.window, self.features.n_frames(predictor.clip_seconds))
        clip = round(predictor.clip_seconds * predictor.sample_rate)
        self.register_buffer("silence", torch.zeros(1, clip))

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Classify clips.

        Args:
            waveform: Mono, shape (batch, samples).

        Returns:
            Probabilities, shape (batch, genres); probabilities in each window, shape (batch, windows, genres); start of
            each window in seconds, shape (windows,).
        """
        batch, samples = waveform.shape
        silence = self.get_buffer("silence")[:, samples:].expand(batch, -1)  # none for a whole clip
        mel = self.features(torch.cat([waveform, silence], dim=1)).half().float()  # rounded as in the cache
        starts = torch.zeros(1, dtype=torch.int64)
        if self.window is None:
            windows = mel[:, None]
        else:
            frames = 1 + torch._shape_as_tensor(waveform)[1] // self.features.hop_length
            last = (frames - self.window).clamp(min=0)
            starts = torch.cat([torch.arange(0, last, max(1, self.window // 2)), last[None]])
            windows = mel[:, starts[:, None] + torch.arange(self.window)]
        probabilities = self.net(windows.flatten(0, 1)).softmax(dim=1).reshape(batch, -1, self.classes)
        seconds = starts.float() * self.features.hop_length / self.features.sample_rate
        return probabilities.mean(dim=1), probabilities, seconds


def _make_exportable(module: nn.Module) -> None:
    """Replace what the exporter cannot express by equal modules, in place."""
    for child in list(module.modules()):
        for name, grandchild in list(child.named_children()):
            if isinstance(grandchild, Spectrogram):
                setattr(child, name, ConvolutionalSpectrogram(grandchild))
        if isinstance(child, nn.modules.batchnorm._BatchNorm) and child.weight is None:
            child.weight = nn.Parameter(torch.ones(child.num_features))
            child.bias = nn.Parameter(torch.zeros(child.num_features))


@contextmanager
def _stdout_suppressed() -> Iterator[None]:
    """Redirect file descriptor 1 to the null device: the exporter prints the whole graph there when it fails."""
    sys.stdout.flush()
    kept, null = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(null)


def export_onnx(predictor: Predictor, path: Path, metadata: dict[str, Any]) -> None:
    """Write a model as an ONNX file.

    Args:
        predictor: The model. It cannot be used afterwards.
        path: The file.
        metadata: Plain values to store, beside those that `genre predict --onnx` needs.

    Raises:
        GenreError: The package onnx is missing, or the model cannot be exported.
    """
    onnx = require("onnx")
    module = WaveformClassifier(predictor).eval()
    waveform = torch.zeros(2, round(predictor.clip_seconds * predictor.sample_rate))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        try:
            with warnings.catch_warnings(), _stdout_suppressed():
                warnings.simplefilter("ignore")  # the tracer warns about constants that do not depend on the input
                torch.onnx.export(
                    module,
                    (waveform,),
                    str(temporary),
                    dynamo=False,  # the other exporter fixes the length of a GRU
                    opset_version=OPSET,
                    input_names=["waveform"],
                    output_names=list(OUTPUTS),
                    dynamic_axes={
                        "waveform": {0: "batch", 1: "samples"},
                        "probabilities": {0: "batch"},
                        "window_probabilities": {0: "batch", 1: "windows"},
                        "window_starts": {0: "windows"},
                    },
                )
        except Exception as error:  # the exporter fails in many ways on modules of the user's own
            raise GenreError(f"the model cannot be exported to ONNX: {str(error).splitlines()[0]}") from error
        model = onnx.load(str(temporary))
        stored = {
            "version": version("genre"),
            "genres": predictor.genres,
            "sample_rate": predictor.sample_rate,
            "clip_seconds": predictor.clip_seconds,
            "min_seconds": predictor.min_seconds,
            "window_seconds": predictor.model.metadata["segment_seconds"],
            **metadata,
        }
        for key, value in stored.items():
            entry = model.metadata_props.add()
            entry.key, entry.value = f"genre.{key}", json.dumps(value)
        onnx.save(model, str(temporary))
