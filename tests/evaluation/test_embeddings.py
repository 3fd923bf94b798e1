"""Embeddings of tracks and their projection."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from genre.data.datamodule import Batch
from genre.evaluation.embeddings import embed_test_set, tsne
from genre.models.checkpoint import TrainedModel


class MeanOverTime(torch.nn.Module):
    """A network whose embedding is the mean over time."""

    def embed(self, mel: torch.Tensor) -> torch.Tensor:
        return mel.mean(dim=1)


def test_embeddings_are_means_over_windows_in_the_order_of_the_tracks() -> None:
    mel = torch.from_numpy(np.random.default_rng(0).random((5, 30, 4))).half()
    batches = [
        Batch(
            mel[rows], *(torch.tensor([0] * len(rows)),) * 2, torch.tensor([30] * len(rows)), torch.zeros(len(rows), 0)
        )
        for rows in ([0, 1, 2], [3, 4])
    ]
    spec = SimpleNamespace(n_segment_frames=lambda seconds: {1.5: 20}[seconds])
    datamodule = SimpleNamespace(
        data=SimpleNamespace(cache=SimpleNamespace(spec=spec)), test_dataloader=lambda: iter(batches)
    )
    embeddings = embed_test_set(TrainedModel(MeanOverTime(), {"segment_seconds": 1.5}), datamodule, "cpu")
    clip = mel.float().numpy()
    expected = (clip[:, :20].mean(axis=1) + clip[:, 10:].mean(axis=1)) / 2  # two windows of 20 frames
    assert embeddings == pytest.approx(expected, rel=1e-5)


def test_tsne_separates_groups_and_is_reproducible() -> None:
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(0, 1, (20, 8)), random.normal(20, 1, (20, 8))]).astype(np.float32)
    projected = tsne(points)
    centers = projected[:20].mean(axis=0), projected[20:].mean(axis=0)
    assert np.linalg.norm(centers[0] - centers[1]) > 2 * projected[:20].std()
    assert np.array_equal(projected, tsne(points))
