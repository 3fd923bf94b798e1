"""The `genre` command, and the configurations that its subcommands use."""

from typing import TYPE_CHECKING, Annotated

import typer

import genre
from genre.config.compose import compose
from genre.config.validate import validate

if TYPE_CHECKING:
    from genre.config.schema import TrainConfig
    from genre.training.components import Components

app = typer.Typer(
    help=genre.__doc__,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Overrides = Annotated[list[str] | None, typer.Argument(help="Hydra overrides, as for train.py: data=fma ...")]


@app.callback()
def commands() -> None:
    """Commands for data sets accept the same overrides as train.py."""


def compose_settings(overrides: list[str]) -> "TrainConfig":
    """Compose and validate the configuration of a command line."""
    settings: TrainConfig = validate(compose("train", overrides))
    return settings


def compose_components(overrides: list[str] | None) -> "Components":
    """Build the components that a command line describes."""
    settings = compose_settings(overrides or [])
    from genre import logging_setup
    from genre.training.components import build_components

    logging_setup.configure_logging()
    return build_components(settings)
