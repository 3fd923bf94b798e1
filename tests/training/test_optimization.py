"""Optimizer, schedules and loss from their sections of the configuration."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from genre.errors import GenreError
from genre.models.crnn import CRNN
from genre.training.optimization import build_schedules, loss_factory, optimizer_factory, restore_scheduler

ADAMW = {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 0.1, "weight_decay": 0.3}
ONE_CYCLE = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "_partial_": True, "max_lr": 0.1, "interval": "step"}
COSINE = {"_target_": "genre.training.schedules.WarmupCosine", "_partial_": True, "interval": "step"}
BALANCED = {"_target_": "genre.training.losses.BalancedSoftmax"}
CROSS_ENTROPY = {"_target_": "torch.nn.CrossEntropyLoss"}


def test_weight_decay_may_leave_out_norms_and_biases():
    net = CRNN(3, 16, "1d", "gru", 4)
    everywhere = optimizer_factory(ADAMW)(net)
    assert [len(group["params"]) for group in everywhere.param_groups] == [len(list(net.parameters()))]
    decayed, rest = optimizer_factory(ADAMW | {"decay_norms_and_biases": False})(net).param_groups
    assert (decayed["weight_decay"], rest["weight_decay"]) == (0.3, 0.0)
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    assert all("weight" in names[id(parameter)] for parameter in decayed["params"])
    kinds = {id(p): type(module) for module in net.modules() for p in module.parameters(recurse=False)}
    for parameter in rest["params"]:
        assert "bias" in names[id(parameter)] or kinds[id(parameter)] is nn.BatchNorm1d
    assert len(decayed["params"]) + len(rest["params"]) == len(names)


def test_a_schedule_of_a_fixed_length_gets_the_length_of_training():
    optimizer = optimizer_factory(ADAMW)(nn.Linear(1, 1))
    (one,) = build_schedules({"one_cycle": ONE_CYCLE})
    assert one.per_step
    assert one.make(optimizer, 70).total_steps == 70
    (fixed,) = build_schedules({"one_cycle": ONE_CYCLE | {"total_steps": 40}})
    assert fixed.make(optimizer, 70).total_steps == 40
    (step,) = build_schedules(
        {"step": {"_target_": "torch.optim.lr_scheduler.StepLR", "_partial_": True, "step_size": 2}, "none": None}
    )
    assert not step.per_step
    assert type(step.make(optimizer, 70)).__name__ == "StepLR"


@pytest.mark.parametrize("spec", [ONE_CYCLE, COSINE], ids=["one_cycle", "cosine"])
def test_a_restored_schedule_continues_and_may_be_longer(spec: dict[str, Any]):
    (schedule,) = build_schedules({"own": spec})

    def run(steps: int, total: int, state: dict[str, Any] | None = None) -> tuple[list[float], Any]:
        optimizer = optimizer_factory(ADAMW)(nn.Linear(1, 1))
        scheduler = schedule.make(optimizer, total)
        if state:
            restore_scheduler(scheduler, state)
        rates = []
        for _ in range(steps):
            optimizer.step()
            scheduler.step()
            rates.append(optimizer.param_groups[0]["lr"])
        return rates, scheduler

    whole, _ = run(60, 60)
    first, scheduler = run(25, 60)
    assert first + run(35, 60, scheduler.state_dict())[0] == whole
    longer, _ = run(100, 100)
    assert run(75, 100, scheduler.state_dict())[0] == pytest.approx(longer[25:])


def test_class_weights_are_those_of_scikit_learn():
    counts = torch.tensor([30, 5, 15])
    labels = np.repeat(np.arange(3), counts.numpy())
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    weight = loss_factory(CROSS_ENTROPY, class_weights=True)(counts).weight
    np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-6)
    assert loss_factory(CROSS_ENTROPY, class_weights=False)(counts).weight is None


def test_a_loss_that_takes_class_counts_gets_them():
    loss = loss_factory(BALANCED, class_weights=False)(torch.tensor([3, 1]))
    np.testing.assert_allclose(loss.log_share.exp().numpy(), [0.75, 0.25], rtol=1e-6)
    given = loss_factory(BALANCED | {"class_counts": [1, 1]}, class_weights=False)(torch.tensor([3, 1]))
    np.testing.assert_allclose(given.log_share.exp().numpy(), [0.5, 0.5], rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizer_factory(ADAMW | {"decay_norms_and_biases": "no"}), "use true or false"),
        (lambda: optimizer_factory(ADAMW | {"lrr": 1}), "did you mean optimizer.lr?"),
        (lambda: build_schedules({"s": ONE_CYCLE | {"interval": "batch"}}), "use one of epoch, step"),
        (
            lambda: build_schedules(
                {"s": {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau", "interval": "step"}}
            ),
            "known once per epoch",
        ),
        (lambda: loss_factory(BALANCED, class_weights=True), "needs a loss with weights"),
        (
            lambda: loss_factory({"_target_": "builtins.dict"}, class_weights=False)(torch.ones(2)),
            "not a torch.nn.Module",
        ),
    ],
)
def test_what_cannot_work_is_refused(make, message):
    with pytest.raises(GenreError, match=message.replace("?", r"\?")):
        make()
