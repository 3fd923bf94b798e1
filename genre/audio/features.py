"""Compute normalized log-mel spectrograms and MFCCs from waveforms, with librosa's definitions and defaults."""

from typing import Any

import torch
from torch import Tensor, nn
from torchaudio.functional import create_dct
from torchaudio.transforms import MelSpectrogram

FEATURES_VERSION = 1
"""Increase it when the same settings give different values, so that existing caches are not used."""


class FeatureExtractor(nn.Module):
    """Base class of features: waveform -> (frames, features).

    A subclass implements `forward`. What it returns is cached in float16, whose largest value is 65,504.

    Args:
        sample_rate: Sample rate of the waveform in Hz.
        hop_length: Samples between frames.
        n_features: Number of features per frame.
        hparams: Values that the features depend on; they name the cache.
    """

    def __init__(self, sample_rate: int, hop_length: int, n_features: int, hparams: dict[str, Any]) -> None:
        super().__init__()
        self.sample_rate, self.hop_length, self.n_features = sample_rate, hop_length, n_features
        self.hparams = hparams

    @property
    def mel_frequencies(self) -> list[float]:
        """Centroid of each mel band in Hz; empty for features that are not mel bands."""
        return []

    @property
    def cache_key(self) -> dict[str, Any]:
        """All values that the features depend on, the same for equivalent settings; names the cache."""
        return self.cache_key_as_typed

    @property
    def cache_key_as_typed(self) -> dict[str, Any]:
        """The same with the settings as typed, which named the caches of earlier versions."""
        own = type(self).__module__.startswith(f"{__package__.partition('.')[0]}.")
        name = type(self).__name__ if own else f"{type(self).__module__}.{type(self).__qualname__}"
        return {"kind": name, "version": FEATURES_VERSION, **self.hparams}

    def n_frames(self, seconds: float) -> int:
        """Return the number of frames of a clip of this duration."""
        return 1 + round(seconds * self.sample_rate) // self.hop_length

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute features, shape (batch, frames, n_features), from waveforms, shape (batch, samples)."""
        raise NotImplementedError

    def forward_with_range(self, waveform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute features, shape (batch, frames, n_features), and the values of 0 and 1, each of shape (batch,)."""
        low = torch.zeros(len(waveform))
        return self(waveform), low, torch.ones_like(low)


class LogMel(FeatureExtractor):
    """Log-mel spectrogram in dB relative to the maximum of the clip, min-max normalized to [0, 1] per clip.

    Equals `librosa.feature.melspectrogram` (Slaney scale and norm, centered frames, zero padding, periodic Hann window)
    followed by `librosa.power_to_db(ref=numpy.max)`.

    Args:
        sample_rate: Sample rate of the waveform in Hz.
        n_fft: Window length in samples.
        hop_length: Samples between frames.
        n_mels: Number of mel bands.
        f_min: Lowest frequency in Hz.
        f_max: Highest frequency in Hz, null for half the sample rate.
        top_db: Values are clipped at this many dB below the maximum of the clip.
        amin: Minimum power.
    """

    def __init__(
        self,
        sample_rate: int = 22050,
        n_fft: int = 2048,
        hop_length: int = 512,
        n_mels: int = 128,
        f_min: float = 0.0,
        f_max: float | None = None,
        top_db: float = 80.0,
        amin: float = 1e-10,
    ) -> None:
        sizes = {"sample_rate": sample_rate, "n_fft": n_fft, "hop_length": hop_length, "n_mels": n_mels}
        hparams: dict[str, Any] = {**sizes, "f_min": f_min, "f_max": f_max, "top_db": top_db, "amin": amin}
        super().__init__(sample_rate, hop_length, n_mels, hparams)
        for name, value in self.hparams.items():
            if name not in ("f_min", "f_max") and value <= 0:
                raise ValueError(f"{name} must be above 0, not {value}")
        if sample_rate % 2 or n_fft % 2:  # torchaudio rounds half the rate and half the window down
            raise ValueError(f"sample_rate and n_fft must be even, not {sample_rate} and {n_fft}")
        if amin < torch.finfo(torch.float32).tiny:
            raise ValueError(f"amin must be at least {torch.finfo(torch.float32).tiny} (float32), not {amin}")
        f_max = sample_rate / 2 if f_max is None else f_max
        if not 0 <= f_min < f_max <= sample_rate / 2:
            raise ValueError(f"f_min={f_min} and f_max={f_max} must satisfy 0 <= f_min < f_max <= {sample_rate / 2} Hz")
        if n_mels > n_fft // 2:
            raise ValueError(f"n_mels={n_mels} must be at most n_fft / 2 = {n_fft // 2}")
        self.top_db, self.amin = top_db, amin
        self.mel = MelSpectrogram(
            **sizes, f_min=f_min, f_max=f_max, pad_mode="constant", norm="slaney", mel_scale="slaney"
        )

    @property
    def mel_frequencies(self) -> list[float]:
        """Centroid of each mel band in Hz; empty for features that are not mel bands."""
        weights = self.mel.mel_scale.fb
        frequencies = torch.linspace(0, self.sample_rate / 2, len(weights))
        return ((frequencies @ weights) / weights.sum(dim=0).clamp(min=1e-12)).tolist()

    @property
    def cache_key(self) -> dict[str, Any]:
        """All values that the features depend on, the same for equivalent settings; names the cache."""
        exact: dict[str, float | None] = {name: float(self.hparams[name]) for name in ("f_min", "top_db", "amin")}
        f_max = self.hparams["f_max"]
        exact["f_max"] = None if f_max in (None, self.sample_rate / 2) else float(f_max)
        return self.cache_key_as_typed | exact

    def decibels(self, waveform: Tensor) -> Tensor:
        """Compute mel power in dB relative to 1.0, clipped at `top_db`, shape (batch, time, mels), from waveforms."""
        power = self.mel(waveform).transpose(1, 2)
        decibels = 10 * power.clamp(min=self.amin).log10()
        return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - self.top_db)

    def forward_with_range(self, waveform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute features and the range that they were normalized from.

        Args:
            waveform: Mono, shape (batch, samples).

        Returns:
            Features in [0, 1], shape (batch, time, n_features); minimum and maximum before normalization
            (dB relative to 1.0), each of shape (batch,).
        """
        values = self.decibels(waveform)
        low, high = torch.aminmax(values.flatten(1), dim=1)
        span = (high - low + 1e-6)[:, None, None]
        return (values - low[:, None, None]) / span, low, high

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute features in [0, 1], shape (batch, time, n_features), from waveforms, shape (batch, samples)."""
        return self.forward_with_range(waveform)[0]


class Mfcc(LogMel):
    """Mel-frequency cepstral coefficients: orthonormal DCT-II of the mel dB relative to 1.0, min-max per clip.

    Args:
        n_mfcc: Number of coefficients.
        **mel: Arguments of `LogMel`.
    """

    def __init__(self, n_mfcc: int = 20, **mel: Any) -> None:
        super().__init__(**mel)
        n_mels = self.n_features
        if not 0 < n_mfcc <= n_mels:
            raise ValueError(f"n_mfcc must be between 1 and n_mels={n_mels}, not {n_mfcc}")
        self.hparams["n_mfcc"] = self.n_features = n_mfcc
        self.register_buffer("dct", create_dct(n_mfcc, n_mels, norm="ortho"), persistent=False)

    @property
    def mel_frequencies(self) -> list[float]:
        """Empty: coefficients are not mel bands."""
        return []

    def decibels(self, waveform: Tensor) -> Tensor:
        """Compute coefficients, shape (batch, time, n_mfcc), from waveforms."""
        return super().decibels(waveform) @ self.get_buffer("dct")
