"""Prediction with PyTorch and with onnxruntime: clips per second, agreement, and the time to the first answer.

python -m benchmarks.prediction RUNS AUDIO_FOLDER [COUNT]

RUNS is the folder of one or several finished runs. Needs Linux, which can bind a process to cores. Exits
with status 1 if the two disagree about a clip.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from genre import Predictor
from genre.audio.streaming import stream_clips
from genre.evaluation.runs import find_run_folders
from genre.inference.export import export_onnx
from genre.inference.files import find_audio
from genre.inference.info import training_facts
from genre.inference.onnx_model import OnnxModel

CORES = (1, 2)
TOLERANCE = 1e-4
"""Largest difference in a probability."""
STARTS = 5


@dataclass(frozen=True)
class Measured:
    """Both on the same clips, in turns.

    Attributes:
        speeds: Clips per second from the waveform, of PyTorch and of onnxruntime.
        difference: Largest difference in a probability.
        agreeing: Clips with the same most probable genre.
    """

    speeds: tuple[float, float]
    difference: float
    agreeing: int


def measure(run: Path, onnx: Path, paths: list[Path], cores: int) -> Measured:
    """Classify the first clip of each file with both, in a process of its own, on that many cores."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))
    torch.set_num_threads(cores)
    models = Predictor.load(run), OnnxModel(onnx)
    seconds, difference, agreeing = [0.0, 0.0], 0.0, 0
    for number, path in enumerate([paths[0], *paths]):  # the first one warms up
        clip = next(iter(stream_clips(path, models[0].sample_rate, models[0].clip_seconds))).samples
        answers = []
        for place, model in enumerate(models):
            started = time.perf_counter()
            answers.append(model.classify(clip)[1].mean(axis=0))
            seconds[place] += (time.perf_counter() - started) * (number > 0)
        difference = max(difference, float(abs(answers[0] - answers[1]).max()))
        agreeing += (answers[0].argmax() == answers[1].argmax()) * (number > 0)
    return Measured((len(paths) / seconds[0], len(paths) / seconds[1]), difference, int(agreeing))


def first_answers(run: Path, onnx: Path, path: Path) -> list[float]:
    """Median seconds of `genre predict` from its start to its end, with PyTorch and with onnxruntime."""
    seconds: list[list[float]] = [[], []]
    for _ in range(STARTS + 1):
        for place, model in enumerate((["--run", run], ["--onnx", onnx])):
            started = time.perf_counter()
            command = [sys.executable, "-m", "genre.cli", "predict", path, *model]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds[place].append(time.perf_counter() - started)
    return [float(np.median(each[1:])) for each in seconds]  # the first one fills the page cache


def main() -> None:
    """Measure all runs and print a table."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    paths = find_audio([Path(sys.argv[2])])[: int(sys.argv[3]) if len(sys.argv) > 3 else 40]
    cores = [count for count in CORES if count <= len(os.sched_getaffinity(0))]
    print("| run | cores | PyTorch, clips/s | onnxruntime, clips/s | largest difference | same genre |")
    print("|---|--:|--:|--:|--:|--:|")
    good, starts = True, []
    with tempfile.TemporaryDirectory() as folder:
        for run in find_run_folders([sys.argv[1]]):
            onnx = Path(folder) / "model.onnx"
            export_onnx(Predictor.load(run), onnx, training_facts([run]))
            for count in cores:
                with ProcessPoolExecutor(1, get_context("spawn")) as process:
                    found = process.submit(measure, run, onnx, paths, count).result()
                speeds = " | ".join(f"{speed:.1f}" for speed in found.speeds)
                agreeing = f"{found.agreeing} of {len(paths)}"
                print(f"| {run.name} | {count} | {speeds} | {found.difference:.0e} | {agreeing} |", flush=True)
                good &= found.difference <= TOLERANCE and found.agreeing == len(paths)
            starts.append((run.name, *first_answers(run, onnx, paths[0])))
    print("\n| run | genre predict FILE --run: seconds | --onnx: seconds | ratio |\n|---|--:|--:|--:|")
    for name, pytorch, onnxruntime in starts:
        print(f"| {name} | {pytorch:.2f} | {onnxruntime:.2f} | {onnxruntime / pytorch:.2f} |")
    sys.exit(not good)


if __name__ == "__main__":
    main()
