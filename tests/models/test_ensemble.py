"""An ensemble predicts the mean of its members' probabilities."""

import pytest
import torch
from torch import Tensor, nn

from genre.models.baselines import ClassPrior, MelStatisticsClassifier
from genre.models.ensemble import Ensemble


class Constant(nn.Module):
    """The same logits for each clip."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, mel: Tensor) -> Tensor:
        return self.logits.expand(len(mel), -1)


MEL = torch.rand(2, 64, 8, generator=torch.Generator().manual_seed(0))


def test_the_probabilities_are_averaged() -> None:
    nets = [Constant(0.0, 0.0), Constant(0.0, torch.tensor(3.0).log().item())]  # (1/2, 1/2) and (1/4, 3/4)
    assert Ensemble(nets)(MEL).exp().tolist() == [pytest.approx([3 / 8, 5 / 8])] * 2


def test_tiny_probabilities_do_not_vanish() -> None:
    logits = Ensemble([Constant(-400.0, 0.0), Constant(-401.0, 0.0)])(MEL)
    assert logits[0, 0].item() == pytest.approx(-400 + torch.tensor((1 + torch.e**-1) / 2).log().item())


def test_non_finite_logits_of_a_member_are_not_averaged_away() -> None:
    assert not Ensemble([Constant(0.0, 1.0), Constant(torch.nan, 1.0)])(MEL).isfinite().any()


def test_the_embeddings_of_all_members_are_put_side_by_side() -> None:
    nets = [MelStatisticsClassifier(3, 8), ClassPrior(3, 8)]
    expected = torch.cat([MEL.mean(dim=1), MEL.std(dim=1, correction=0), MEL.mean(dim=1)], dim=1)
    torch.testing.assert_close(Ensemble(nets).embed(MEL), expected)


def test_an_ensemble_has_no_embedding_if_a_member_has_none() -> None:
    assert hasattr(Ensemble([ClassPrior(3, 8)]), "embed")
    assert not hasattr(Ensemble([ClassPrior(3, 8), Constant(0.0)]), "embed")


def test_members_are_trained_and_saved_with_it() -> None:
    ensemble = Ensemble([MelStatisticsClassifier(3, 8), MelStatisticsClassifier(3, 8)])
    assert {name for name, _ in ensemble.named_parameters()} == {
        f"nets.{number}.head.{name}" for number in range(2) for name in ("weight", "bias")
    }
