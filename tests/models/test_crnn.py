"""The four hybrids: sizes of the study, shapes and dropout."""

import pytest
import torch
from torch import nn

from genre.models.crnn import CRNN

NETS = ["cnn1d_gru", "cnn1d_lstm", "cnn2d_gru", "cnn2d_lstm"]

# hidden_dim, num_layers: trainable parameters of the four with 128 mels and 16 classes
PARAMETERS = {
    (64, 1): (479_120, 628_176, 3_551_952, 8_961_040),
    (64, 2): (775_568, 1_023_440, 3_626_448, 9_356_304),
    (128, 1): (1_826_576, 1_301_264, 14_198_160, 18_458_512),
    (128, 2): (3_009_296, 1_696_528, 14_494_608, 18_853_776),
    (256, 2): (11_851_280, 3_779_984, 57_956_112, 40_060_560),
}


def make(name: str, num_classes: int = 5, n_mels: int = 32, **sizes) -> CRNN:
    """A small network with seeded weights."""
    torch.manual_seed(0)
    cnn, _, rnn = name.removeprefix("cnn").partition("_")
    return CRNN(num_classes, n_mels, cnn, rnn, **({"hidden_dim": 8, "num_layers": 2, "dropout": 0.5} | sizes))


def features(name: str, hidden_dim: int = 8) -> int:
    """Input size of the head: both directions of a GRU of 2h or h units; mean and maximum of an LSTM of 128."""
    return {"cnn1d_gru": 4 * hidden_dim, "cnn2d_gru": 2 * hidden_dim}.get(name, 512)


def with_dropout_only(net: nn.Module) -> nn.Module:
    """Evaluation mode except for dropout, the only random part then."""
    net.eval()
    for module in net.modules():
        if isinstance(module, nn.Dropout | nn.Dropout2d | nn.RNNBase):
            module.train()
    return net


@pytest.mark.parametrize(("size", "counts"), [*PARAMETERS.items()], ids=str)
def test_parameter_counts_are_those_of_the_study(size, counts):
    with torch.device("meta"):
        nets = [make(name, 16, 128, hidden_dim=size[0], num_layers=size[1]) for name in NETS]
    assert tuple(sum(p.numel() for p in net.parameters() if p.requires_grad) for net in nets) == counts


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    ("frames", "n_mels"), [(64, 128), (65, 64), (66, 32), (67, 20), (127, 22), (129, 23), (1292, 20)]
)
def test_shapes(name, frames, n_mels):
    net = make(name, 7, n_mels).eval()
    mel = torch.rand(3, frames, n_mels)
    assert net(mel).shape == (3, 7)
    assert net.embed(mel).shape == (3, features(name))
    steps = net.cnn(mel)
    assert steps.shape == (3, frames // 4, 32 * (n_mels // 4) if name.startswith("cnn2d") else 32)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    ("batch", "frames", "n_mels", "hidden_dim", "num_layers"),
    [
        (1, 64, 20, 4, 1),
        (2, 67, 32, 6, 2),
        (5, 130, 128, 4, 2),
    ],
)
def test_forward_is_the_head_of_the_embedding(name, batch, frames, n_mels, hidden_dim, num_layers):
    net = make(name, 3, n_mels, hidden_dim=hidden_dim, num_layers=num_layers).eval()
    mel = torch.rand(batch, frames, n_mels)
    logits = net(mel)
    assert logits.shape == (batch, 3)
    assert logits.isfinite().all()
    assert net.embed(mel).shape == (batch, features(name, hidden_dim))
    assert torch.equal(logits, net.head(net.embed(mel)))


@pytest.mark.parametrize("name", NETS)
def test_evaluation_is_deterministic_and_independent_of_the_batch(name):
    net = make(name).eval()
    mel = torch.rand(6, 80, 32)
    logits = net(mel)
    assert torch.equal(net(mel), logits)
    for i in range(6):
        torch.testing.assert_close(net(mel[i : i + 1]), logits[i : i + 1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NETS)
def test_a_seed_gives_the_same_network(name):
    one, other = make(name).state_dict(), make(name).state_dict()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_the_gradient_reaches_every_parameter(name, num_layers):
    net = make(name, num_layers=num_layers).eval()  # a bias before batch normalisation has none in training
    net(torch.rand(4, 64, 32)).logsumexp(dim=1).sum().backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", NETS)
def test_synchronized_batch_normalization_computes_the_same(name):
    net = make(name, input_norm=True)
    net(torch.rand(8, 64, 32))  # statistics unlike the initial ones
    mel = torch.rand(2, 64, 32)  # as many frames as twice the mels, so that neither can be taken for the other
    expected = net.eval()(mel)
    synchronized = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert sum(isinstance(module, nn.SyncBatchNorm) for module in synchronized.modules()) == 4
    torch.testing.assert_close(synchronized(mel), expected)


@pytest.mark.parametrize("name", NETS)
def test_a_few_steps_reduce_the_loss(name):
    net = make(name, 2, dropout=0.0).train()
    mel = torch.rand(8, 64, 32)
    target = torch.arange(8) % 2
    mel[target == 1, :, :8] += 1
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        loss = nn.functional.cross_entropy(net(mel), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 < losses[0]


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dropout", [0.25, 0.5])
def test_dropout_after_the_convolutions(name, dropout):
    net = make(name, dropout=dropout)
    mel = torch.rand(64, 64, 32)
    whole = net.eval().cnn(mel)
    dropped = with_dropout_only(net).cnn(mel)
    alive = whole > 0
    gone = (dropped == 0) & alive
    torch.testing.assert_close(dropped[alive & ~gone], whole[alive & ~gone] / (1 - dropout))
    assert gone.sum() / alive.sum() == pytest.approx(dropout, abs=0.05)
    channels = 32
    by_channel = (gone.unflatten(2, (channels, -1)).sum(dim=(1, 3)), alive.unflatten(2, (channels, -1)).sum(dim=(1, 3)))
    in_whole = (by_channel[0] == 0) | (by_channel[0] == by_channel[1])
    if name.startswith("cnn2d"):
        assert in_whole.all()  # whole channels of a clip
    else:
        assert in_whole[by_channel[1] > 8].float().mean() < 0.3  # single values


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_only_2d_networks_have_dropout_between_recurrent_layers(name, num_layers):
    net = with_dropout_only(make(name, num_layers=num_layers, dropout=0.5))
    steps = net.cnn(torch.rand(2, 64, 32)).detach()
    same = torch.equal(net.recurrent(steps), net.recurrent(steps))
    assert same == (name.startswith("cnn1d") or num_layers == 1)
    if name.startswith("cnn2d") and num_layers > 1:
        assert net.recurrent.rnn.dropout == 0.5


@pytest.mark.parametrize(("name", "expected"), [*zip(NETS, [0.6, 0.3, 0.6, 0.3], strict=True)])
def test_dropout_in_the_head(name, expected):
    net = with_dropout_only(make(name, dropout=0.6))
    seen = []
    net.head[-1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    embedding = torch.rand(500, features(name))
    net.head(embedding)
    net.eval().head(embedding)
    dropped, whole = seen
    assert (whole >= 0).all()  # after a ReLU
    alive = whole > 0
    gone = (dropped == 0) & alive
    assert gone.sum() / alive.sum() == pytest.approx(expected, abs=0.05)
    torch.testing.assert_close(dropped[alive & ~gone], whole[alive & ~gone] / (1 - expected))


@pytest.mark.parametrize("name", NETS)
def test_training_mode_without_dropout_is_deterministic(name):
    net = make(name, dropout=0.0).train()
    if name.endswith("lstm"):
        net.head[2].p = 0.0  # the head of an LSTM has the study's 0.3, whatever `dropout` is
    mel = torch.rand(4, 64, 32)
    assert torch.equal(net(mel), net(mel))


@pytest.mark.parametrize(("name", "head_dim"), [*zip(NETS, [8, 128, 8, 128], strict=True)])
def test_heads(name, head_dim):
    head = make(name).head
    linear = [module for module in head if isinstance(module, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(features(name), head_dim), (head_dim, 5)]


@pytest.mark.parametrize("name", NETS)
def test_defaults_are_those_of_the_study(name):
    cnn, _, rnn = name.removeprefix("cnn").partition("_")
    with torch.device("meta"):
        net = CRNN(16, 128, cnn, rnn)
    assert sum(p.numel() for p in net.parameters()) == PARAMETERS[64, 2][NETS.index(name)]
    assert {m.p for m in net.cnn.modules() if isinstance(m, nn.Dropout | nn.Dropout2d)} == {0.3}
    assert net.recurrent.rnn.dropout == (0.3 if cnn == "2d" else 0.0)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("rnn_dropout", [0.0, 0.4])
def test_recurrent_dropout_can_be_set(name, rnn_dropout):
    net = make(name, dropout=0.6, rnn_dropout=rnn_dropout)
    assert net.recurrent.rnn.dropout == rnn_dropout
    steps = net.cnn(torch.rand(2, 64, 32)).detach()
    with_dropout_only(net)
    assert torch.equal(net.recurrent(steps), net.recurrent(steps)) == (rnn_dropout == 0)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("pooling", "values"), [("mean", 1), ("mean_max", 2), ("last", 1)])
def test_variants_of_the_recurrent_network(name, bidirectional, pooling, values):
    net = make(name, bidirectional=bidirectional, pooling=pooling).eval()
    units = {"cnn1d_gru": 16, "cnn2d_gru": 8}.get(name, 128)
    mel = torch.rand(2, 64, 32)
    assert net.embed(mel).shape == (2, units * values * (2 if bidirectional else 1))
    assert net(mel).shape == (2, 5)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize(
    ("pool_sizes", "steps", "mels"), [((2, 2), 16, 8), ((1, 1), 65, 32), ([4, 2], 8, 4), ((1, 3), 21, 10)]
)
def test_pool_sizes(name, pool_sizes, steps, mels):
    net = make(name, pool_sizes=pool_sizes).eval()
    mel = torch.rand(2, 65, 32)
    assert net.cnn(mel).shape == (2, steps, 32 * (mels if name.startswith("cnn2d") else 1))
    assert net(mel).shape == (2, 5)


@pytest.mark.parametrize("name", NETS)
def test_the_order_of_the_frames_matters(name):
    # Pooling over time alone would ignore the order of the steps
    net = make(name).eval()
    mel = torch.rand(2, 128, 32)
    assert not torch.allclose(net.embed(mel), net.embed(mel.flip(1)), atol=1e-4)
