"""Music genre classification on mel spectrograms with CNN + RNN hybrids."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genre.inference.predictor import Predictor

# OpenMP threads spin while they wait. On a machine whose cores are all busy that makes a small RNN 50 times slower;
# sleeping costs nothing measurable on an idle one. Read when torch loads, so it has to stand here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["Predictor"]


def __getattr__(name: str) -> Any:
    """Import `Predictor` when it is first used: torch takes seconds to load."""
    if name == "Predictor":
        from genre.inference.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
