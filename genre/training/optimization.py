"""Build the optimizer, the learning-rate schedules and the loss from their sections of the configuration."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from genre.config.instantiate import build, call, check_arguments, with_target
from genre.config.targets import arguments
from genre.errors import GenreError

INTERVALS = ("epoch", "step")


def optimizer_factory(spec: dict[str, Any]) -> Callable[[nn.Module], Optimizer]:
    """Build the factory of the optimizer.

    Args:
        spec: The `optimizer` section: `_target_` and its arguments. With `decay_norms_and_biases: false`, weight decay
            leaves out all parameters of one dimension: those of normalization layers, and biases.

    Returns:
        Network -> optimizer of its parameters.

    Raises:
        GenreError: The optimizer does not exist, or does not accept an argument.
    """
    spec = dict(spec)
    everywhere = spec.pop("decay_norms_and_biases", True)
    if not isinstance(everywhere, bool):
        raise GenreError(f"optimizer.decay_norms_and_biases={everywhere} is unknown: use true or false")
    make = build("optimizer", spec)

    def make_optimizer(net: nn.Module) -> Optimizer:
        parameters: Any = net.parameters()
        if not everywhere:
            decayed = [parameter for parameter in net.parameters() if parameter.ndim > 1]
            rest = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
            parameters = [{"params": decayed}, {"params": rest, "weight_decay": 0.0}]
        optimizer: Optimizer = call("optimizer", make, parameters)
        return optimizer

    return make_optimizer


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule that is not bound to an optimizer yet.

    Attributes:
        make: Optimizer and number of steps of the whole training -> scheduler.
        per_step: Whether it takes one step per optimizer step; otherwise it takes one per epoch.
    """

    make: Callable[[Optimizer, int], LRScheduler]
    per_step: bool


def build_schedules(specs: dict[str, Any]) -> list[Schedule]:
    """Build the learning-rate schedules.

    Args:
        specs: The `scheduler` section: name -> `_target_` and its arguments, and `interval`, which is epoch (default)
            or step. An argument `total_steps` that is not given is set to the number of steps of the whole training.

    Returns:
        The schedules, in order.

    Raises:
        GenreError: A scheduler does not exist, or does not accept an argument.
    """
    return [_build_schedule(f"scheduler.{name}", dict(spec)) for name, spec in with_target("scheduler", specs).items()]


def _build_schedule(path: str, spec: dict[str, Any]) -> Schedule:
    interval = spec.pop("interval", "epoch")
    if interval not in INTERVALS:
        raise GenreError(f"{path}.interval={interval} is unknown: use one of {', '.join(INTERVALS)}")
    target = check_arguments(path, spec)
    if interval == "step" and target is ReduceLROnPlateau:
        raise GenreError(f"{path}.interval=step cannot work: the monitored score is known once per epoch")
    needs_length = "total_steps" in (arguments(target) or ()) and spec.get("total_steps") is None
    build_scheduler = build(path, spec)

    def make(optimizer: Optimizer, total_steps: int) -> LRScheduler:
        scheduler: LRScheduler = call(
            path, build_scheduler, optimizer, **({"total_steps": total_steps} if needs_length else {})
        )
        return scheduler

    return Schedule(make, interval == "step")


def restore_scheduler(scheduler: LRScheduler, state: dict[str, Any]) -> None:
    """Restore the state of a scheduler, but not the length of its schedule: training may have been extended."""
    length = {key: vars(scheduler)[key] for key in ("total_steps", "_schedule_phases") if key in state}
    scheduler.load_state_dict(state | length)


def loss_factory(spec: dict[str, Any], class_weights: bool) -> Callable[[Tensor], nn.Module]:
    """Build the factory of the training loss.

    Args:
        spec: The `loss` section: `_target_` and its arguments. An argument `class_counts` that is not given is set to
            the number of training tracks of each genre.
        class_weights: Whether to give the loss the argument `weight`: weights inverse to the class frequencies, whose
            mean over the training tracks is 1, as scikit-learn's `class_weight="balanced"`.

    Returns:
        Number of training tracks of each genre, shape (classes,) -> loss.

    Raises:
        GenreError: The loss does not exist, or does not accept an argument.
    """
    target = check_arguments("loss", spec)
    known = arguments(target) or ()
    if class_weights and "weight" not in known:
        raise GenreError(f"model.class_weights=true needs a loss with weights, which {spec['_target_']} has not")

    def make_loss(counts: Tensor) -> nn.Module:
        derived: dict[str, Any] = {}
        if "class_counts" in known and spec.get("class_counts") is None:
            derived["class_counts"] = counts.tolist()
        if class_weights:
            derived["weight"] = counts.sum() / (len(counts) * counts.float())
        loss = call("loss", partial(build, "loss", {**spec, "_partial_": True})(), **derived)
        if not isinstance(loss, nn.Module):
            raise GenreError("loss is not a torch.nn.Module: set its _target_ to one")
        return loss

    return make_loss


def check_optimization(
    make_optimizer: Callable[[nn.Module], Optimizer],
    schedules: list[Schedule],
    make_loss: Callable[[Tensor], nn.Module],
) -> None:
    """Call all factories once with small objects, so that wrong values are found before audio is read.

    Args:
        make_optimizer: See `optimizer_factory`.
        schedules: See `build_schedules`.
        make_loss: See `loss_factory`.

    Raises:
        GenreError: One of them does not accept its values.
    """
    optimizer = make_optimizer(nn.Linear(1, 1))
    for schedule in schedules:
        schedule.make(optimizer, 100)
    loss = make_loss(torch.tensor([2, 3]))
    for target in (torch.tensor([0, 1]), torch.tensor([[0.5, 0.5], [0.0, 1.0]])):
        value = call("loss", loss, torch.zeros(2, 2), target)
        if not isinstance(value, Tensor) or value.ndim:
            shape = tuple(getattr(value, "shape", ())) or type(value).__name__
            raise GenreError(f"loss returns {shape} for a batch of 2: it must return a scalar tensor")
