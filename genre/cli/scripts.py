"""Subcommands that take the arguments of train.py and evaluate.py."""

import sys
from types import ModuleType
from typing import Any

import typer

from genre.cli import evaluate, train
from genre.cli.app import app

PASS_ON: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Hydra reads the arguments itself, also `--help`."""


@app.command("train", context_settings=PASS_ON)
def train_command(context: typer.Context) -> None:
    """Train and test: the same as train.py.

    `genre train --help` lists the settings.
    """
    _run(train, context.args)


@app.command("evaluate", context_settings=PASS_ON)
def evaluate_command(context: typer.Context) -> None:
    """Report on a run or compare several: evaluate.py."""
    _run(evaluate, context.args)


def _run(module: ModuleType, arguments: list[str]) -> None:
    sys.argv[:] = [str(module.__file__), *arguments]  # a script, which further processes start with these arguments
    module.run()
