"""Embeddings of the test set, and their projection to two dimensions."""

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
"""Fewest tracks for which a projection is useful."""


def embed_test_set(model: TrainedModel, datamodule: GenreDataModule, device: str) -> np.ndarray:
    """Embed the test tracks: the input of the network's last layer, averaged over a track's windows.

    Args:
        model: The trained network.
        datamodule: The data with their split.
        device: Device to compute on.

    Returns:
        Shape (tracks, channels), in the order of the track table.
    """
    net = model.net.to(device)
    window = datamodule.data.cache.spec.n_segment_frames(model.metadata["segment_seconds"])
    embed = cast(Callable[[Tensor], Tensor], net.embed)
    with torch.inference_mode():
        batches = [
            track_embedding(embed, batch.mel.to(device).float(), window, batch.frames).cpu()
            for batch in datamodule.test_dataloader()
        ]
    return torch.cat(batches).numpy()


def tsne(embeddings: np.ndarray) -> np.ndarray:
    """Project embeddings to the plane by t-SNE, shape (tracks, 2); few tracks get a smaller perplexity."""
    perplexity = min(PERPLEXITY, (len(embeddings) - 1) / 3)
    return TSNE(perplexity=perplexity, max_iter=1000, init="pca", random_state=0).fit_transform(embeddings)
