"""Clips per second from audio files to log-mel: this project beside librosa, in one run on one core each.

python -m benchmarks.extraction FOLDER [COUNT]
"""

import sys
import time
from pathlib import Path

import librosa
import numpy as np
import torch

from genre.audio.decoding import SUFFIXES, load_clip
from genre.audio.features import LogMel

SECONDS = 30.0


def ours(path: Path, features: LogMel) -> np.ndarray:
    """Log-mel by this project, shape (time, mels)."""
    clip = load_clip(path, features.sample_rate, SECONDS)
    with torch.inference_mode():
        return features(torch.from_numpy(clip.samples)[None])[0].numpy()


def theirs(path: Path, features: LogMel) -> np.ndarray:
    """Log-mel by librosa, shape (time, mels)."""
    samples, _ = librosa.load(path, sr=features.sample_rate, duration=SECONDS)
    samples = librosa.util.fix_length(samples, size=round(SECONDS * features.sample_rate))
    decibels = librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr=features.sample_rate), ref=np.max)
    return ((decibels - decibels.min()) / (decibels.max() - decibels.min() + 1e-6)).T


def main() -> None:
    """Time both on the same files, in turns, and compare their numbers."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    paths = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.suffix.lower() in SUFFIXES)[:count]
    features = LogMel()
    torch.set_num_threads(1)
    seconds = {ours: 0.0, theirs: 0.0}
    worst = 0.0
    ours(paths[0], features), theirs(paths[0], features)
    for path in paths:
        made = []
        for way in seconds:
            started = time.perf_counter()
            made.append(way(path, features))
            seconds[way] += time.perf_counter() - started
        worst = max(worst, float(np.abs(made[0] - made[1]).max()))
    for way, spent in seconds.items():
        print(f"{way.__name__:7s} {len(paths) / spent:6.1f} clips/s")
    print(f"ratio {seconds[theirs] / seconds[ours]:.2f}, largest difference {worst:.1e} over {len(paths)} clips")


if __name__ == "__main__":
    main()
