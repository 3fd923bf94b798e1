"""A look inside a network: where it puts tracks, and what in a spectrogram it goes by."""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from sklearn.manifold import TSNE
from torch import Tensor

from genre.audio.windows import track_embedding
from genre.data.datamodule import GenreDataModule
from genre.models.checkpoint import TrainedModel

PERPLEXITY = 30
MIN_TRACKS = 10
"""Fewer points are no map."""


def embed_test_set(model: TrainedModel, data: GenreDataModule, device: str) -> np.ndarray:
    """Embed the test tracks: what the network's head sees, the mean over a track's windows.

    Args:
        model: The network.
        data: The collection.
        device: As torch calls it.

    Returns:
        Shape (test tracks, channels), in the order of the track table.
    """
    net = model.net.to(device)
    window = data.data.cache.spec.n_segment_frames(model.metadata["segment_seconds"])
    embed = cast(Callable[[Tensor], Tensor], net.embed)
    with torch.inference_mode():
        batches = [
            track_embedding(embed, batch.mel.to(device).float(), window, batch.frames).cpu()
            for batch in data.test_dataloader()
        ]
    return torch.cat(batches).numpy()


def tsne(points: np.ndarray) -> np.ndarray:
    """Lay embeddings out in the plane by t-SNE, shape (tracks, 2); the perplexity follows the number of few tracks."""
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    return TSNE(perplexity=perplexity, max_iter=1000, init="pca", random_state=0).fit_transform(points)
