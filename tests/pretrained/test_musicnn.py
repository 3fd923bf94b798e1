import numpy as np
import pytest
import torch

from genre.pretrained.musicnn import TAGS, Block, MusicnnNetwork, convert


@pytest.fixture(scope="module")
def network() -> MusicnnNetwork:
    torch.manual_seed(0)
    return MusicnnNetwork().eval()


def test_shapes_and_parameters_are_those_of_the_publication(network: MusicnnNetwork) -> None:
    mel = torch.rand(2, 187, 96)
    assert sum(parameter.numel() for parameter in network.parameters()) == 787_159
    assert network.channels(mel).shape == (2, 753, 187)
    assert network(mel).shape == (2, len(set(TAGS))) == (2, 50)


@pytest.mark.parametrize(("frames", "first", "last"), [(7, 47, 53), (128, 0, 99), (64, 18, 81), (32, 34, 65)])
def test_filters_are_padded_as_tensorflow_pads_them(frames: int, first: int, last: int) -> None:
    """A filter of even length looks one frame further ahead than back, so an impulse acts further back than ahead."""
    block = Block(1, frames, 1).eval()
    torch.nn.init.ones_(block.conv.weight)
    torch.nn.init.zeros_(block.conv.bias)
    impulse = torch.zeros(1, 1, 100, 1)
    impulse[0, 0, 50] = 1.0
    with torch.inference_mode():
        (found,) = torch.nonzero(block(impulse)[0, 0], as_tuple=True)
    assert found.tolist() == list(range(first, last + 1))


def test_variables_of_the_checkpoint_become_weights(network: MusicnnNetwork) -> None:
    """Build the variables from a network by the layout of TensorFlow, and convert them back."""
    modules = dict(network.named_modules())
    blocks = ["timbral.0", "timbral.1", "temporal.0", "temporal.1", "temporal.2"]
    layers = ["layers.0", "layers.1", "layers.2"]
    variables = {}
    for number, name in enumerate([*blocks, *layers]):
        prefix = f"conv2d_{number}" if number else "conv2d"
        weight = modules[f"{name}.conv"].weight.detach().numpy()
        if name in layers:
            weight = weight.transpose(0, 2, 1)[:, None]  # the channels of the input are the height of an image
        variables[f"{prefix}/kernel"] = np.moveaxis(weight, (0, 1), (3, 2))
        variables[f"{prefix}/bias"] = modules[f"{name}.conv"].bias.detach().numpy()
    norms = ["input_norm", *(f"{name}.norm" for name in [*blocks, *layers]), "pooled_norm", "dense_norm"]
    for number, name in enumerate(norms):
        prefix = f"batch_normalization_{number}" if number else "batch_normalization"
        state = modules[name].state_dict()
        variables |= {f"{prefix}/gamma": state["weight"].numpy(), f"{prefix}/beta": state["bias"].numpy()}
        variables[f"{prefix}/moving_mean"] = state["running_mean"].numpy()
        variables[f"{prefix}/moving_variance"] = state["running_var"].numpy()
    for prefix, name in {"dense": "dense", "dense_1": "output"}.items():
        variables[f"{prefix}/kernel"] = modules[name].weight.detach().numpy().T
        variables[f"{prefix}/bias"] = modules[name].bias.detach().numpy()
    assert variables["conv2d/kernel"].shape == (7, 38, 1, 204)
    assert variables["conv2d_5/kernel"].shape == (7, 561, 1, 64)
    state = convert({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in variables.items()})
    expected = network.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
