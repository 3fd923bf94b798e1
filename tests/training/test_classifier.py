from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from genre.training.classifier import GenreClassifier

RATE = 0.1


class Mean(nn.Module):
    """Logits of two genres: the means of the first and the second band."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.scale * mel.mean(dim=1)


def make(**arguments) -> GenreClassifier:
    schedulers = [
        lambda optimizer: StepLR(optimizer, 1, 0.5),
        lambda optimizer: ReduceLROnPlateau(optimizer, factor=0.1, patience=0),
    ]
    classifier = GenreClassifier(
        Mean(), {"genres": ["A", "B"]}, 4, lambda p: torch.optim.SGD(p, RATE), schedulers=schedulers, **arguments
    )
    classifier.logged = {}
    classifier.log = lambda name, value, **_: classifier.logged.update({name: float(torch.as_tensor(value).detach())})
    classifier.log_dict = lambda values, **_: classifier.logged.update({k: float(v) for k, v in values.items()})
    return classifier


def batch() -> SimpleNamespace:
    torch.manual_seed(0)
    return SimpleNamespace(mel=torch.rand(3, 8, 2).half(), target=torch.tensor([0, 1, 1]), frames=None)


def test_tracks_are_classified_by_the_mean_probability_of_their_windows():
    mel = batch().mel.float()
    windows = torch.stack([mel[:, first : first + 4].mean(dim=1).softmax(dim=1) for first in (0, 2, 4)])
    torch.testing.assert_close(make()(batch().mel).exp(), windows.mean(dim=0))


def test_the_training_loss_is_weighted_and_smoothed_and_the_validation_loss_is_not():
    classifier = make(class_weights=torch.tensor([0.5, 2.0]), label_smoothing=0.2)
    classifier.training_step(batch(), 0)
    p = batch().mel.float().mean(dim=1).log_softmax(dim=1)
    weights = torch.tensor([0.5, 2.0])
    smooth = torch.tensor([[0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    expected = -(smooth * weights * p).sum() / (0.5 + 2 + 2)
    assert classifier.logged["train/loss"] == pytest.approx(expected.item())
    classifier.validation_step(batch(), 0)
    p = make()(batch().mel)
    assert classifier.logged["val/loss"] == pytest.approx(-(p[0, 0] + p[1, 1] + p[2, 1]).item() / 3)
    classifier.on_validation_epoch_end()
    assert classifier.logged["val/accuracy"] == pytest.approx((p.argmax(dim=1) == batch().target).float().mean().item())


def end_epochs(classifier: GenreClassifier, losses: list[float]) -> list[float]:
    """Learning rates after epochs with these validation losses."""
    optimizer = classifier.configure_optimizers()
    rates = []
    for loss in losses:
        classifier._trainer = SimpleNamespace(optimizers=[optimizer], callback_metrics={"val/loss": loss})
        classifier.on_train_epoch_start()
        optimizer.step()
        classifier.training_step(batch(), 0)
        classifier.on_train_epoch_end()
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def test_all_schedulers_step_once_per_epoch_and_the_plateau_watches_the_monitored_score():
    assert end_epochs(make(), [1.0, 0.9, 0.9]) == pytest.approx([RATE / 2, RATE / 4, RATE / 8 / 10])


def test_the_state_of_the_schedulers_is_restored_from_a_checkpoint():
    first, checkpoint = make(), {}
    end_epochs(first, [1.0, 0.9])
    first.on_save_checkpoint(checkpoint)
    second = make()
    second.on_load_checkpoint(checkpoint)
    second.configure_optimizers()
    step, plateau = second.schedulers
    assert (step.last_epoch, plateau.last_epoch, plateau.best) == (2, 2, 0.9)


def test_checkpoints_hold_the_metadata_under_the_name_of_earlier_versions():
    assert dict(make().hparams) == {"card": {"genres": ["A", "B"]}}
