"""The `genre` command: data sets, caches, splits, searches, and trained models."""

from genre.cli import scripts
from genre.cli.app import app
from genre.cli.data import audit, eda, precompute, split, verify, weights
from genre.cli.models import export, info, power, predict, search_report, serve
from genre.config.errors import exit_with_one_line

__all__ = [
    "app",
    "audit",
    "eda",
    "export",
    "info",
    "power",
    "precompute",
    "predict",
    "scripts",
    "search_report",
    "serve",
    "split",
    "verify",
    "weights",
]


def main() -> None:
    """Run the command line."""
    with exit_with_one_line():
        app()
