"""Models in ONNX, run by onnxruntime."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torchaudio.transforms import Spectrogram
from typer.testing import CliRunner

from genre import Predictor
from genre.cli import app
from genre.config.instantiate import build_network
from genre.errors import GenreError
from genre.inference.export import MatrixSpectrogram, export_onnx
from genre.inference.info import describe
from genre.inference.onnx_model import OnnxModel
from genre.models.checkpoint import TrainedModel
from tests.conftest import sound
from tests.pretrained.weights import write_musicnn

CRNN, SMALL = "genre.models.crnn.CRNN", {"hidden_dim": 4, "input_norm": True}
NETWORKS = {
    **{
        f"{cnn}_{rnn}": {"_target_": CRNN, "cnn": cnn, "rnn": rnn, **SMALL}
        for cnn in ("1d", "2d")
        for rnn in ("gru", "lstm")
    },
    "2d channels_last": {"_target_": CRNN, "cnn": "2d", "rnn": "gru", **SMALL, "channels_last": True},
    "cnn2d": {"_target_": "genre.models.baselines.PlainCnn2d", **SMALL},
    "logreg": {"_target_": "genre.models.baselines.MelStatisticsClassifier"},
}
MEL = {"_target_": "genre.audio.features.LogMel", "n_mels": 16}
RATE = 22050


def predictor(net: dict, features: dict | None = None, segment_seconds: float | None = 1.5) -> Predictor:
    """A network with random weights and statistics for clips of 4 s."""
    features = features or MEL
    n_features = 753 if "weights" in features else features.get("n_mfcc", 16)
    spec = {**net, "num_classes": 3, "n_mels": n_features}
    torch.manual_seed(0)
    network = build_network(spec)
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    metadata = {"net": spec, "features": features, "genres": ["a", "b", "c"], "clip_seconds": 4.0}
    metadata |= {"segment_seconds": segment_seconds, "clip_start": 0.0}
    return Predictor(TrainedModel(network.eval(), metadata))


def assert_equal(one: Predictor, exported: OnnxModel, seconds: float) -> None:
    waveform = sound(1, seconds=seconds, rate=one.sample_rate)[:, 0]
    starts, probabilities = one.classify(waveform)
    found_starts, found = exported.classify(waveform)
    assert found.shape == probabilities.shape
    np.testing.assert_allclose(found_starts, starts, atol=1e-5)
    np.testing.assert_allclose(found, probabilities, atol=1e-4)


@pytest.mark.parametrize("n_fft", [34, 512, 600, 2048])
def test_the_matrix_products_are_torchaudios_spectrogram(n_fft: int) -> None:
    transform = Spectrogram(n_fft, hop_length=n_fft // 4, pad_mode="constant")
    waveform = torch.randn(2, 10000, generator=torch.Generator().manual_seed(0))
    expected = transform(waveform)
    torch.testing.assert_close(MatrixSpectrogram(transform)(waveform), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_clips_of_any_length_are_classified_as_with_torch(name: str, tmp_path: Path) -> None:
    export_onnx(predictor(NETWORKS[name]), tmp_path / "m.onnx", {})
    exported = OnnxModel(tmp_path / "m.onnx")
    for seconds in (1.5, 1.7, 2.3, 3.9, 4.0):
        assert_equal(predictor(NETWORKS[name]), exported, seconds)


@pytest.mark.parametrize("segment_seconds", [None, 4.0, 6.0])
def test_a_window_may_be_the_whole_clip(segment_seconds: float | None, tmp_path: Path) -> None:
    export_onnx(predictor(NETWORKS["1d_gru"], None, segment_seconds), tmp_path / "m.onnx", {})
    for seconds in (2.0, 4.0):
        assert_equal(predictor(NETWORKS["1d_gru"], None, segment_seconds), OnnxModel(tmp_path / "m.onnx"), seconds)


def test_other_features_are_exported_too(tmp_path: Path) -> None:
    weights = write_musicnn(tmp_path / "musicnn.safetensors")
    musicnn = {"_target_": "genre.pretrained.extractor.Musicnn", "weights": str(weights)}
    mfcc = {"_target_": "genre.audio.features.Mfcc", "n_mels": 16, "n_mfcc": 13, "sample_rate": 16000}
    for number, (features, segment) in enumerate([(mfcc, 2.5), (musicnn, 2.5)]):
        path = tmp_path / f"{number}.onnx"
        export_onnx(predictor(NETWORKS["1d_gru"], features, segment), path, {})
        assert_equal(predictor(NETWORKS["1d_gru"], features, segment), OnnxModel(path), 3.3)


def test_a_batch_is_classified_at_once_and_its_windows_are_averaged(tmp_path: Path) -> None:
    export_onnx(predictor(NETWORKS["2d_lstm"]), tmp_path / "m.onnx", {})
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    clips = np.stack([sound(number, seconds=3.0)[:, 0] for number in range(3)])
    probabilities, windows, starts = session.run(None, {"waveform": clips})
    assert (probabilities.shape, windows.shape, starts.shape) == ((3, 3), (3, 4, 3), (4,))
    np.testing.assert_allclose(probabilities, windows.mean(axis=1), atol=1e-6)
    single = predictor(NETWORKS["2d_lstm"])
    expected = [single(clip, RATE).probabilities for clip in clips]
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    with pytest.raises(Exception, match="Invalid rank for input"):
        session.run(None, {"waveform": clips[0]})


def test_a_run_is_exported_described_and_predicts(trained: Path, music_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "m.onnx"
    result = CliRunner().invoke(app, ["export", "--run", str(trained), "--output", str(path)])
    assert (result.exit_code, result.stdout.split()[:2]) == (0, ["model:", str(path)])
    onnx.checker.check_model(onnx.load(path))
    found, expected = describe(path), describe(trained)
    assert found["genres"] == "blues, jazz, rock"
    assert (found["data set"], found["test scores"]) == (expected["data set"], expected["test scores"])
    assert found["window seconds"] == "1.5"
    code = f"""
import sys
from genre.cli import app
app(["predict", {str(music_folder / "rock")!r}, "--onnx", {str(path)!r}, "--json"], standalone_mode=False)
print("torch" in sys.modules, file=sys.stderr)
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stderr.splitlines()[-1] == "False"
    other = CliRunner().invoke(app, ["predict", str(music_folder / "rock"), "--run", str(trained), "--json"])
    with_torch, with_onnx = (json.loads(text) for text in (other.stdout, process.stdout))
    for one, two in zip(with_torch, with_onnx, strict=True):
        assert (one["file"], one["genre"]) == (two["file"], two["genre"])
        assert one["probabilities"] == pytest.approx(two["probabilities"], abs=1e-4)


def test_a_network_that_cannot_be_exported_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    one = predictor(NETWORKS["1d_gru"])
    monkeypatch.setattr(one.model.net, "forward", lambda mel: torch.linalg.svd(mel.mean(dim=1)[:, :3, None])[1])
    with pytest.raises(GenreError, match="the model cannot be exported to ONNX: "):
        export_onnx(one, tmp_path / "m.onnx", {})
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().out == ""


def test_features_with_another_spectrogram_are_refused(tmp_path: Path) -> None:
    one = predictor(NETWORKS["1d_gru"])
    one.features.mel.spectrogram.pad_mode = "reflect"
    with pytest.raises(GenreError, match="cannot be exported to ONNX: only centered, zero-padded power spectrograms"):
        export_onnx(one, tmp_path / "m.onnx", {})
