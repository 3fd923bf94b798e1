"""Learning-rate schedules, compared with their formula."""

import math

import pytest
import torch

from genre.training.schedules import WarmupCosine


def rates(steps: int, **given: float) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.2)
    schedule = WarmupCosine(optimizer, steps, **given)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


def test_the_rate_rises_linearly_and_falls_along_a_cosine():
    seen = rates(100, warmup=0.1, final=0.25)
    assert seen[:10] == pytest.approx([0.2 * (step + 1) / 11 for step in range(10)])
    assert seen[10] == pytest.approx(0.2)
    assert seen[55] == pytest.approx(0.2 * (0.25 + 0.75 / 2))  # half of the way down
    expected = [0.2 * (0.25 + 0.75 * (1 + math.cos(math.pi * (step - 10) / 90)) / 2) for step in range(10, 100)]
    assert seen[10:] == pytest.approx(expected)


def test_it_may_be_without_warm_up():
    assert rates(4, warmup=0.0) == pytest.approx([0.2, 0.1 * (1 + 0.5**0.5), 0.1, 0.1 * (1 - 0.5**0.5)])


@pytest.mark.parametrize("given", [{"warmup": 1.0}, {"warmup": -0.1}, {"final": 1.0}])
def test_impossible_values_are_refused(given):
    with pytest.raises(ValueError, match="must be at least 0 and below 1"):
        rates(10, **given)
