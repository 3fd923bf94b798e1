"""Subcommands for trained models and searches."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genre import run_folder
from genre.cli.app import app
from genre.errors import GenreError

if TYPE_CHECKING:
    from genre.inference.prediction import Classifier

PICTURES = (".png", ".svg", ".pdf")
Runs = Annotated[
    list[Path] | None,
    typer.Option("--run", help="Run folder or exported folder; several are averaged: --run A --run B."),
]
Onnx = Annotated[Path | None, typer.Option(help="Model written by genre export.")]
Checkpoints = Annotated[list[Path] | None, typer.Option("--checkpoint", help="Checkpoint; several are averaged.")]
Trust = Annotated[list[str] | None, typer.Option(help="Package whose code the model may name, as for train.py.")]


@app.command()
def predict(
    files: Annotated[list[Path], typer.Argument(help="Audio files, or folders to search for them.")],
    run: Runs = None,
    checkpoint: Checkpoints = None,
    onnx: Onnx = None,
    top: Annotated[int | None, typer.Option(min=1, help="Genres per file: 5 for one file, else 1.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but JSON.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write all probabilities to this CSV file.")] = None,
    timeline: Annotated[Path | None, typer.Option(help="Draw the probabilities over one file (png, svg, pdf).")] = None,
    trust: Trust = None,
) -> None:
    """Predict the genres of recordings of any length.

    Exits with status 1 if a file cannot be used; the others are predicted.
    """
    if timeline and (len(files) > 1 or files[0].is_dir()):
        raise GenreError("--timeline draws one file: name one")
    if timeline and timeline.suffix.lower() not in PICTURES:
        raise GenreError(f"{timeline} has an unknown format: use one of {', '.join(PICTURES)}")
    from genre.audio.decoding import decoder_output_suppressed
    from genre.inference import files as audio
    from genre.inference.output import print_predictions, write_csv

    classifier = _load(onnx, [*(run or []), *(checkpoint or [])], trust or [])
    if _is_synthetic(classifier, [*(run or []), *(checkpoint or [])]):
        print("the model was trained on synthetic music: what it predicts for songs means nothing", file=sys.stderr)
    paths = audio.find_audio(files)
    with decoder_output_suppressed():
        results = audio.predict_all(classifier, paths)
    failed = print_predictions(results, top or (5 if len(paths) == 1 else 1), as_json)
    if csv:
        write_csv(csv, classifier.genres, results)
        print(f"csv: {csv}", file=sys.stderr)
    if timeline and not isinstance(found := results[paths[0]], Exception):
        from genre.inference.timeline import write_timeline

        write_timeline(timeline, paths[0], found, classifier)
        print(f"timeline: {timeline}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


@app.command()
def serve(
    run: Runs = None,
    checkpoint: Checkpoints = None,
    onnx: Onnx = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all networks.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 7860,
    trust: Trust = None,
) -> None:
    """Serve a web page that predicts the genres of uploaded or recorded songs."""
    from genre.audio.decoding import decoder_output_suppressed
    from genre.inference.serve import serve_page

    classifier = _load(onnx, [*(run or []), *(checkpoint or [])], trust or [])
    with decoder_output_suppressed():
        serve_page(classifier, host, port)


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="ONNX file or folder to write.")],
    run: Runs = None,
    checkpoint: Checkpoints = None,
    form: Annotated[str, typer.Option("--format", help="onnx, or hf for a folder in Hugging Face's form.")] = "onnx",
    trust: Trust = None,
) -> None:
    """Export a trained model: to ONNX, a waveform in, probabilities out; or with a model card.

    An ONNX model may be an ensemble of several runs.
    """
    from genre.inference.info import training_facts  # torch takes seconds to load: `--help` must not wait for it
    from genre.inference.predictor import Predictor

    runs = run or []
    if form not in ("onnx", "hf"):
        raise GenreError(f"--format {form} is unknown: use onnx or hf")
    if form == "onnx" and output.suffix != ".onnx":
        raise GenreError(f"--output {output} must end in .onnx, by which the other commands know the file")
    if form == "hf" and (len(runs) != 1 or checkpoint):
        raise GenreError("--format hf exports one run with its scores: give one --run")
    predictor = Predictor.load(*runs, *(checkpoint or []), trust=trust or [])
    if form == "hf":
        from genre.inference.hub import write_folder
        from genre.reports.model_card import model_card

        write_folder(output, predictor.model, model_card(runs[0], training_facts(runs), tuple(trust or ())))
        print(f"model: {output}")
        return
    from genre.inference.export import export_onnx

    export_onnx(predictor, output, training_facts(runs))
    print(f"model: {output} ({output.stat().st_size / 1e6:.1f} MB)")


@app.command()
def info(
    model: Annotated[Path, typer.Argument(help="Run folder, checkpoint, ONNX file or exported folder.")],
    trust: Trust = None,
) -> None:
    """Say what a trained model is: network, features, genres, data, scores."""
    from genre.inference.info import describe
    from genre.inference.output import print_description

    print_description(describe(model, trust or []))


@app.command()
def power(
    runs: Annotated[list[str] | None, typer.Argument(help="Runs of a finished comparison, as for evaluate.py.")] = None,
    tracks: Annotated[int | None, typer.Option(min=1, help="Without runs: test tracks.")] = None,
    artists: Annotated[int | None, typer.Option(min=2, help="Without runs: artists of the test tracks.")] = None,
    seed_sd: Annotated[
        float | None, typer.Option(min=0, help="Deviation over seeds in points; measured by runs.")
    ] = None,
    disagreement: Annotated[
        float, typer.Option(min=0, max=1, help="Without runs: share of tracks that one of two gets right.")
    ] = 0.35,
    correlation: Annotated[
        float, typer.Option(min=0, max=1, help="Without runs: of the difference within an artist.")
    ] = 0.2,
    comparisons: Annotated[
        int | None, typer.Option(min=1, help="Tests to correct for; those of the runs, else 1.")
    ] = None,
    trust: Trust = None,
) -> None:
    """Say how small a difference a test set finds with 80 % power, and what more artists and seeds would bring."""
    from genre.evaluation import power as sizes
    from genre.evaluation.comparison import compare
    from genre.evaluation.runs import find_runs
    from genre.reports.console import print_power

    if runs:
        labels = find_runs(runs)
        result = compare(list(labels), trust or [], labels=labels)
        if result.pairs.empty:
            raise GenreError("genre power needs runs of several models: give more of them, or --tracks and --artists")
        if (artists := result.predictions.n_clusters) < 2:
            raise GenreError("genre power needs test tracks by at least 2 artists: give runs with more of them")
        measured, tracks = sizes.measured_spreads(result), len(result.predictions.target)
        comparisons = comparisons or int(result.pairs.groupby("question").size().max())
    elif tracks is None or artists is None or tracks < artists:
        raise GenreError("give the runs of a comparison, or --tracks and --artists (at most one per track)")
    else:
        measured = {"accuracy": (sizes.paired_variance(tracks, artists, disagreement, correlation), float("nan"))}
    for name, (variance, deviation) in measured.items():
        deviation = deviation if seed_sd is None else seed_sd / 100
        limit = tracks if name == "accuracy" else float("inf")
        table = sizes.power_table(variance, limit, artists, deviation, comparisons or 1)
        print_power(name, table, deviation, comparisons or 1)


@app.command("search-report")
def search_report(
    folder: Annotated[Path, typer.Argument(help="Search folder: runs/search/<model>-<data>")],
    storage: Annotated[
        str | None, typer.Option(help="Storage URL, if it differs from the one recorded in the search folder.")
    ] = None,
) -> None:
    """Regenerate a search's report, trial table and best.yaml. Works while the search is running."""
    from genre.reports.search import print_summary
    from genre.search.results import open_search, write_folder

    print_summary([write_folder(open_search(folder, storage))])


def _is_synthetic(classifier: "Classifier", runs: list[Path]) -> bool:
    stored = str(getattr(classifier, "metadata", {}).get("data set", "")).split("; ")  # of each member of an ensemble
    folders = [folder for run in runs for folder in (run, *run.absolute().parents[:2])]  # of a checkpoint, too
    names = [text.partition(",")[0] for text in stored] + [run_folder.data_name(folder) for folder in folders]
    return run_folder.SYNTHETIC in names


def _load(onnx: Path | None, runs: list[Path], trust: list[str]) -> "Classifier":
    if onnx is None:
        if not runs:
            raise GenreError("no model is given: add --run with a run folder, --checkpoint or --onnx")
        import torch  # takes seconds to load

        from genre.inference.predictor import Predictor

        if "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(1)  # a clip is too small for two, which wait for each other and for the decoder
        return Predictor.load(*runs, trust=trust)
    if runs:
        raise GenreError("--onnx cannot be combined with --run or --checkpoint: choose one")
    from genre.inference.onnx_model import OnnxModel

    return OnnxModel(onnx)
