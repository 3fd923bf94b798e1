"""The report of one run, of a tiny network that was trained for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation import evaluate
from genre.evaluation.embeddings import embed_test_set, tsne
from genre.evaluation.runs import EvaluatedRun
from genre.evaluation.saliency import saliency_map
from genre.models.checkpoint import TrainedModel
from genre.pipeline import train_and_test
from genre.reports.console import print_run
from genre.reports.run import write_run_report
from genre.reports.spectrograms import SpectrogramPanel, denormalize, spectrograms_figure
from tests.composing import TINY, compose, evaluation


@pytest.fixture(scope="module")
def run(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> EvaluatedRun:
    return trained(music_folder, tmp_path_factory.mktemp("run"), "model=cnn1d_gru", "trainer.max_epochs=3")


def trained(music: Path, home: Path, *overrides: str) -> EvaluatedRun:
    every = [*TINY, f"data.root={music}", f"paths.data={home}", "data.split_seed=3", *overrides, f"run_dir={home}/run"]
    train_and_test(compose(every), home / "run", every)
    return evaluate.reevaluate_run(evaluation(accelerator="cpu"), home / "run")


def test_a_report_has_all_its_parts(run: EvaluatedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_run_report(run, tmp_path)
    page = (tmp_path / "index.html").read_text()
    for title in ("Scores", "Genres", "Training", "Calibration", "Map", "Errors"):
        assert f">{title}</h2>" in page
    figures = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert figures >= {"confusion", "confusion_by_row", "curves"}
    assert figures & {"errors", "right"}
    assert {path.stem for path in (tmp_path / "figures").glob("*.svg")} == figures
    stored = pd.read_csv(tmp_path / "tables/scores.csv").set_index("score")["value"]
    assert stored["accuracy"] == pytest.approx(run.scores["test/accuracy"])
    assert stored["F1 macro"] == pytest.approx(run.scores["test/f1_macro"])
    assert stored["log loss"] == pytest.approx(run.scores["test/loss"], abs=1e-6)
    print_run(run, table)
    said = capsys.readouterr().out
    assert "Test by genre" in said
    assert "balanced accuracy" in said


def test_three_test_tracks_are_no_map(run: EvaluatedRun, tmp_path: Path) -> None:
    assert len(run.predictions[run.predictions["split"] == "test"]) == 3
    write_run_report(run, tmp_path)
    assert "Left out: 3 test tracks are no map." in (tmp_path / "index.html").read_text()


def test_logits_that_are_no_numbers_and_unfinished_runs_are_told_of(run: EvaluatedRun, tmp_path: Path) -> None:
    broken = run.predictions.copy()
    row = broken.index[broken["split"] == "test"][0]
    broken.at[row, "logits"] = np.full(3, np.nan)
    (run.folder / run_folder.SCORES).rename(run.folder / "hidden")
    try:
        write_run_report(replace(run, predictions=broken), tmp_path)
    finally:
        (run.folder / "hidden").rename(run.folder / run_folder.SCORES)
    page = (tmp_path / "index.html").read_text()
    assert "1 test tracks have logits that are no numbers" in page
    assert "The run is not finished: this is its best checkpoint so far." in page
    every = broken.assign(logits=[np.full(3, np.nan)] * len(broken))
    write_run_report(replace(run, predictions=every), tmp_path)
    page = (tmp_path / "index.html").read_text()
    assert "Left out: calibration needs 100 validation tracks (0 here) and 100 test tracks (0 here)." in page


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_a_stored_split_that_lost_a_part_is_one_line(run: EvaluatedRun, part: str) -> None:
    path = run.folder / run_folder.TRACKS
    kept = path.read_bytes()
    tracks = pd.read_parquet(path)
    tracks[tracks["split"] != part].to_parquet(path)
    try:
        with pytest.raises(GenreError) as caught:
            evaluate.reevaluate_run(evaluation(accelerator="cpu"), run.folder)
    finally:
        path.write_bytes(kept)
    assert str(caught.value) == f"{path} has no {part} tracks: train again"


def test_a_run_that_diverged_has_no_curves(run: EvaluatedRun, tmp_path: Path) -> None:
    metrics = run.folder / run_folder.METRICS
    kept = metrics.read_text()
    pd.read_csv(metrics).assign(**{"val/loss": np.nan}).to_csv(metrics, index=False)
    try:
        write_run_report(run, tmp_path)
    finally:
        metrics.write_text(kept)
    page = (tmp_path / "index.html").read_text()
    assert "Left out: val/loss is no number in any epoch, training diverged." in page
    assert not (tmp_path / "figures/curves.png").exists()


def test_pictures_of_a_rung_show_the_half_that_was_heard(
    run: EvaluatedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[SpectrogramPanel] = []
    keep = lambda pictures, features: drawn.extend(pictures) or spectrograms_figure(pictures, features)  # noqa: E731
    monkeypatch.setattr("genre.reports.run_diagnostics.spectrograms_figure", keep)
    frames = run.data.data.cache.spec.n_frames
    for halves, length in ((False, frames), (True, frames // 2)):
        monkeypatch.setattr(run.data, "half_clips", halves)
        drawn.clear()
        write_run_report(run, tmp_path)
        assert {len(picture.values) for picture in drawn} == {length}
        assert {len(picture.saliency) for picture in drawn if picture.saliency is not None} <= {length}


def test_a_genre_without_test_tracks_is_named(run: EvaluatedRun, tmp_path: Path) -> None:
    some = run.predictions[(run.predictions["target"] != 1) | (run.predictions["split"] == "val")]
    tracks = run.data.data.tracks
    gone = (tracks["split"] == "test") & (tracks["genre"] == "jazz")
    prepared = replace(run.data.data, tracks=tracks[~gone].reset_index(drop=True))
    run.data._data, kept = prepared, run.data.data
    try:
        write_run_report(replace(run, predictions=some), tmp_path)
    finally:
        run.data._data = kept
    assert "No test track of jazz: nothing can be said about them." in (tmp_path / "index.html").read_text()


def test_a_baseline_has_a_report_too(music_folder: Path, tmp_path: Path) -> None:
    majority = trained(music_folder, tmp_path, "model=majority")
    write_run_report(majority, tmp_path / "report")
    page = (tmp_path / "report/index.html").read_text()
    assert ">Training</h2>" not in page
    mel = majority.data.data.read_clips([0])[0]
    assert saliency_map(majority.model, mel, 0, None) is None


def test_embeddings_are_those_of_the_test_tracks_in_order(run: EvaluatedRun) -> None:
    points = embed_test_set(run.model, run.data, "cpu")
    assert points.shape == (3, 16)
    again = embed_test_set(run.model, run.data, "cpu")
    assert np.array_equal(points, again)


def test_tsne_keeps_groups_apart_and_is_reproducible() -> None:
    random = np.random.default_rng(0)
    points = np.concatenate([random.normal(0, 1, (20, 8)), random.normal(20, 1, (20, 8))]).astype(np.float32)
    where = tsne(points)
    centres = where[:20].mean(axis=0), where[20:].mean(axis=0)
    assert np.linalg.norm(centres[0] - centres[1]) > 2 * where[:20].std()
    assert np.array_equal(where, tsne(points))


class Linear(torch.nn.Module):
    """Logits that are linear in the mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        return self.layer(mel.mean(dim=1))


def test_saliency_is_the_gradient_of_the_log_probability() -> None:
    net = Linear()
    mel = np.random.default_rng(0).random((70, 4)).astype(np.float32)
    found = saliency_map(TrainedModel(net, {}), mel, 1, None)
    weight = net.layer.weight.detach().numpy()
    chance = net(torch.from_numpy(mel)[None]).softmax(dim=1)[0].detach().numpy()
    expected = np.abs(weight[1] - chance @ weight) / 70
    assert found == pytest.approx(np.tile(expected, (70, 1)), rel=1e-4)


def test_decibels_undo_the_normalisation(run: EvaluatedRun) -> None:
    track = run.data.data.tracks.iloc[0]
    values = denormalize(run.data.data.read_clips([0])[0], track)
    assert values.min() == pytest.approx(track["low"], abs=0.1)
    assert values.max() == pytest.approx(track["high"], abs=0.1)
    figure = spectrograms_figure([SpectrogramPanel("x", values)], run.data.data.cache.spec.features)
    assert figure.axes[-1].get_ylabel() == "mel power in dB re 1"
