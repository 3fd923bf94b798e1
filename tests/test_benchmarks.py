"""The simulation of intervals and tests, its known truth and a small version of it, and the benchmark of prediction."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import statistics as simulation
from tests.composing import ROOT
from tests.inference.conftest import trained  # noqa: F401


def test_the_truth_is_the_score_of_very_many_artists() -> None:
    cell = simulation.Cell(20_000, 5, (0.03,), (0.7,), (0.4, 0.3, 0.2, 0.1))
    models = cell.models()
    assert models[0][2][0] == pytest.approx(0.7)
    counts = simulation.draw(cell, models, np.random.default_rng(0)).counts
    found = [simulation.bootstrap_scores(counts[0], 4, 1)[name].values for name in simulation.TESTED_SCORES]
    assert np.mean(found, axis=1) == pytest.approx(models[0][2], abs=0.03)  # five seeds, which deviate by 0.03
    assert counts[0, 0, :, :12].reshape(-1, 3, 4).sum(axis=2)[:, 0].tolist() == counts[0, 0, :, -1].tolist()


def test_a_number_outside_its_limits_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulation._line("x", simulation.Cell(), np.array([0.95, 0.94]), (0.93, 0.97))
    assert not simulation._line("x", simulation.Cell(), np.array([0.95, 0.92]), (0.93, 0.97))
    assert not simulation._line("x", simulation.Cell(), np.array([0.98, 0.95]), (0.93, 0.97))
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.slow
def test_intervals_and_tests_do_what_they_claim() -> None:
    random = np.random.default_rng(3)
    assert simulation.intervals(simulation.Cell(60), 300, random) == pytest.approx(0.95, abs=0.04)
    assert simulation.intervals(simulation.Cell(60, 3, (0.03,)), 300, random) == pytest.approx(0.95, abs=0.04)
    equal = simulation.Cell(60, 3, (0.02, 0.02), (0.6, 0.6))
    assert (simulation.tests(equal, [(0, 1)], 300, random) < 0.05).mean() < 0.08
    better = simulation.Cell(60, 3, (0.02, 0.02), (0.6, 0.8))
    assert (simulation.tests(better, [(0, 1)], 50, random) < 0.05).mean() > 0.9
    single = simulation.Cell(60, 1, (0.0, 0.0), (0.6, 0.6))
    assert (simulation.tests(single, [(0, 1)], 200, random) < 0.05).mean() < 0.09


@pytest.mark.slow
def test_pytorch_and_onnxruntime_are_measured_and_agree(trained: Path, music_folder: Path) -> None:  # noqa: F811
    command = [sys.executable, "-m", "benchmarks.prediction", trained, music_folder, "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| run | ")]
    one, *others = [row for row in rows if row[1].isdigit()]
    assert one[-1] == "3 of 3 |"
    assert all(float(speed) > 0 for row in (one, *others) for speed in row[2:4])
    assert float(rows[-1][-1].rstrip(" |")) < 1
