"""What the report of one run is made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from genre.data.datamodule import GenreData
from genre.run_folder import TrainedModel


@dataclass(frozen=True)
class Material:
    """A run, tested again.

    Attributes:
        folder: The run folder.
        scores: As in scores.json.
        predictions: As `predictions.predict` makes them.
        model: Of its best checkpoint.
        data: The collection with the run's split.
        device: Where to compute, as torch calls it.
        monitor: Score that chose the best epoch, and whether it is to be `min` or `max`.
    """

    folder: Path
    scores: dict[str, Any]
    predictions: pd.DataFrame
    model: TrainedModel
    data: GenreData
    device: str
    monitor: tuple[str, str]
