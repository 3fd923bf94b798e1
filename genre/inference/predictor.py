"""Predict the genres of any recording with trained networks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from genre import run_folder
from genre.audio.decoding import to_mono
from genre.audio.features import FeatureExtractor
from genre.audio.streaming import cut_clips, stream_clips
from genre.audio.windows import MIN_FRAMES, split_windows, window_starts
from genre.config.instantiate import build
from genre.config.targets import Trust, check_features
from genre.errors import GenreError
from genre.inference.hub import read_model
from genre.inference.prediction import Prediction, predict_track
from genre.models.checkpoint import TrainedModel, combine_models


class Predictor:
    """A trained network with everything that is needed to use it on a recording.

    Decoding, features and windows are those of training, so for a clip of the test set it predicts what `evaluate.py`
    does. Longer recordings are cut into clips of the length used in training.

    Args:
        model: The network and its metadata.

    Raises:
        GenreError: The features cannot be built.
    """

    def __init__(self, model: TrainedModel) -> None:
        self.model, self.genres = model, model.genres
        self.features: FeatureExtractor = build("features", model.metadata["features"])
        self.sample_rate = self.features.sample_rate
        self.clip_seconds = float(model.metadata["clip_seconds"])
        self.min_seconds = (MIN_FRAMES - 1) * self.features.hop_length / self.sample_rate
        segment = model.metadata["segment_seconds"]
        self.window = self.features.n_frames(segment) if segment else None

    @classmethod
    def load(cls, *runs: str | Path, trust: Sequence[str] = ()) -> "Predictor":
        """Load a trained network, or several as an ensemble.

        Args:
            *runs: Run folders, checkpoints or folders written by `genre export --format hf`.
            trust: Packages whose code the checkpoints may name, beside this project.

        Returns:
            The predictor.

        Raises:
            GenreError: A checkpoint is missing or damaged or names untrusted code, or two do not fit together.
        """
        if not runs:
            raise GenreError("no run is given: name a run folder or a checkpoint")
        given = Trust(trust)
        models = [read_model(Path(run), given) for run in runs]
        model = models[0] if len(models) == 1 else combine_models(models, runs)
        for path in map(Path, runs):
            if path.is_dir() and run_folder.is_finished(path) and run_folder.read_scores(path).get("tau"):
                raise GenreError(
                    f"{path} was tested with adjusted logits (model.logit_adjustment), which its checkpoint does not "
                    "contain: train with loss=balanced_softmax instead"
                )
        check_features(Path(runs[0]), model.metadata["features"], given)
        return cls(model)

    def __call__(self, audio: str | Path | np.ndarray | Tensor, sample_rate: int | None = None) -> Prediction:
        """Predict the genre of a recording.

        Args:
            audio: Path of an audio file, or a mono waveform, shape (samples,).
            sample_rate: Sample rate of the waveform in Hz; not for a file, which states its own.

        Returns:
            The prediction.

        Raises:
            GenreError: The waveform has another shape, or its sample rate is missing, or one is given for a file.
            AudioError: The recording cannot be used.
        """
        if isinstance(audio, str | Path):
            if sample_rate is not None:
                raise GenreError(f"sample_rate={sample_rate} is for a waveform: {audio} states its own, leave it out")
            return predict_track(self, stream_clips(Path(audio), self.sample_rate, self.clip_seconds))
        waveform = np.asarray(audio, dtype=np.float32)
        if waveform.ndim != 1:
            raise GenreError(
                f"the waveform has the shape {waveform.shape}: give one channel, shape (samples,), such as the mean of "
                "the channels"
            )
        if sample_rate is None or sample_rate <= 0:
            raise GenreError("the sample rate of the waveform is missing: give it in Hz as sample_rate=")
        waveform = to_mono(waveform[:, None])
        count = round(self.clip_seconds * sample_rate)
        blocks = (waveform[first : first + count] for first in range(0, len(waveform), count))
        return predict_track(self, cut_clips(blocks, sample_rate, self.sample_rate, self.clip_seconds))

    def classify(self, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Classify a clip. See `Classifier`."""
        clip = np.zeros(round(self.clip_seconds * self.sample_rate), np.float32)
        clip[: len(waveform)] = waveform
        frames = self.features.n_frames(len(waveform) / self.sample_rate)
        with torch.inference_mode():
            mel = self.features(torch.from_numpy(clip)[None]).half().float()  # rounded as in the cache
            window = min(self.window or mel.shape[1], mel.shape[1])
            windows, valid = split_windows(mel, window, torch.tensor([frames]))
            probabilities = self.model.net(windows[valid]).float().softmax(dim=1)
        full = window == mel.shape[1]
        starts = window_starts(mel.shape[1] if full else max(frames, window), window)
        return np.array(starts) * self.features.hop_length / self.sample_rate, probabilities.numpy()
