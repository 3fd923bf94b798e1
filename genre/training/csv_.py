"""metrics.csv: one row an epoch, whichever other loggers there are."""

from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from genre.errors import GenreError
from genre.files import whole


class MetricsCsv(Logger):
    """Collects what is logged for an epoch in one row, and goes on with the file of an interrupted run.

    Args:
        path: The file; rewritten whole.
        start_epoch: Rows from this epoch on are dropped: a resumed run makes them again.
    """

    def __init__(self, path: Path, start_epoch: int = 0) -> None:
        super().__init__()
        self.path = path
        self.rows: dict[int, dict[str, float]] = {}
        if start_epoch and path.exists():
            try:
                old = pd.read_csv(path).to_dict("records")
                self.rows = {int(row["epoch"]): row for row in old if row["epoch"] < start_epoch}
            except (ValueError, KeyError) as error:
                raise GenreError(f"{path} is damaged: delete it, and with it the scores of its epochs") from error

    @property
    def name(self) -> str:
        """Of the file."""
        return self.path.stem

    @property
    def version(self) -> str:
        """There is one."""
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """They are in the run folder's configuration."""

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Add values to their epoch's row."""
        if "epoch" not in metrics:
            return
        epoch = int(metrics["epoch"])
        values = {name: float(value) for name, value in metrics.items() if name != "epoch"}
        row = {"epoch": epoch, "step": step or 0} | self.rows.get(epoch, {}) | values
        if row == self.rows.get(epoch):
            return
        self.rows[epoch] = row
        table = pd.DataFrame([self.rows[number] for number in sorted(self.rows)])
        with whole(self.path) as temporary:
            table.to_csv(temporary, index=False)
