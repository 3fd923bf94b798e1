"""Print and write predictions and descriptions of models."""

import csv
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from genre.audio.decoding import AudioError
from genre.files import atomic_write
from genre.inference.prediction import Prediction

BAR = 20
"""Characters of the bar of a probability of 1."""
Results = Mapping[Path, Prediction | AudioError]


def print_predictions(results: Results, top: int, as_json: bool) -> int:
    """Print predictions to stdout, and the files without one to stderr.

    Args:
        results: By file.
        top: Genres per file in the table.
        as_json: Whether to print JSON, with all genres, in place of a table.

    Returns:
        Number of files without a prediction.
    """
    found = {path: result for path, result in results.items() if isinstance(result, Prediction)}
    failed = {path: result for path, result in results.items() if isinstance(result, AudioError)}
    if as_json:
        print(json.dumps([_as_dict(path, result) for path, result in results.items()], indent=2))
    elif found:
        table = Table("file", "genre", "probability", "", box=None, pad_edge=False)
        table.columns[0].overflow = "fold"
        above = Path(os.path.commonpath([path.absolute().parent for path in found]))
        for path, prediction in found.items():
            for row, (genre, probability) in enumerate(prediction.top(top)):
                bar = "█" * math.ceil(probability * BAR)
                table.add_row(
                    "" if row else escape(str(path.absolute().relative_to(above))),
                    escape(genre),
                    f"{probability:.3f}",
                    bar,
                )
        Console().print(table)
    for path, error in failed.items():
        print(f"{path}: {error.detail} ({error.reason})", file=sys.stderr)
    if failed:
        print(f"{len(failed)} of {len(results)} files could not be used", file=sys.stderr)
    return len(failed)


def write_csv(path: Path, genres: Sequence[str], results: Results) -> None:
    """Write one row per file: the genre, the duration in seconds, the probability of each genre, and the error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # File names may be any bytes, which Python represents by surrogates
    with atomic_write(path) as temporary, temporary.open("w", -1, "utf-8", "surrogateescape", "") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "genre", "seconds", *genres, "error"])
        for name, result in results.items():
            if isinstance(result, AudioError):
                writer.writerow([name, *[""] * (2 + len(genres)), f"{result.detail} ({result.reason})"])
            else:
                writer.writerow([name, result.genre, result.seconds, *result.probabilities.tolist(), ""])


def print_description(description: Mapping[str, Any]) -> None:
    """Print names and values, one per line."""
    for name, value in description.items():
        print(f"{name:<{max(map(len, description))}}  {value}")


def _as_dict(path: Path, result: Prediction | AudioError) -> dict[str, Any]:
    if isinstance(result, AudioError):
        return {"file": str(path), "error": f"{result.detail} ({result.reason})"}
    probabilities = {genre: float(value) for genre, value in result.top(len(result.genres))}
    return {
        "file": str(path),
        "genre": result.genre,
        "seconds": round(result.seconds, 3),
        "probabilities": probabilities,
    }
