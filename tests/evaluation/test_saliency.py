"""Saliency maps against gradients worked out by hand and by finite differences."""

import numpy as np
import pytest
import torch

from genre.audio.windows import track_logits
from genre.evaluation.saliency import saliency_map
from genre.models.checkpoint import TrainedModel


class Linear(torch.nn.Module):
    """Logits that are linear in the mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.layer(mel.mean(dim=1))


def test_saliency_is_the_gradient_of_the_log_probability() -> None:
    net = Linear()
    mel = np.random.default_rng(0).random((70, 4)).astype(np.float32)
    saliency = saliency_map(TrainedModel(net, {}), mel, 1, None)
    weight = net.layer.weight.detach().numpy()
    probability = net(torch.from_numpy(mel)[None]).softmax(dim=1)[0].detach().numpy()
    expected = np.abs(weight[1] - probability @ weight) / 70
    assert saliency == pytest.approx(np.tile(expected, (70, 1)), rel=1e-4)


def test_saliency_over_windows_equals_finite_differences_and_ends_with_the_sound() -> None:
    net, sound = Linear(), torch.tensor([50])
    mel = np.random.default_rng(0).random((70, 4)).astype(np.float32)
    saliency = saliency_map(TrainedModel(net, {}), mel, 2, 20, 50)
    assert saliency is not None
    assert not saliency[50:].any()  # windows lie within the sound
    for frame, band in ((0, 0), (25, 3), (49, 1)):
        step = torch.zeros(1, 70, 4)
        step[0, frame, band] = 0.1
        above, below = (
            track_logits(net, torch.from_numpy(mel)[None] + move, 20, sound)[0, 2] for move in (step, -step)
        )
        assert saliency[frame, band] == pytest.approx(float((above - below).detach().abs() / 0.2), rel=1e-2, abs=1e-6)


def test_a_network_that_ignores_the_clip_has_no_saliency() -> None:
    net = torch.nn.Module()
    net.forward = lambda mel: torch.zeros(len(mel), 3)  # type: ignore[method-assign]
    assert saliency_map(TrainedModel(net, {}), np.zeros((70, 4), np.float32), 0, None) is None
