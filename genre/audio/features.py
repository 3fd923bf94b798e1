"""Waveform -> normalised features, as nn.Modules on torchaudio's transforms; librosa's defaults, clip by clip."""

from typing import Any

import torch
from torch import Tensor, nn
from torchaudio.functional import create_dct
from torchaudio.transforms import MelSpectrogram

FEATURES_VERSION = 1
"""Raise it when the same settings give other numbers: caches made before are then not used again."""


class LogMel(nn.Module):
    """Log-mel spectrogram in dB relative to the clip's own maximum, min-max normalised to [0, 1] per clip.

    Equal to `librosa.feature.melspectrogram` (Slaney scale and norm, centred frames, zero padding, periodic Hann
    window) and `librosa.power_to_db(ref=numpy.max)`.

    Args:
        sample_rate: Rate of the waveform in Hz.
        n_fft: Window length in samples.
        hop_length: Samples between frames.
        n_mels: Mel bands.
        f_min: Lowest frequency in Hz.
        f_max: Highest frequency in Hz, null for half the sample rate.
        top_db: Everything more than this below the clip's maximum is raised to that floor.
        amin: Power below which nothing is told apart.
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
        super().__init__()
        self.settings: dict[str, Any] = {
            "sample_rate": sample_rate,
            "n_fft": n_fft,
            "hop_length": hop_length,
            "n_mels": n_mels,
            "f_min": f_min,
            "f_max": f_max,
            "top_db": top_db,
            "amin": amin,
        }
        for name in ("sample_rate", "n_fft", "hop_length", "n_mels", "top_db", "amin"):
            if self.settings[name] <= 0:
                raise ValueError(f"{name} must be above 0, not {self.settings[name]}")
        if sample_rate % 2 or n_fft % 2:  # torchaudio rounds half the rate and half the window down
            raise ValueError(f"sample_rate and n_fft must be even, not {sample_rate} and {n_fft}")
        if amin < torch.finfo(torch.float32).tiny:
            raise ValueError(f"amin must be at least {torch.finfo(torch.float32).tiny}, float32's least, not {amin}")
        f_max = sample_rate / 2 if f_max is None else f_max
        if not 0 <= f_min < f_max <= sample_rate / 2:
            raise ValueError(f"f_min and f_max must lie in order within 0 and {sample_rate / 2} Hz")
        if n_mels > n_fft // 2:
            raise ValueError(
                f"n_mels={n_mels} is more than the n_fft / 2 = {n_fft // 2} that the window can tell apart"
            )
        self.sample_rate = sample_rate
        self.hop_length = hop_length
        self.top_db = top_db
        self.amin = amin
        self.mel = MelSpectrogram(
            sample_rate=sample_rate,
            n_fft=n_fft,
            hop_length=hop_length,
            n_mels=n_mels,
            f_min=f_min,
            f_max=f_max,
            pad_mode="constant",
            norm="slaney",
            mel_scale="slaney",
        )

    @property
    def bins(self) -> int:
        """Features a frame."""
        return int(self.settings["n_mels"])

    @property
    def band_hz(self) -> list[float]:
        """Centre of gravity of each mel band in Hz; nothing for features that are no bands."""
        weights = self.mel.mel_scale.fb
        frequencies = torch.linspace(0, self.sample_rate / 2, len(weights))
        return ((frequencies @ weights) / weights.sum(dim=0).clamp(min=1e-12)).tolist()

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that the numbers depend on, the same for settings that are equal; caches are named by it."""
        exact: dict[str, float | None] = {name: float(self.settings[name]) for name in ("f_min", "top_db", "amin")}
        highest = self.settings["f_max"]
        exact["f_max"] = None if highest in (None, self.sample_rate / 2) else float(highest)
        return self.spelled | exact

    @property
    def spelled(self) -> dict[str, Any]:
        """The same with the settings as they were typed."""
        return {"kind": type(self).__name__, "version": FEATURES_VERSION, **self.settings}

    def frames(self, seconds: float) -> int:
        """Frames that so many seconds of sound make."""
        return 1 + round(seconds * self.sample_rate) // self.hop_length

    def decibels(self, waveform: Tensor) -> Tensor:
        """Mel power in dB relative to 1.0, floored `top_db` below each clip's own maximum.

        Args:
            waveform: Mono, shape (batch, samples).

        Returns:
            Shape (batch, time, mels).
        """
        power = self.mel(waveform).transpose(1, 2)
        decibels = 10 * power.clamp(min=self.amin).log10()
        return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - self.top_db)

    def measured(self, waveform: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Features and the range that they were normalised from.

        Args:
            waveform: Mono, shape (batch, samples).

        Returns:
            Features in [0, 1], shape (batch, time, bins); lowest and highest value before normalisation
            (dB relative to 1.0), each of shape (batch,).
        """
        values = self.decibels(waveform)
        low, high = torch.aminmax(values.flatten(1), dim=1)
        span = (high - low + 1e-6)[:, None, None]
        return (values - low[:, None, None]) / span, low, high

    def forward(self, waveform: Tensor) -> Tensor:
        """Features in [0, 1], shape (batch, time, bins), of mono waveforms, shape (batch, samples)."""
        return self.measured(waveform)[0]


class Mfcc(LogMel):
    """Mel-frequency cepstral coefficients: orthonormal DCT-II of the mel dB relative to 1.0, min-max per clip.

    Args:
        n_mfcc: Coefficients kept.
        **mel: As for `LogMel`.
    """

    def __init__(self, n_mfcc: int = 20, **mel: Any) -> None:
        super().__init__(**mel)
        if not 0 < n_mfcc <= self.settings["n_mels"]:
            raise ValueError(f"n_mfcc must lie within 1 and n_mels={self.settings['n_mels']}, not be {n_mfcc}")
        self.settings["n_mfcc"] = n_mfcc
        self.register_buffer("dct", create_dct(n_mfcc, self.settings["n_mels"], norm="ortho"), persistent=False)

    @property
    def bins(self) -> int:
        """Features a frame."""
        return int(self.settings["n_mfcc"])

    @property
    def band_hz(self) -> list[float]:
        """Coefficients are no bands."""
        return []

    def decibels(self, waveform: Tensor) -> Tensor:
        """Coefficients, shape (batch, time, n_mfcc), of mono waveforms, shape (batch, samples)."""
        return super().decibels(waveform) @ self.get_buffer("dct")
