import torch
from torch import nn

from genre.models.baselines import ClassPrior, MelStatisticsClassifier, PlainCnn2d, clip_statistics
from genre.models.crnn import CRNN


def test_the_class_prior_is_the_prediction_for_every_clip():
    net = ClassPrior(3, 20)
    net.log_share = torch.tensor([0.5, 0.3, 0.2]).log()
    mel = torch.rand(4, 64, 20)
    torch.testing.assert_close(net(mel).softmax(dim=1), torch.tensor([[0.5, 0.3, 0.2]] * 4))
    torch.testing.assert_close(net.embed(mel), mel.sum(dim=1) / 64)
    assert list(net.state_dict()) == ["log_share"]  # the name in checkpoints


def test_mel_statistics_are_standardized_means_and_deviations():
    net = MelStatisticsClassifier(3, 2)
    mel = torch.tensor([[[0.0, 1.0], [1.0, 1.0]], [[0.2, 0.4], [0.6, 0.0]]])
    torch.testing.assert_close(clip_statistics(mel), torch.tensor([[0.5, 1.0, 0.5, 0.0], [0.4, 0.2, 0.2, 0.2]]))
    net.mean, net.deviation = torch.tensor([0.5, 0.5, 0.1, 0.1]), torch.tensor([1.0, 2.0, 0.5, 0.1])
    expected = torch.tensor([[0.0, 0.25, 0.8, -1.0], [-0.1, -0.15, 0.2, 1.0]])
    torch.testing.assert_close(net.embed(mel), expected)
    torch.testing.assert_close(net(mel), expected @ net.head.weight.T + net.head.bias)
    assert list(net.state_dict()) == ["mean", "deviation", "head.weight", "head.bias"]


def test_the_plain_cnn_is_the_hybrid_without_its_recurrent_network():
    plain, hybrid = PlainCnn2d(3, 20, 8, 0.5).eval(), CRNN(3, 20, "2d", "gru", hidden_dim=8, dropout=0.5)
    assert str(plain.cnn) == str(hybrid.cnn)
    assert [type(layer) for layer in plain.head] == [type(layer) for layer in hybrid.head]
    assert plain.head[2].p == 0.5
    mel = torch.rand(2, 64, 20)
    torch.testing.assert_close(plain.embed(mel), plain.cnn(mel).sum(dim=1) / 16)
    assert torch.equal(plain(mel), plain.head(plain.embed(mel)))
    assert [m.out_features for m in plain.head if isinstance(m, nn.Linear)] == [8, 3]
