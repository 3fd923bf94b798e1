"""The `genre` command: what there is to do beside training and testing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import hydra
import typer

import genre
from genre.config import schema  # noqa: F401 (makes the schema known to Hydra)
from genre.config.errors import exit_with_one_line
from genre.config.targets import Trust
from genre.config.validate import validate
from genre.errors import GenreError
from genre.files import atomic_write

if TYPE_CHECKING:
    from genre.data.prepare import PreparedData
    from genre.training.components import Components

CONF = Path(genre.__file__).parents[1] / "conf"

app = typer.Typer(
    help=genre.__doc__,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
cache = typer.Typer(help="Look after the cache of features.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(cache, name="cache")
Overrides = Annotated[list[str] | None, typer.Argument(help="Hydra overrides, as train.py takes them: data=fma ...")]


@app.callback()
def commands() -> None:
    """Commands about data take the same overrides as train.py."""


@app.command()
def precompute(overrides: Overrides = None) -> None:
    """Extract the features of a collection into the cache, and nothing else."""
    from genre.data.prepare import select_tracks  # torch takes seconds to load: `--help` should not

    components = _components(overrides)
    selection, _ = select_tracks(
        components.source, components.settings.data, components.cache, components.make_executor
    )
    print(f"{len(selection.kept)} tracks are in {components.cache.folder}")


@cache.command()
def verify(overrides: Overrides = None) -> None:
    """Check each file of a collection's cache. Exit code 1 when one is damaged; the next use makes it again."""
    found = _components(overrides).cache
    damage = found.verify()
    for error in damage:
        print(error)
    if damage:
        raise typer.Exit(1)
    print(f"{found.folder} is whole")


@app.command()
def eda(
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the page; runs/eda/<collection> if not given.")] = None,
    genres: Annotated[str | None, typer.Option(help="Genres to show tracks of: Rock,Pop")] = None,
) -> None:
    """Look at a collection before any training: genres, artists, files, what was rejected, spectrograms."""
    from genre.data import split_report
    from genre.reports import eda as page

    components = _components(overrides)
    prepared = components.datamodule.data
    split_report.log_split_warnings(prepared.tracks, components.settings.data)
    wanted = [name.strip() for name in genres.split(",")] if genres else None
    if unknown := sorted(set(wanted or []) - set(prepared.genres)):
        raise GenreError(f"--genres: {', '.join(unknown)} is unknown here; the genres are {', '.join(prepared.genres)}")
    name = components.settings.data.name
    folder = out or Path(components.settings.paths.runs) / "eda" / name
    print(f"report: {page.write_eda_report(prepared, Path(components.source.root), name, folder, wanted)}")


@app.command()
def audit(
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Table to write with everything that crosses, as CSV.")] = None,
) -> None:
    """Check a split for what crosses it: of a run (run_dir=RUN_FOLDER), or of data as they would be split (data=...).

    Beside run_dir, data_root= and cache= give where its audio and the caches are now, if they were moved, and
    trust=[mylab] the packages whose code its configuration may name. Exit code 1 when an artist, an album or a
    recording is in two parts.
    """
    from genre.data.audit import find_leaks
    from genre.reports.console import print_audit

    given = dict(text.partition("=")[::2] for text in overrides or [])
    prepared = _of_run(overrides or []) if "run_dir" in given else _components(overrides).datamodule.data
    found = find_leaks(prepared)
    missing = {kind: int(prepared.tracks[kind].isna().sum()) for kind in ("artist", "album")}
    print_audit(found, [kind for kind, count in missing.items() if count == len(prepared.tracks)])
    for kind, count in missing.items():
        if count:
            print(f"{kind} unknown for {count} of {len(prepared.tracks)} tracks")
    if out:
        with atomic_write(out) as temporary:
            found.to_csv(temporary, index=False)
    if len(found):
        raise typer.Exit(1)


@app.command("search-report")
def search_report(
    folder: Annotated[Path, typer.Argument(help="Of the search: runs/search/<model>-<data>")],
    storage: Annotated[str | None, typer.Option(help="Of the study, if not where the folder says.")] = None,
) -> None:
    """Write the page of a search, its table of trials and its best.yaml again, also while it runs."""
    from genre.search import outcome, report, screen

    found = outcome.open_folder(folder, storage)
    outcome.write_best(found)
    report.write(found)
    screen.finished([found])


def _of_run(overrides: list[str]) -> "PreparedData":
    from genre import logging_setup, run_folder
    from genre.training.components import build_components
    from genre.training.resume import relocate, stored_config

    given = dict(text.partition("=")[::2] for text in overrides)
    if others := sorted(set(given) - {"run_dir", "data_root", "cache", "trust"}):
        raise GenreError(f"{others[0]}= does not go with run_dir=, only data_root=, cache= and trust= do")
    folder = Path(given["run_dir"])
    if not run_folder.is_started(folder):
        raise GenreError(f"{folder} is not a run folder: give one that train.py made, with {run_folder.CONFIG} in it")
    logging_setup.configure_logging()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        evaluation = validate(hydra.compose("evaluate", overrides))
    config = relocate(stored_config(folder, Trust(evaluation.trust)), evaluation.data_root, evaluation.cache)
    return build_components(validate(config), folder / run_folder.TRACKS).datamodule.data


def _components(overrides: list[str] | None) -> "Components":
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("train", overrides or [])
    checked_settings = validate(config)
    from genre import logging_setup
    from genre.training.components import build_components

    logging_setup.configure_logging()
    return build_components(checked_settings)


def main() -> None:
    """Entry point."""
    with exit_with_one_line():
        app()


if __name__ == "__main__":
    main()
