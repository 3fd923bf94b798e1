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
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from genre import Predictor
from genre.audio.streaming import stream_clips
from genre.evaluation.runs import find_runs
from genre.inference.export import export_onnx
from genre.inference.files import find_audio
from genre.inference.info import training_facts
from genre.inference.onnx_model import OnnxModel

CORES = (1, 2)
TOLERANCE = 1e-4
"""Largest difference in a probability."""
STARTS = 5


def measure(model: Path, paths: list[Path], cores: int) -> tuple[float, np.ndarray]:
    """Classify the first clip of each file on that many cores, in a process that does nothing else.

    Args:
        model: Run folder, or file for onnxruntime.
        paths: Audio files.
        cores: Number of cores.

    Returns:
        Clips per second from the waveform, by the median time of a clip, which other processes disturb least; the genre
        probabilities of each clip, shape (files, genres).
    """
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:cores]))
    torch.set_num_threads(cores)
    classifier = OnnxModel(model) if model.suffix == ".onnx" else Predictor.load(model)
    clips = [next(iter(stream_clips(path, classifier.sample_rate, classifier.clip_seconds))).samples for path in paths]
    classifier.classify(clips[0])  # warms up
    seconds, probabilities = [], []
    for clip in clips:
        started = time.perf_counter()
        probabilities.append(classifier.classify(clip)[1].mean(axis=0))
        seconds.append(time.perf_counter() - started)
    return 1 / float(np.median(seconds)), np.array(probabilities)


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
        for run in find_runs(sys.argv[1]):
            onnx = Path(folder) / "model.onnx"
            export_onnx(Predictor.load(run), onnx, training_facts([run]))
            for count in cores:
                speeds, answers = [], []
                for model in (run, onnx):
                    with ProcessPoolExecutor(1, get_context("spawn")) as process:
                        speed, probabilities = process.submit(measure, model, paths, count).result()
                    speeds.append(f"{speed:.1f}")
                    answers.append(probabilities)
                difference = abs(answers[0] - answers[1]).max()
                agreeing = np.count_nonzero(answers[0].argmax(axis=1) == answers[1].argmax(axis=1))
                row = (run.name, count, *speeds, f"{difference:.0e}", f"{agreeing} of {len(paths)}")
                print(f"| {' | '.join(map(str, row))} |", flush=True)
                good &= bool(difference <= TOLERANCE) and agreeing == len(paths)
            starts.append((run.name, *first_answers(run, onnx, paths[0])))
    print("\n| run | genre predict FILE --run: seconds | --onnx: seconds | ratio |\n|---|--:|--:|--:|")
    for name, pytorch, onnxruntime in starts:
        print(f"| {name} | {pytorch:.2f} | {onnxruntime:.2f} | {onnxruntime / pytorch:.2f} |")
    sys.exit(not good)


if __name__ == "__main__":
    main()
