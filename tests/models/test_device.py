"""Accelerators are found, or refused in one line."""

import pytest
import torch

from genre.errors import GenreError
from genre.models.checkpoint import resolve_device


@pytest.mark.parametrize(
    ("here", "found"),
    [
        ((), {"auto": "cpu", "cpu": "cpu"}),
        (("cuda",), {"auto": "cuda", "cpu": "cpu", "gpu": "cuda", "cuda": "cuda"}),
        (("mps",), {"auto": "mps", "cpu": "cpu", "gpu": "mps", "mps": "mps"}),
    ],
)
def test_an_accelerator_is_a_device_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, here: tuple[str, ...], found: dict[str, str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in here)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in here)
    for name in ("auto", "cpu", "gpu", "cuda", "mps"):
        if name in found:
            assert resolve_device(name) == found[name]
        else:
            with pytest.raises(GenreError, match=f"accelerator={name} is not available on this machine: use auto or"):
                resolve_device(name)


def test_an_unknown_accelerator_is_refused() -> None:
    with pytest.raises(GenreError, match="accelerator=banana is unknown: use one of auto, gpu, cuda, mps, cpu"):
        resolve_device("banana")
