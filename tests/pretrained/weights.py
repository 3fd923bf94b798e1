"""Weights of musicnn's shape for tests that need no real ones."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from genre.pretrained.musicnn import MusicnnNetwork


def write_musicnn(path: Path, bias: float = 0.0) -> Path:
    """Write random weights; `bias` is that of all tags, to tell files apart."""
    generator = torch.random.get_rng_state()
    torch.manual_seed(0)
    network = MusicnnNetwork()
    torch.random.set_rng_state(generator)
    torch.nn.init.constant_(network.output.bias, bias)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), path)
    return path
