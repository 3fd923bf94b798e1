"""A look inside a network: where it puts tracks, and what in a spectrogram it goes by."""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from captum.attr import Saliency
from sklearn.manifold import TSNE
from torch import Tensor

from genre.data.datamodule import GenreData
from genre.run_folder import TrainedModel
from genre.windows import track_embedding, track_logits

PERPLEXITY = 30
MIN_TRACKS = 10
"""Fewer points are no map."""


def embeddings(model: TrainedModel, data: GenreData, device: str) -> np.ndarray:
    """Embed the test tracks: what the network's head sees, the mean over a track's windows.

    Args:
        model: The network.
        data: The collection.
        device: As torch calls it.

    Returns:
        Shape (test tracks, channels), in the order of the track table.
    """
    net = model.net.to(device)
    window = data.prepared.cache.recipe.window(model.card["segment_seconds"])
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


def saliency(
    model: TrainedModel, mel: np.ndarray, genre: int, window: int | None, frames: int | None = None
) -> np.ndarray | None:
    """How much each value of a spectrogram moves a genre's score (Simonyan et al., 2014).

    Args:
        model: The network.
        mel: A whole clip, shape (time, mels).
        genre: Its score is looked at.
        window: Frames per window; None for the whole clip.
        frames: Frames that hold sound; None for all.

    Returns:
        Absolute gradients, shape (time, mels); None where the score does not depend on the clip.
    """
    net = model.net.cpu()  # cuDNN's recurrent networks have no gradient outside training
    clip = torch.from_numpy(mel).float()[None].requires_grad_()
    sound = None if frames is None else torch.tensor([frames])
    if not track_logits(net, clip, window, sound).requires_grad:
        return None
    gradient = Saliency(lambda clips: track_logits(net, clips, window, sound)).attribute(clip, target=genre)
    return gradient[0].detach().numpy()
