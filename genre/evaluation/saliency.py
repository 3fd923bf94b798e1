"""Saliency maps of a trained network."""

import numpy as np
import torch
from captum.attr import Saliency

from genre.audio.windows import track_logits
from genre.models.checkpoint import TrainedModel


def saliency_map(
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
