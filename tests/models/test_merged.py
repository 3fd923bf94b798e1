"""Genres that are merged or left out."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from genre.models.merged import MergedGenres, merge_genres


def test_merged_logits_are_logarithms_of_summed_probabilities() -> None:
    probability = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]])
    merged = merge_genres(probability.log() + 5, [[0, 3], [1]])
    np.testing.assert_allclose(merged.exp(), [[0.5, 0.2], [0.8, 0.1]], rtol=1e-5)
    np.testing.assert_allclose(merged.softmax(dim=1), [[5 / 7, 2 / 7], [8 / 9, 1 / 9]], rtol=1e-5)


def test_certain_predictions_of_what_is_left_out_stay_finite() -> None:
    assert torch.isfinite(merge_genres(torch.tensor([[500.0, 0.0, -500.0]]), [[1], [2]])).all()
    assert not torch.isfinite(merge_genres(torch.tensor([[torch.nan, 0.0, 1.0]]), [[1], [2]])).any()


def test_a_network_is_merged_and_keeps_its_embedding() -> None:
    class Net(nn.Module):
        def embed(self, mel: Tensor) -> Tensor:
            return mel.mean(dim=1)

        def forward(self, mel: Tensor) -> Tensor:
            return self.embed(mel)

    mel = torch.rand(2, 5, 3)
    net = MergedGenres(Net(), [[2], [0]])
    torch.testing.assert_close(net.embed(mel), mel.mean(dim=1))
    torch.testing.assert_close(net(mel), mel.mean(dim=1).log_softmax(dim=1)[:, [2, 0]])
    with pytest.raises(AttributeError):
        _ = MergedGenres(nn.Linear(3, 3), [[0]]).embed
