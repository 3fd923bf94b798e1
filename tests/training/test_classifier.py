from pathlib import Path
from types import SimpleNamespace

import lightning as L
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau, StepLR

from genre import run_folder
from genre.config.validate import validate
from genre.errors import GenreError
from genre.training.classifier import GenreClassifier
from genre.training.components import build_components
from genre.training.optimization import Schedule
from tests.composing import compose
from tests.conftest import Runs

RATE = 0.1


class Mean(nn.Module):
    """Logits of two genres: the means of the first and the second band."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.scale * mel.mean(dim=1)


def make(**arguments) -> GenreClassifier:
    schedules = [
        Schedule(lambda optimizer, steps: StepLR(optimizer, 1, 0.5), per_step=False),
        Schedule(lambda optimizer, steps: ReduceLROnPlateau(optimizer, factor=0.1, patience=0), per_step=False),
    ]
    arguments = {"schedules": schedules, **arguments}
    classifier = GenreClassifier(
        Mean(), {"genres": ["A", "B"]}, 4, lambda net: torch.optim.SGD(net.parameters(), RATE), **arguments
    )
    classifier._trainer = SimpleNamespace(estimated_stepping_batches=30, max_epochs=3, global_step=0)
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
    classifier = make(loss=nn.CrossEntropyLoss(torch.tensor([0.5, 2.0]), label_smoothing=0.2))
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
        classifier._trainer = SimpleNamespace(
            optimizers=[optimizer], callback_metrics={"val/loss": loss}, global_step=0
        )
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


def test_a_schedule_per_step_steps_with_the_optimizer_and_not_with_the_epoch():
    schedule = Schedule(lambda optimizer, steps: StepLR(optimizer, 1, 1 / steps), per_step=True)
    classifier = make(schedules=[schedule])
    optimizer = classifier.configure_optimizers()
    classifier.on_train_epoch_start()
    rates = []
    for step in (0, 1, 1, 2):  # the third batch only accumulates gradients
        classifier._trainer.global_step = step
        optimizer.step()
        classifier.on_train_batch_end(None, batch(), 0)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([RATE, RATE / 30, RATE / 30, RATE / 900])  # of 30 steps in all
    classifier._trainer = SimpleNamespace(optimizers=[optimizer], callback_metrics={}, global_step=2)
    classifier.training_step(batch(), 0)
    classifier.on_train_epoch_end()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(RATE / 900)


def test_mixed_targets_count_as_their_larger_genre_in_the_training_scores():
    classifier = make()
    mixed = batch()
    mixed.target = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    classifier.training_step(mixed, 0)
    logits = mixed.mel.float().mean(dim=1)
    expected = -(mixed.target * logits.log_softmax(dim=1)).sum(dim=1).mean()
    assert classifier.logged["train/loss"] == pytest.approx(expected.item())
    hits = (logits.argmax(dim=1) == torch.tensor([0, 1, 1])).float().mean()
    assert classifier.train_metrics.compute()["train/accuracy"] == pytest.approx(hits.item())


@pytest.fixture
def trained(runs: Runs) -> Path:
    return runs.train("run", "recipe=default", *WINDOWS, "trainer.max_epochs=2")[0]


WINDOWS = ["features.hop_length=512", "data.segment_seconds=1.6", "data.min_batches=3"]


def test_a_checkpoint_alone_is_a_model_for_lightning(trained: Path, runs: Runs) -> None:
    classifier = GenreClassifier.load_from_checkpoint(trained / run_folder.BEST)
    data = build_components(validate(compose([*runs.overrides("recipe=default", *WINDOWS), "run_dir=x"]))).datamodule
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    scores = run_folder.read_scores(trained)
    for split, evaluate in {"val": trainer.validate, "test": trainer.test}.items():
        (found,) = evaluate(classifier, datamodule=data, verbose=False)
        for name in ("accuracy", "f1_macro", "loss"):
            assert found[f"{split}/{name}"] == pytest.approx(scores[f"{split}/{name}"], abs=1e-6)
    predicted = torch.cat(trainer.predict(classifier, datamodule=data))
    table = pd.read_parquet(trained / run_folder.PREDICTIONS)
    stored = np.stack(table.loc[table["split"] == "test", "logits"].to_list())
    np.testing.assert_allclose(predicted.numpy(), stored, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`")  # Lightning's, of callbacks for training
def test_a_loaded_model_is_tested_without_the_weights_of_its_losses(runs: Runs) -> None:
    given = ["trainer.max_epochs=1", "loss=balanced_softmax", "recipe=distill", "features@probe=mfcc", *WINDOWS]
    path = runs.train("run", *given)[0] / run_folder.BEST
    stored = {name.partition(".")[0] for name in torch.load(path, weights_only=True)["state_dict"]}
    assert stored == {"net", "loss", "teacher_loss"}
    data = build_components(validate(compose([*runs.overrides(*given), "run_dir=x"]))).datamodule
    trainer = L.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False)
    model = GenreClassifier.load_from_checkpoint(path)
    (found,) = trainer.test(model, datamodule=data, ckpt_path=path, weights_only=True, verbose=False)
    assert found["test/accuracy"] == pytest.approx(run_folder.read_scores(path.parents[1])["test/accuracy"])


def test_a_loaded_model_takes_what_training_needs(trained: Path) -> None:
    path = trained / run_folder.BEST
    classifier = GenreClassifier.load_from_checkpoint(path, make_optimizer=torch.optim.SGD, monitor="val/accuracy")
    assert (classifier.make_optimizer, classifier.monitor) == (torch.optim.SGD, "val/accuracy")
    with pytest.raises(TypeError, match="monitr"):
        GenreClassifier.load_from_checkpoint(path, monitr="val/loss")


def test_a_loaded_model_says_what_training_needs(trained: Path) -> None:
    classifier = GenreClassifier.load_from_checkpoint(trained / run_folder.BEST)
    with pytest.raises(GenreError, match="give GenreClassifier a make_optimizer"):
        classifier.configure_optimizers()
