"""File names in a run folder, and what is read from its small files."""

import json
from pathlib import Path
from typing import Any

import yaml

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
SYNTHETIC = "synthetic"
"""Name of the synthetic data set."""
SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test"}
"""The splits in the tables of a run, and what they are called in reports."""


def is_started(folder: Path) -> bool:
    """Whether the folder holds a run, finished or not."""
    return (folder / CONFIG).exists()


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a run that was trained and tested."""
    return (folder / SCORES).exists()


def data_name(folder: Path) -> str | None:
    """Name of the data set of a run; None if the folder holds no run."""
    try:
        return str(yaml.safe_load((folder / CONFIG).read_text())["data"]["name"])
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return None


def read_scores(folder: Path) -> dict[str, Any]:
    """Read the scores of a finished run."""
    return dict(json.loads((folder / SCORES).read_text()))
