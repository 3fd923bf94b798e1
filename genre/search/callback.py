"""Hydra's way in: Optuna's sweeper plug-in stays what it is, but for the part that keeps the study."""

from typing import Any

from hydra.experimental.callback import Callback
from hydra_plugins.hydra_optuna_sweeper import _impl
from omegaconf import DictConfig

from genre.search.sweeper import DurableSweeper

PLACE = "OptunaSweeperImpl"
"""What the plug-in makes its sweeper of."""


class DurableSearch(Callback):
    """Puts `DurableSweeper` in the place of the plug-in's own before the plug-in makes it.

    Hydra refuses sweepers from outside its plug-ins' package, and calls this just before it makes one.
    """

    def __init__(self) -> None:
        self.own: Any = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Swap the sweepers."""
        self.own = _impl.OptunaSweeperImpl
        setattr(_impl, PLACE, DurableSweeper)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Swap them back."""
        setattr(_impl, PLACE, self.own)
