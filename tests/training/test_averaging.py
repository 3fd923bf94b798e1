from types import SimpleNamespace
from typing import cast

import lightning as L
import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from genre.training.averaging import EMAWeightAveraging


class Normalizer(L.LightningModule):
    """Batch normalization of features whose variance is far below its initial statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)

    def training_step(self, batch: Tensor, index: int) -> Tensor:
        return self.norm(batch).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


def test_the_average_is_the_recursion_with_a_rising_decay() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
    expected = values[0]
    for step, value in enumerate(values[1:], 1):
        decay = min(0.4, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
    model = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(model, avg_fn=EMAWeightAveraging(0.4).average)
    for value in values:
        nn.init.constant_(model.weight, value)
        averaged.update_parameters(model)
    assert averaged.module.weight.item() == pytest.approx(expected, rel=1e-6)


def test_a_short_training_has_the_statistics_of_its_data_not_the_initial_ones() -> None:
    torch.manual_seed(0)
    features = 0.7 + 0.05 * torch.randn(1600, 3)
    model = Normalizer()
    trainer = L.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[EMAWeightAveraging(0.99)],
    )  # fmt: skip
    trainer.fit(model, DataLoader(features, batch_size=32))  # type: ignore[arg-type]
    assert trainer.global_step == 50
    torch.testing.assert_close(model.norm.running_mean, features.mean(0), rtol=0.03, atol=0)
    assert (model.norm.running_var < 0.02).all()  # 0.6 with a constant decay of 0.99


def test_the_average_is_made_on_the_device_of_the_training() -> None:
    callback, model = EMAWeightAveraging(), Normalizer()
    trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("meta")))
    callback.setup(cast(L.Trainer, trainer), model, "fit")
    assert callback._average_model is not None
    assert {parameter.device.type for parameter in callback._average_model.parameters()} == {"meta"}
    assert model.norm.weight.device.type == "cpu"


def test_a_decay_beyond_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1, not 1\.5"):
        EMAWeightAveraging(1.5)
