"""The `genre` command, and the configurations that its subcommands use."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import hydra
import typer

import genre
from genre.config import schema  # noqa: F401 (registers the schema with Hydra)
from genre.config.validate import validate

if TYPE_CHECKING:
    from genre.config.schema import TrainConfig
    from genre.training.components import Components

CONF = Path(genre.__file__).parents[1] / "conf"

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
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        settings: TrainConfig = validate(hydra.compose("train", overrides))
    return settings


def compose_components(overrides: list[str] | None) -> "Components":
    """Build the components that a command line describes."""
    settings = compose_settings(overrides or [])
    from genre import logging_setup
    from genre.training.components import build_components

    logging_setup.configure_logging()
    return build_components(settings)
