"""Subcommands for data sets: caches, splits, reports, weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genre.cli.app import Overrides, app, compose_components, compose_settings
from genre.config.compose import compose
from genre.config.validate import validate
from genre.errors import GenreError
from genre.files import atomic_write

if TYPE_CHECKING:
    from genre.data.prepared import PreparedData

cache = typer.Typer(help="Maintain the cache of features.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(cache, name="cache")


@app.command()
def precompute(overrides: Overrides = None) -> None:
    """Extract the features of a data set into the cache."""
    from genre.data.prepare import select_tracks  # torch takes seconds to load: `--help` must not wait for it

    components = compose_components(overrides)
    selection, _ = select_tracks(
        components.source, components.settings.data, components.cache, components.make_executor
    )
    print(f"{len(selection.kept)} tracks in {components.cache.folder}")


@cache.command()
def verify(overrides: Overrides = None) -> None:
    """Check every file of a data set's cache. Exits with status 1 if one is damaged; the next use repairs it."""
    found = compose_components(overrides).cache
    damage = found.verify()
    for error in damage:
        print(error)
    if damage:
        raise typer.Exit(1)
    print(f"{found.folder} is undamaged")


@app.command()
def weights(
    name: Annotated[str, typer.Argument(help="Pretrained network: musicnn")],
    overrides: Overrides = None,
    wheel: Annotated[Path | None, typer.Option(help="The published package, if this machine has no network.")] = None,
) -> None:
    """Fetch the weights of a pretrained network, with their license and source.

    They go to features.weights, which is data/weights/musicnn.safetensors by default.
    """
    from genre.pretrained.weights import fetch_musicnn

    if name != "musicnn":
        raise GenreError(f"{name} is unknown: use musicnn")
    path = Path(compose_settings(["features=musicnn", *(overrides or [])]).features["weights"])
    fetch_musicnn(path, wheel)
    print(f"weights: {path}")


@app.command()
def eda(
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the report; runs/eda/<collection> by default.")] = None,
    genres: Annotated[str | None, typer.Option(help="Show example tracks of these genres only: Rock,Pop")] = None,
) -> None:
    """Write a report of a data set.

    It shows genres, artists, licenses, files, rejected tracks and spectrograms, with a data card in Markdown beside it.
    """
    from genre.data import split_report
    from genre.data.tracks import collection_name
    from genre.reports import eda as page

    components = compose_components(overrides)
    prepared = components.datamodule.data
    split_report.log_split_warnings(prepared.tracks, components.settings.data)
    wanted = [name.strip() for name in genres.split(",")] if genres else None
    if unknown := sorted(set(wanted or []) - set(prepared.genres)):
        raise GenreError(f"--genres: {', '.join(unknown)} is unknown here; the genres are {', '.join(prepared.genres)}")
    name = collection_name(components.settings.data)
    folder = out or Path(components.settings.paths.runs) / "eda" / name
    print(f"report: {page.write_eda_report(prepared, Path(components.source.root), name, folder, wanted)}")
    print(f"data card: {folder / page.DATA_CARD}")


@app.command()
def split(
    output: Annotated[Path, typer.Option(help="CSV file to write, for data.splits=FILE.csv.")],
    overrides: Overrides = None,
) -> None:
    """Write the split of a data set to a file, with which any run can use it: data.splits=FILE.csv."""
    from genre.data.leakage import is_leakage_level  # torch takes seconds to load: `--help` must not wait for it

    components = compose_components(overrides)
    if is_leakage_level(components.settings.data.splits):
        raise GenreError("the splits of experiment=leakage cut tracks in half: use another data.splits")
    if components.settings.data.train_fraction < 1:
        raise GenreError("a split lists all tracks: leave out data.train_fraction, which a run may set with that split")
    if output.suffix != ".csv":
        raise GenreError(f"--output {output} must end in .csv, by which data.splits knows it")
    tracks = components.datamodule.data.tracks
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(output) as temporary:
        tracks[["track_id", "path", "genre", "split"]].to_csv(temporary, index=False)
    print(f"split: {output}")


@app.command()
def audit(
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Write everything that leaks to this CSV file.")] = None,
) -> None:
    """Check a split for leakage.

    The split is that of a run (run_dir=...) or of a data set (data=...).

    Exits with status 1 if an artist, album or recording is in more than one split. With run_dir, data_root= and cache=
    give the new location of audio and caches that were moved, and trust=[mylab] allows the run to use that package.
    """
    from genre.data.audit import find_leaks
    from genre.reports.console import print_audit

    given = dict(text.partition("=")[::2] for text in overrides or [])
    prepared = _of_run(overrides or []) if "run_dir" in given else compose_components(overrides).datamodule.data
    found = find_leaks(prepared)
    missing = {kind: int(prepared.tracks[kind].isna().sum()) for kind in ("artist", "album")}
    print_audit(found, [kind for kind, count in missing.items() if count == len(prepared.tracks)])
    for kind, count in missing.items():
        if count:
            print(f"{kind}: unknown for {count} of {len(prepared.tracks)} tracks")
    if out:
        with atomic_write(out) as temporary:
            found.to_csv(temporary, index=False)
    if len(found):
        raise typer.Exit(1)


def _of_run(overrides: list[str]) -> "PreparedData":
    from genre import logging_setup, run_folder
    from genre.training.components import build_components
    from genre.training.resume import restore_settings

    given = dict(text.partition("=")[::2] for text in overrides)
    if others := sorted(set(given) - {"run_dir", "data_root", "cache", "trust"}):
        raise GenreError(f"{others[0]}= cannot be combined with run_dir=: only data_root=, cache= and trust= can")
    folder = Path(given["run_dir"])
    logging_setup.configure_logging()
    evaluation = validate(compose("evaluate", [*overrides, "accelerator=auto"]))  # no network is used
    return build_components(restore_settings(folder, evaluation), folder / run_folder.TRACKS).datamodule.data
