"""The `genre` command: what there is to do beside training and testing."""

from pathlib import Path
from typing import Annotated

import hydra
import typer

import genre
from genre import settings

CONF = Path(genre.__file__).parents[1] / "conf"

app = typer.Typer(
    help=genre.__doc__,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Overrides = Annotated[list[str] | None, typer.Argument(help="Hydra overrides, as train.py takes them: data=fma ...")]


@app.callback()
def commands() -> None:
    """Commands about data take the same overrides as train.py."""


@app.command()
def precompute(overrides: Overrides = None) -> None:
    """Extract the features of a collection into the cache, and nothing else."""
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("train", overrides or [])
    checked = settings.checked(config)
    from genre import console  # torch takes seconds to load: `--help` should not
    from genre.data.prepare import usable
    from genre.parts import assemble

    console.quiet()
    parts = assemble(checked)
    selection, _ = usable(parts.source, checked.data, parts.cache, parts.make_executor)
    print(f"{len(selection.kept)} tracks are in {parts.cache.folder}")


def main() -> None:
    """Entry point."""
    with settings.one_line_errors():
        app()
