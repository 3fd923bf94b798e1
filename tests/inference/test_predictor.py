"""The predictor on files and waveforms."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr
import torch

from genre import Predictor, run_folder
from genre.audio.decoding import AudioError
from genre.errors import GenreError
from tests.conftest import Runs


def stored(run: Path) -> pd.Series:
    """Probabilities that the test of the run stored, by path."""
    paths = pd.read_parquet(run / run_folder.TRACKS).set_index("track_id")["path"]
    table = pd.read_parquet(run / run_folder.PREDICTIONS)
    probabilities = [torch.tensor(logits).softmax(dim=0).numpy() for logits in table["logits"]]
    return pd.Series(probabilities, index=paths[table["track_id"]])


def test_a_clip_of_the_data_set_is_predicted_as_in_the_test(trained: Path, music_folder: Path) -> None:
    predictor = Predictor.load(trained)
    assert predictor.genres == ["blues", "jazz", "rock"]
    for path, expected in stored(trained).items():
        found = predictor(music_folder / path)
        assert found.probabilities == pytest.approx(expected, abs=1e-5)
        assert found.times == pytest.approx([0.0, 0.5], abs=0.02)  # windows of 1.5 s
        assert found.timeline.mean(axis=0) == pytest.approx(found.probabilities)
        assert found.genre == predictor.genres[int(expected.argmax())] == found.top(1)[0][0]


def test_a_long_file_is_the_mean_of_its_clips(trained: Path, tmp_path: Path) -> None:
    predictor = Predictor.load(trained)
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 7 * 22050).astype(np.float32)
    soundfile.write(tmp_path / "long.wav", samples, 22050, subtype="FLOAT")
    found = predictor(tmp_path / "long.wav")
    starts = np.array([0, 2, 4, 5])
    parts = [predictor(samples[start * 22050 : (start + 2) * 22050], 22050) for start in starts]
    assert found.probabilities == pytest.approx(np.mean([part.probabilities for part in parts], axis=0))
    assert found.timeline == pytest.approx(np.concatenate([part.timeline for part in parts]))
    assert found.times == pytest.approx(
        np.concatenate([start + part.times for start, part in zip(starts, parts, strict=True)])
    )
    assert found.seconds == 7
    assert predictor(samples, 22050).probabilities == pytest.approx(found.probabilities)


def test_a_waveform_of_another_rate_is_resampled(trained: Path) -> None:
    predictor = Predictor.load(trained)
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * 44100).astype(np.float32)
    expected = predictor(soxr.resample(samples, 44100, 22050, quality="HQ"), 22050)
    assert predictor(torch.from_numpy(samples), 44100).probabilities == pytest.approx(expected.probabilities, abs=1e-6)


def test_what_cannot_be_meant_is_refused(trained: Path) -> None:
    predictor = Predictor.load(trained)
    with pytest.raises(GenreError, match=r"shape \(2, 100\): give one channel"):
        predictor(np.zeros((2, 100)), 22050)
    with pytest.raises(GenreError, match="sample rate of the waveform is missing"):
        predictor(np.zeros(100))
    with pytest.raises(GenreError, match=r"sample_rate=8000 is for a waveform: a\.mp3 states its own, leave it out"):
        predictor("a.mp3", 8000)
    with pytest.raises(AudioError, match=r"0\.2 s of audio; at least 1\.5 s are needed"):
        predictor(np.ones(4410), 22050)
    with pytest.raises(AudioError, match=r"0\.0 s of audio"):
        predictor(np.zeros(0), 22050)
    with pytest.raises(AudioError, match="samples are NaN, infinite or out of range"):
        predictor(np.full(44100, np.nan), 22050)
    with pytest.raises(GenreError, match="no run is given"):
        Predictor.load()
    with pytest.raises(GenreError, match="nowhere does not exist: name a run folder, a checkpoint or an ex"):
        Predictor.load("nowhere")


def test_several_runs_are_averaged(runs: Runs, trained: Path) -> None:
    other, _ = runs.train("other", "trainer.max_epochs=1", "seed=7", "data.split_seed=42")
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * 22050).astype(np.float32)
    pair = Predictor.load(trained, other / run_folder.BEST)(samples, 22050)
    single = [Predictor.load(run)(samples, 22050).probabilities for run in (trained, other)]
    # Windows are averaged first and members second, or the other way round: the same
    assert pair.probabilities == pytest.approx(np.mean(single, axis=0), abs=1e-6)
    assert not np.allclose(*single)


def test_features_of_a_checkpoint_are_checked_before_they_are_built(trained: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(trained / run_folder.BEST, weights_only=True)
    checkpoint["hyper_parameters"]["card"]["features"] = {"_target_": "os.system", "command": f"touch {tmp_path}/run"}
    torch.save(checkpoint, tmp_path / "evil.ckpt")
    with pytest.raises(GenreError, match=r"features\._target_=os\.system"):
        Predictor.load(tmp_path / "evil.ckpt")
    assert not (tmp_path / "run").exists()


def test_neither_lightning_nor_hydra_is_loaded(trained: Path) -> None:
    code = f"""
import sys
from genre import Predictor
Predictor.load({str(trained)!r})
print({{"lightning", "hydra", "omegaconf", "sklearn", "matplotlib"}} & set(sys.modules))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_a_run_with_adjusted_logits_is_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    scores = run_folder.read_scores(trained)
    (tmp_path / "run" / run_folder.SCORES).write_text(json.dumps(scores | {"tau": 0.5}))
    with pytest.raises(GenreError, match=r"run was tested with adjusted logits .*: train with loss=balanced_softmax"):
        Predictor.load(tmp_path / "run")


def test_a_checkpoint_does_not_fetch_weights(trained: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(trained / run_folder.BEST, weights_only=True)
    weights = tmp_path / "weights.safetensors"
    features = {"_target_": "genre.pretrained.extractor.Musicnn", "weights": str(weights)}
    checkpoint["hyper_parameters"]["card"]["features"] = features
    torch.save(checkpoint, tmp_path / "a.ckpt")
    with pytest.raises(GenreError, match=r"weights\.safetensors, which the features need, does not exist: run genre w"):
        Predictor.load(tmp_path / "a.ckpt")
