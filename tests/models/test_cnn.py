import pytest
import torch
from torch import nn
from torch.nn import functional as F

from genre.models.cnn import Cnn1d, Cnn2d, store_channels_last


def normalized(x: torch.Tensor, norm: nn.Module) -> torch.Tensor:
    """Batch normalization in evaluation mode, by its formula."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    scaled = (x - norm.running_mean.reshape(shape)) / (norm.running_var.reshape(shape) + norm.eps).sqrt()
    return scaled * norm.weight.reshape(shape) + norm.bias.reshape(shape)


def conv_layers(cnn: nn.Module, conv: type, norm: type) -> list[tuple[nn.Module, nn.Module]]:
    found = list(cnn.modules())
    convs = [module for module in found if isinstance(module, conv)]
    return list(zip(convs, [module for module in found if isinstance(module, norm)], strict=True))


def with_statistics(cnn: nn.Module) -> nn.Module:
    """Give batch normalization statistics and weights unlike a new network's, and switch to evaluation mode."""
    for module in cnn.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                tensor.normal_(std=0.1)
            for tensor in (module.running_var, module.weight.data):
                tensor.uniform_(0.5, 2)
    return cnn.eval()


@pytest.mark.parametrize("frames", [64, 71])
def test_cnn1d_equals_the_formulas_of_the_study(frames):
    torch.manual_seed(0)
    cnn = with_statistics(Cnn1d(20, 4, 0.5))
    mel = torch.rand(2, frames, 20)
    x = mel.transpose(1, 2)
    for i, (conv, norm) in enumerate(conv_layers(cnn, nn.Conv1d, nn.BatchNorm1d)):
        kernel = (5, 3, 3)[i]
        assert conv.weight.shape == ((4, 8, 16)[i], (20, 4, 8)[i], kernel)
        x = normalized(F.conv1d(F.pad(x, (kernel // 2, kernel // 2)), conv.weight, conv.bias), norm).relu()
        if i < 2:
            x = x[..., : x.shape[-1] // 2 * 2].unflatten(-1, (-1, 2)).amax(dim=-1)
    assert cnn.out_channels == 16
    torch.testing.assert_close(cnn(mel), x.transpose(1, 2))


def test_the_memory_format_changes_nothing_but_rounding():
    torch.manual_seed(0)
    cnn = with_statistics(Cnn2d(20, 4, 0.5))
    mel = torch.rand(2, 64, 20)
    expected = cnn(mel)
    store_channels_last(cnn)
    assert cnn.layers[4].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(cnn(mel), expected)


@pytest.mark.parametrize(("frames", "n_mels"), [(64, 20), (71, 23)])
def test_cnn2d_equals_the_formulas_of_the_study(frames, n_mels):
    torch.manual_seed(0)
    cnn = with_statistics(Cnn2d(n_mels, 4, 0.5))
    mel = torch.rand(2, frames, n_mels)
    x = mel[:, None]
    for i, (conv, norm) in enumerate(conv_layers(cnn, nn.Conv2d, nn.BatchNorm2d)):
        kernel = (5, 3, 3)[i]
        assert conv.weight.shape == ((4, 8, 16)[i], (1, 4, 8)[i], kernel, kernel)
        x = normalized(F.conv2d(F.pad(x, (kernel // 2,) * 4), conv.weight, conv.bias), norm).relu()
        if i < 2:
            x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
            x = x.unflatten(3, (-1, 2)).amax(dim=4).unflatten(2, (-1, 2)).amax(dim=3)
    steps = torch.stack([x[:, :, step].flatten(1) for step in range(frames // 4)], dim=1)
    assert cnn.out_channels == 16 * (n_mels // 4) == steps.shape[2]
    torch.testing.assert_close(cnn(mel), steps)
