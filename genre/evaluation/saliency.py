"""Saliency maps of a trained network."""

import numpy as np
import torch

from genre.audio.windows import track_logits
from genre.models.checkpoint import TrainedModel


def saliency_map(
    model: TrainedModel, mel: np.ndarray, genre: int, window: int | None, frames: int | None = None
) -> np.ndarray | None:
    """Compute how strongly each value of a spectrogram changes a genre's score (Simonyan et al., 2014).

    Args:
        model: The trained network.
        mel: Features of a whole clip, shape (time, mels).
        genre: Index of the genre.
        window: Frames per window; None for the whole clip.
        frames: Frames that hold sound; None for all.

    Returns:
        Absolute gradient of the log-probability, shape (time, mels); None if it does not depend on the clip.
    """
    net = model.net.cpu()  # cuDNN's recurrent layers have no gradient in evaluation mode
    clip = torch.from_numpy(mel).float()[None].requires_grad_()
    logits = track_logits(net, clip, window, None if frames is None else torch.tensor([frames]))
    if not logits.requires_grad:
        return None
    (gradient,) = torch.autograd.grad(logits[0, genre], clip)
    return gradient[0].abs().numpy()
