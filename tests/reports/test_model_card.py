"""The model card of a run."""

import numpy as np
import pandas as pd
import yaml

from genre import run_folder
from genre.inference.info import training_facts
from genre.reports.model_card import model_card
from tests.conftest import Runs


def test_the_card_states_scores_data_and_limits(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    text = model_card(folder, {"seed": "42", "test scores": "elsewhere"})
    scores = run_folder.read_scores(folder)
    metadata = yaml.safe_load(text.split("---")[1])
    (model,) = metadata["model-index"]
    (result,) = model["results"]
    assert [metric["value"] for metric in result["metrics"]] == [
        round(scores["test/accuracy"], 4),
        round(scores["test/f1_macro"], 4),
    ]
    assert metadata["pipeline_tag"] == "audio-classification"
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert f"| accuracy | {scores['test/accuracy']:.3f} |" in lines  # three artists give no interval
    assert "tracks: 24 training" in model_card(folder, training_facts([folder]))
    assert all(any(line.startswith(f"| {genre} | ") for line in lines) for genre in ("blues", "jazz", "rock"))
    assert "- seed: 42" in text
    assert "elsewhere" not in text
    assert "## Use and limits" in text
    assert "synthetic" not in text
    assert "The licenses of the training recordings are not known: see the source of the data set." in text
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    tracks["license"] = np.where(tracks["split"] == "train", "CC-BY", "all rights reserved")
    tracks.to_parquet(folder / run_folder.TRACKS)
    text = model_card(folder, {})
    assert "| CC-BY | 24 |" in [" ".join(line.split()) for line in text.splitlines()]
    assert "all rights reserved" not in text


def test_the_card_of_a_model_of_synthetic_music_says_so(runs: Runs) -> None:
    folder, _ = runs.train("synthetic", "trainer.max_epochs=1", "data.name=synthetic")
    assert "This model was trained on synthetic music: what it predicts for songs means nothing." in model_card(
        folder, {}
    )
