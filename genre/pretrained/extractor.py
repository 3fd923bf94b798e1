"""The channels of musicnn as features."""

import hashlib
import logging
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn
from torchaudio.transforms import MelSpectrogram

from genre.audio.features import FeatureExtractor
from genre.pretrained.musicnn import BANDS, MusicnnNetwork
from genre.pretrained.weights import MEGABYTES, fetch_musicnn

SAMPLE_RATE, HOP_LENGTH, N_FFT = 16000, 256, 512
POOLINGS: dict[str, type[nn.Module]] = {"mean": nn.AvgPool1d, "max": nn.MaxPool1d}

log = logging.getLogger(__name__)


class Musicnn(FeatureExtractor):
    """The 753 channels per frame of the tagger MSD_musicnn, averaged over a few frames.

    Args:
        weights: Path of the weights; they are fetched if the file does not exist.
        frames: Frames of 16 ms that are pooled to one.
        pooling: mean or max.

    Raises:
        GenreError: The weights do not exist and cannot be fetched.
        ValueError: An argument is out of range, or the weights cannot be read.
    """

    def __init__(self, weights: str, frames: int = 2, pooling: str = "mean") -> None:
        if pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling} is unknown: use one of {', '.join(POOLINGS)}")
        if frames < 1:
            raise ValueError(f"frames must be at least 1, not {frames}")
        path = Path(weights)
        if not path.exists():
            log.info("fetching the weights of musicnn (%d MB) to %s", MEGABYTES, path)
            fetch_musicnn(path)
        network = MusicnnNetwork()
        try:
            content = path.read_bytes()
            network.load_state_dict(load(content))
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({error.strerror}): set features.weights to a file") from error
        except (SafetensorError, RuntimeError) as error:
            text = str(error).splitlines()[0]
            raise ValueError(f"{path} is damaged ({text}): delete it and run genre weights musicnn") from error
        hparams = {"weights": hashlib.sha256(content).hexdigest(), "frames": frames, "pooling": pooling}
        super().__init__(SAMPLE_RATE, frames * HOP_LENGTH, network.n_channels, hparams)
        self.pool = POOLINGS[pooling](frames, ceil_mode=True)
        self.mel = MelSpectrogram(
            SAMPLE_RATE,
            N_FFT,
            hop_length=HOP_LENGTH,
            n_mels=BANDS,
            pad_mode="constant",
            norm="slaney",
            mel_scale="slaney",
        )
        self.network = network.eval()

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute features, shape (batch, frames, 753), from waveforms, shape (batch, samples)."""
        mel = torch.log10(1 + 10000 * self.mel(waveform).transpose(1, 2))
        pooled: Tensor = self.pool(self.network.channels(mel))
        return pooled.transpose(1, 2)
