"""Write the model card of a run: what the model is, how it was tested, and what it is for."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from genre import run_folder
from genre.evaluation.bootstrap import interval_warnings, per_class_table, score_intervals
from genre.evaluation.runs import load_run
from genre.evaluation.scores import FINAL_SCORES, SCORE_LABELS
from genre.reports.data_card import count_licenses
from genre.reports.formatting import INTERVAL, format_interval, format_number, to_markdown

METRICS = {"accuracy": "accuracy", "f1_macro": "f1"}
"""Scores in the card's metadata, and Hugging Face's names of their metrics."""


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
    name, data, test = str(run.config.model.name), str(run.config.data.name), run.predictions
    metrics = [
        {"type": kind, "name": SCORE_LABELS[key], "value": round(float(run.scores[f"test/{key}"]), 4)}
        for key, kind in METRICS.items()
    ]
    task = {"type": "audio-classification", "name": "Music genre classification"}
    result = {"task": task, "dataset": {"name": data, "type": data, "split": "test"}, "metrics": metrics}
    metadata = {
        "library_name": "genre",
        "pipeline_tag": "audio-classification",
        "tags": ["music", "genre-classification"],
        "model-index": [{"name": name, "results": [result]}],
    }
    scores = score_intervals(test).set_index("score").loc[[SCORE_LABELS[key] for key in FINAL_SCORES]]
    scores["text"] = [format_interval(".3f", *row) for row in scores.itertuples(index=False)]
    genres = per_class_table(test)[["genre", "precision", "recall", "f1", "support"]]
    genres[["precision", "recall", "f1"]] = genres[["precision", "recall", "f1"]].map(format_number)
    parts = [
        f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---",
        f"# {name}, trained on {data}",
        f"Classifies music into {len(test.genres)} genres: {', '.join(test.genres)}.",
        '```python\nfrom genre import Predictor\n\nPredictor.load("path/to/this/folder")("song.mp3").top(3)\n```',
        "## Training",
        "\n".join(f"- {key}: {value}" for key, value in facts.items() if key != "test scores")  # a table of their own
        + f"\n- epochs: {run.scores['epochs']}; parameters: {run.scores['parameters']:,}",
        "## Test scores",
        f"On {run.scores['test/tracks']} tracks of the same collection. {INTERVAL}",
        to_markdown(scores["text"].rename("value").reset_index()),
        *interval_warnings(test),
        to_markdown(genres.rename(columns={"f1": "F1", "support": "test tracks"})),
        "## Use and limits",
        *["This model was trained on synthetic music: what it predicts for songs means nothing."]
        * (data == run_folder.SYNTHETIC),
        "For research on genre classification, and for sorting collections like the one it was trained on. It knows no "
        "other genre than those above, and assigns one of them to every recording, also to speech and noise. Scores on "
        "other collections may be much lower. Genres are labels that people gave, and others may disagree.",
        *_licenses(folder),
    ]
    return "\n\n".join(parts) + "\n"


def _licenses(folder: Path) -> list[str]:
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    licenses = count_licenses(tracks[tracks["split"] == "train"])
    if licenses.empty:
        return ["The licenses of the training recordings are not known: see the source of the data set."]
    return ["Licenses of the training recordings, as the source states them:", to_markdown(licenses)]
