"""A finished run and its network."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.trained_run import TrainedRun
from genre.files import write_json
from tests.composing import evaluation
from tests.conftest import Runs
from tests.evaluation.test_external import on


def test_training_and_validation_tracks_were_seen(run: EvaluatedRun) -> None:
    found = TrainedRun.load(run.folder, evaluation())
    tracks = run.datamodule.data.tracks
    assert found.seen["track_id"].tolist() == tracks.loc[tracks["split"] != "test", "track_id"].tolist()
    assert found.model.genres == ["blues", "jazz", "rock"]


def test_adjusted_logits_are_adjusted_here_too(runs: Runs, other_music: Path) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    plain = on(folder, other_music).evaluated[0].predictions
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    few = tracks.index[(tracks["genre"] == "jazz") & (tracks["split"] == "train")][2:]
    tracks.loc[few, "split"] = "test"
    tracks.to_parquet(folder / run_folder.TRACKS)
    scores = run_folder.read_scores(folder)
    write_json(folder / run_folder.SCORES, scores | {"tau": 1.5})
    adjusted = on(folder, other_music).evaluated[0].predictions
    counts = tracks.loc[tracks["split"] == "train", "genre"].value_counts()
    difference = (adjusted.logits - plain.logits) @ [-1, 1]  # how much jazz gains over blues
    np.testing.assert_allclose(difference, 1.5 * np.log(counts["blues"] / 2), atol=1e-4)


def test_an_unfinished_run_is_refused(runs: Runs, other_music: Path) -> None:
    folder = runs.interrupt("run", 1)
    with pytest.raises(GenreError, match=f"{folder} is unfinished: resume it with run_dir={folder}, or leave it out"):
        on(folder, other_music)
