"""Write the model card of a run: what the model is, how it was tested, and what it is for."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from genre import run_folder
from genre.evaluation.bootstrap import interval_warnings, per_class_table, score_intervals
from genre.evaluation.runs import FinishedRun, load_run
from genre.evaluation.scores import SCORE_LABELS
from genre.reports.formatting import INTERVAL, format_interval, format_number

METRICS = {"accuracy": "accuracy", "f1_macro": "f1"}
"""Scores in the card's metadata, and Hugging Face's names of their metrics."""
SHOWN = ("accuracy", "f1_macro", "f1_weighted")


def model_card(folder: Path, facts: dict[str, Any], trust: tuple[str, ...] = ()) -> str:
    """Write the card of a finished run, as Markdown with metadata in front.

    Args:
        folder: Run folder.
        facts: What `genre info` says about the run.
        trust: Packages whose code the run may name.

    Returns:
        The text.

    Raises:
        GenreError: The folder does not hold a finished run.
    """
    run = load_run(folder, trust)
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    sizes = tracks["split"].value_counts()
    name, data = str(run.config.model.name), str(run.config.data.name)
    is_synthetic = data == run_folder.SYNTHETIC
    scores = score_intervals(run.predictions).set_index("score").loc[[SCORE_LABELS[key] for key in SHOWN]]
    by_genre = per_class_table(run.predictions)
    lines = [
        "---",
        yaml.safe_dump(_metadata(run, name, data), sort_keys=False, allow_unicode=True).strip(),
        "---",
        "",
        f"# {name}, trained on {data}",
        "",
        f"Classifies music into {len(run.predictions.genres)} genres: {', '.join(run.predictions.genres)}.",
        "",
        "```python",
        "from genre import Predictor",
        "",
        'Predictor.load("path/to/this/folder")("song.mp3").top(3)',
        "```",
        "",
        "## Training",
        "",
        *(f"- {key}: {value}" for key, value in facts.items() if key != "test scores"),  # a table of their own below
        f"- tracks: {sizes['train']} for training, {sizes['val']} for validation, {sizes['test']} for test",
        f"- epochs: {run.scores['epochs']}; parameters: {run.scores['parameters']:,}",
        "",
        "## Test scores",
        "",
        f"On {run.scores['test/tracks']} tracks of the same collection. {INTERVAL}",
        "",
        "| score | value |",
        "|---|---|",
        *(f"| {label} | {format_interval('.3f', *row)} |" for label, *row in scores.itertuples()),
        "",
        *(f"{warning}\n" for warning in interval_warnings(run.predictions)),
        "| genre | precision | recall | F1 | test tracks |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {row.genre} | {format_number(row.precision)} | {format_number(row.recall)} | {format_number(row.f1)} | "
            f"{row.support} |"
            for row in by_genre.itertuples()
        ),
        "",
        "## Use and limits",
        "",
        *(["It was trained on synthetic music: what it predicts for songs means nothing.", ""] * is_synthetic),
        "For research on genre classification, and for sorting collections like the one it was trained on. It knows no "
        "other genre than those above, and assigns one of them to every recording, also to speech and noise. Scores on "
        "other collections may be much lower. Genres are labels that people gave, and others may disagree.",
        "",
        "The licenses of the training recordings are not recorded here: see the source of the data set.",
        "",
    ]
    return "\n".join(lines)


def _metadata(run: FinishedRun, name: str, data: str) -> dict[str, Any]:
    metrics = [
        {"type": kind, "name": SCORE_LABELS[key], "value": round(float(run.scores[f"test/{key}"]), 4)}
        for key, kind in METRICS.items()
    ]
    task = {"type": "audio-classification", "name": "Music genre classification"}
    result = {"task": task, "dataset": {"name": data, "type": data, "split": "test"}, "metrics": metrics}
    return {
        "library_name": "genre",
        "pipeline_tag": "audio-classification",
        "tags": ["music", "genre-classification"],
        "model-index": [{"name": name, "results": [result]}],
    }
