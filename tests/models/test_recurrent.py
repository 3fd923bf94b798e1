import pytest
import torch
from torch import nn

from genre.models.recurrent import Recurrent


@pytest.mark.parametrize("rnn", ["gru", "lstm"])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_mean_and_maximum_over_time(rnn, num_layers):
    torch.manual_seed(0)
    net = Recurrent(rnn, 6, 5, num_layers, pooling="mean_max").eval()
    steps = torch.randn(3, 9, 6)
    states = torch.stack([net.rnn(steps)[0][:, i] for i in range(9)])
    assert net.out_features == 20
    pooled = net(steps)
    assert pooled.shape == (3, 20)
    torch.testing.assert_close(pooled[:, :10], sum(states) / 9)
    torch.testing.assert_close(pooled[:, 10:], states.max(dim=0).values)
    net.pooling = "mean"
    torch.testing.assert_close(net(steps), sum(states) / 9)


@pytest.mark.parametrize(("rnn", "layer"), [("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_arguments_reach_the_torch_layer(rnn, layer):
    net = Recurrent(rnn, 6, 5, 2, dropout=0.3)
    assert type(net.rnn) is layer
    assert net.out_features == 10
    assert (net.rnn.bidirectional, net.rnn.batch_first, net.rnn.num_layers) == (True, True, 2)
    assert (net.rnn.input_size, net.rnn.hidden_size, net.rnn.dropout) == (6, 5, 0.3)


@pytest.mark.parametrize("rnn", ["gru", "lstm"])
def test_the_second_direction_reads_the_steps_in_reverse(rnn):
    torch.manual_seed(0)
    net = Recurrent(rnn, 6, 5, 1)
    steps = torch.randn(1, 9, 6)
    changed = steps.clone()
    changed[:, 8] += 1  # the last step: forward states before it stay, backward ones change
    states, others = net.rnn(steps)[0], net.rnn(changed)[0]
    assert torch.equal(states[:, :8, :5], others[:, :8, :5])
    assert not torch.isclose(states[:, :8, 5:], others[:, :8, 5:], atol=1e-7).all()


def test_a_single_layer_has_no_dropout_and_no_warning(recwarn):
    Recurrent("gru", 6, 5, 1, dropout=0.5)
    assert not recwarn.list


@pytest.mark.parametrize("rnn", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_the_last_state_is_the_final_state_of_torch(rnn, bidirectional, num_layers):
    torch.manual_seed(0)
    net = Recurrent(rnn, 6, 5, num_layers, bidirectional=bidirectional, pooling="last").eval()
    steps = torch.randn(3, 9, 6)
    final = net.rnn(steps)[1]
    final = final[0] if rnn == "lstm" else final
    directions = [*final[-2:]] if bidirectional else [final[-1]]
    torch.testing.assert_close(net(steps), torch.cat(directions, dim=1))
    assert net.out_features == 5 * len(directions)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="pooling=first"):
        Recurrent("gru", 6, 5, 1, pooling="first")
    with pytest.raises(ValueError, match="rnn=rnn is unknown: use one of gru, lstm"):
        Recurrent("rnn", 6, 5, 1)
