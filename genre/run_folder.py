"""What lies in a run folder under which name, and the way from a checkpoint back to a network."""

import json
from pathlib import Path
from typing import Any

CONFIG = ".hydra/config.yaml"
OVERRIDES = ".hydra/overrides.yaml"
BEST = "checkpoints/best.ckpt"
LAST = "checkpoints/last.ckpt"
LOG = "train.log"
METRICS = "metrics.csv"
TRACKS = "tracks.parquet"
REJECTED = "rejected.csv"
PREDICTIONS = "predictions.parquet"
PREDICTIONS_LAST = "predictions_last.parquet"
SCORES = "scores.json"
REPORT = "report"


def is_started(folder: Path) -> bool:
    """Whether a run was begun there."""
    return (folder / CONFIG).exists()


def is_finished(folder: Path) -> bool:
    """Whether a run was trained and tested there."""
    return (folder / SCORES).exists()


def read_scores(folder: Path) -> dict[str, Any]:
    """What a finished run scored."""
    return dict(json.loads((folder / SCORES).read_text()))
