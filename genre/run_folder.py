"""File names in a run folder."""

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
RECORD = "run.json"
ENVIRONMENT = "environment.txt"
REPORT = "report"
REPORT_VAL = "report_val"
EXTERNAL = "on"


def is_started(folder: Path) -> bool:
    """Whether the folder holds a run, finished or not."""
    return (folder / CONFIG).exists()


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a run that was trained and tested."""
    return (folder / SCORES).exists()


def read_scores(folder: Path) -> dict[str, Any]:
    """Read the scores of a finished run."""
    return dict(json.loads((folder / SCORES).read_text()))
