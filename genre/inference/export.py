"""Export a trained model to ONNX, with its features in the graph: a waveform in, probabilities out."""

import json
import math
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


class MatrixSpectrogram(nn.Module):
    """Power spectrogram by matrix products, which ONNX can express.

    The Fourier transform of N = P * Q samples is P transforms of length Q of Q transforms of length P (Cooley and Tukey
    1965): for 2048 samples, a tenth of the multiplications of a convolution with Fourier kernels.

    Args:
        transform: The torchaudio transform to replace: centered, zero-padded, power 2, not normalized.
    """

    def __init__(self, transform: Spectrogram) -> None:
        super().__init__()
        n_fft = self.n_fft = transform.n_fft
        settings = (transform.power, transform.center, transform.pad, transform.normalized, transform.win_length)
        if settings != (2.0, True, 0, False, n_fft) or transform.pad_mode != "constant" or not transform.onesided:
            raise ValueError(
                "only centered, zero-padded power spectrograms with windows of n_fft samples are supported"
            )
        self.hop_length = transform.hop_length
        rows = self.rows = max(size for size in range(1, math.isqrt(n_fft) + 1) if n_fft % size == 0)
        columns = n_fft // rows
        self.register_buffer("window", transform.window.clone())
        self.register_buffer("first", _fourier(rows, rows, rows).flatten(0, 1))
        self.register_buffer("twiddle", _fourier(rows, columns, n_fft))
        real, imaginary = _fourier(columns, columns // 2 + 1, columns)
        second = torch.cat([torch.cat([real, imaginary], 1), torch.cat([-imaginary, real], 1)])
        self.register_buffer("second", second)

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute power, shape (batch, frequencies, frames), from waveforms, shape (batch, samples)."""
        padded = F.pad(waveform, (self.n_fft // 2, self.n_fft // 2))
        starts = torch.arange(1 + waveform.shape[1] // self.hop_length) * self.hop_length
        frames = padded[:, starts[:, None] + torch.arange(self.n_fft)] * self.get_buffer("window")
        batch, columns = waveform.shape[0], self.n_fft // self.rows
        inner = self.get_buffer("first") @ frames.reshape(batch, -1, self.rows, columns)  # (batch, frames, 2 * P, Q)
        real, imaginary = inner.chunk(2, dim=2)
        cosine, sine = self.get_buffer("twiddle")
        turned = torch.cat([real * cosine - imaginary * sine, real * sine + imaginary * cosine], dim=3)
        real, imaginary = (turned @ self.get_buffer("second")).chunk(2, dim=3)
        power = (real.square() + imaginary.square()).transpose(2, 3)  # frequency = P * column + row
        power = power.reshape(batch, -1, (columns // 2 + 1) * self.rows)
        return power[:, :, : self.n_fft // 2 + 1].transpose(1, 2)


def _fourier(rows: int, columns: int, period: int) -> Tensor:
    """Real and imaginary part of exp(-2 pi i row column / period), shape (2, rows, columns)."""
    angles = 2 * torch.pi * (torch.arange(rows)[:, None] * torch.arange(columns) % period).double() / period
    return torch.stack([angles.cos(), -angles.sin()]).float()


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
            windows = mel
        else:
            frames = 1 + torch._shape_as_tensor(waveform)[1] // self.features.hop_length
            last = (frames - self.window).clamp(min=0)
            starts = torch.cat([torch.arange(0, last, max(1, self.window // 2)), last[None]])
            windows = mel[:, starts[:, None] + torch.arange(self.window)].flatten(0, 1)
        probabilities = self.net(windows).softmax(dim=1).reshape(batch, -1, self.classes)
        seconds = starts.float() * self.features.hop_length / self.features.sample_rate
        return probabilities.mean(dim=1), probabilities, seconds


def _make_exportable(module: nn.Module) -> None:
    """Replace what the exporter cannot express by equal modules, in place."""
    for child in list(module.modules()):
        for name, grandchild in list(child.named_children()):
            if isinstance(grandchild, Spectrogram):
                setattr(child, name, MatrixSpectrogram(grandchild))
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
    waveform = torch.zeros(2, round(predictor.clip_seconds * predictor.sample_rate))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        try:
            with warnings.catch_warnings(), _stdout_suppressed():
                warnings.simplefilter("ignore")  # the tracer warns about constants that do not depend on the input
                torch.onnx.export(
                    WaveformClassifier(predictor).eval(),
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
