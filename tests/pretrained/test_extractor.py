import pickle
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

from genre.pretrained.extractor import Musicnn
from tests.pretrained.weights import write_musicnn


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_musicnn(tmp_path_factory.mktemp("weights") / "musicnn.safetensors"))


@pytest.fixture(scope="module")
def waveform() -> torch.Tensor:
    return torch.randn(1, 3 * 16000 + 100, generator=torch.Generator().manual_seed(0)) * 0.1


def test_features_are_the_channels_of_librosas_log_mel(weights: str, waveform: torch.Tensor) -> None:
    extractor = Musicnn(weights, frames=1)
    mel = librosa.feature.melspectrogram(y=waveform[0].numpy(), sr=16000, n_fft=512, hop_length=256, n_mels=96)
    expected = extractor.network.channels(torch.from_numpy(np.log10(1 + 10000 * mel)).T[None])
    found = extractor(waveform)
    assert found.shape == (1, 188, 753)
    assert extractor.n_frames(3 + 100 / 16000) == 188
    torch.testing.assert_close(found, expected.transpose(1, 2), atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("frames", [2, 4, 7, 16])
@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_frames_are_pooled(weights: str, waveform: torch.Tensor, frames: int, pooling: str) -> None:
    single = Musicnn(weights, frames=1)(waveform)[0]
    extractor = pickle.loads(pickle.dumps(Musicnn(weights, frames, pooling)))  # as it reaches a worker
    groups = [getattr(group, "mean" if pooling == "mean" else "amax")(dim=0) for group in single.split(frames)]
    found, low, high = extractor.forward_with_range(waveform)
    assert len(groups) == extractor.n_frames(waveform.shape[1] / 16000)
    torch.testing.assert_close(found[0], torch.stack(groups))
    assert (low.item(), high.item()) == (0.0, 1.0)


def test_the_cache_is_named_by_the_content_of_the_weights_and_not_their_place(weights: str, tmp_path: Path) -> None:
    copy = write_musicnn(tmp_path / "musicnn.safetensors")
    other = write_musicnn(tmp_path / "other" / "musicnn.safetensors", bias=1.0)
    key = Musicnn(weights).cache_key
    assert Musicnn(str(copy)).cache_key == key
    assert Musicnn(str(other)).cache_key != key
    assert Musicnn(weights, frames=4).cache_key != key
    assert Musicnn(weights, pooling="max").cache_key != key


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"frames": 0}, "frames must be at least 1, not 0"), ({"pooling": "last"}, "use one of mean, max")],
)
def test_impossible_arguments_are_refused(weights: str, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Musicnn(weights, **arguments)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be read \(Is a directory\): set features\.weights to a file"):
        Musicnn(str(tmp_path))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "musicnn.safetensors"
    path.write_bytes(b"damaged")
    with pytest.raises(
        ValueError, match=r"musicnn\.safetensors is damaged .*: delete it and run genre weights musicnn"
    ):
        Musicnn(str(path))
