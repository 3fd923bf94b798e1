"""Ensembles: mean probabilities per track and fold, as rows of a comparison, and as networks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genre import run_folder
from genre.errors import GenreError
from genre.evaluation.comparison import compare
from genre.evaluation.embeddings import embed_test_set
from genre.evaluation.ensembles import add_ensembles
from genre.evaluation.evaluate import predict_splits
from genre.evaluation.model_runs import ModelRuns, group_runs
from genre.evaluation.predictions import Predictions
from genre.evaluation.runs import find_runs, load_run
from genre.evaluation.saliency import saliency_map
from genre.models.checkpoint import load_models
from tests.evaluation.conftest import (
    BAD,
    GOOD,
    make_predictions,
    train_and_evaluate,
    write_folds,
    write_leakage_levels,
    write_run,
    write_seeds,
)


def ensembles(folders: list[Path]) -> dict[str, ModelRuns]:
    models = add_ensembles(group_runs([load_run(folder) for folder in folders]))
    return {model.label: model for model in models}


def change_logits(folder: Path, row: int, logits: list[float]) -> None:
    path = folder / run_folder.PREDICTIONS
    table = pd.read_parquet(path)
    table.at[row, "logits"] = np.array(logits)
    table.to_parquet(path)


def change_scores(folder: Path, **scores: float) -> None:
    path = folder / run_folder.SCORES
    path.write_text(pd.Series(run_folder.read_scores(folder) | scores).to_json())


def test_probabilities_are_averaged() -> None:
    one, other = make_predictions([(0, 0), (1, 0)], ["a", "b"]), make_predictions([(0, 0), (1, 1)], ["a", "b"])
    p = np.exp(2) / (1 + np.exp(2))
    mean = Predictions.average([one, one, other])
    assert np.exp(mean.logits) == pytest.approx(np.array([[p, 1 - p], [(1 + p) / 3, (2 - p) / 3]]))
    assert mean.target.tolist() == [0, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_track_with_non_finite_logits_of_one_member_is_an_error(value: float) -> None:
    sound = make_predictions([(0, 0), (1, 1)], ["a", "b"])
    logits = sound.logits.copy()
    logits[1, 0] = value
    mean = Predictions.average([sound, replace(sound, logits=logits)])
    assert mean.is_finite.tolist() == [True, False]
    assert mean.correct.tolist() == [True, False]


def test_each_label_and_all_labels_have_an_ensemble(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    probability = []
    for number, folder in enumerate(folders):
        path = folder / run_folder.PREDICTIONS
        table = pd.read_parquet(path)
        table["logits"] = table["logits"] * (1 + number / 10)  # so that no two genres are equally likely
        table.to_parquet(path)
        odds = np.exp(np.stack(table["logits"]))
        probability.append(odds / odds.sum(axis=1, keepdims=True))
    target = np.arange(60) % 3
    means = [np.mean(probability[members], axis=0) for members in (slice(0, 2), slice(2, 4), slice(0, 4))]
    result = compare(folders, ensemble=True)
    assert result.table["label"].tolist() == [
        "cnn1d_gru",
        "cnn1d_gru ensemble (2 members)",
        "cnn2d_gru",
        "cnn2d_gru ensemble (2 members)",
        "ensemble of 2 models (4 members)",
    ]
    assert result.table["members"].tolist() == [1, 2, 1, 2, 4]
    assert result.table["seeds"].tolist() == [2, 1, 2, 1, 1]
    rows = result.table.loc[[1, 3, 4]]
    assert rows["accuracy"].tolist() == pytest.approx([(mean.argmax(axis=1) == target).mean() for mean in means])
    assert rows["log_loss"].tolist() == pytest.approx([-np.log(mean[np.arange(60), target]).mean() for mean in means])
    assert (rows["accuracy_low"] < rows["accuracy"]).all()
    assert len(result.pairs) == 10
    assert result.pairs["test"].tolist().count("t") == 1  # an ensemble is one model, whose seeds are unknown
    assert compare(folders).table["label"].tolist() == ["cnn1d_gru", "cnn2d_gru"]


def test_seeds_of_a_single_label_are_averaged_too(tmp_path: Path) -> None:
    result = compare(write_seeds(tmp_path)[:2], ensemble=True)
    assert result.table["label"].tolist() == ["cnn1d_gru", "cnn1d_gru ensemble (2 members)"]
    assert result.table["members"].tolist() == [1, 2]
    assert len(result.pairs) == 1


def test_seeds_with_equal_predictions_have_no_ensemble_of_their_own(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_run(tmp_path / f"fixed-{seed}", GOOD, ("label=fixed", f"seed={seed}"))
    write_run(tmp_path / "other", BAD, ("label=other",))
    folders = list(find_runs(str(tmp_path)))
    assert list(ensembles(folders)) == ["fixed", "other", "ensemble of 2 models (2 members)"]
    with pytest.raises(GenreError, match="ensemble=true has nothing to average: give seeds of fixed with different"):
        ensembles(folders[:2])


def test_runs_of_a_fold_are_averaged_and_the_folds_joined(tmp_path: Path) -> None:
    folders = write_folds(tmp_path)
    for fold in range(3):
        name = tmp_path / f"cnn1d_gru-{fold}-seed-1"
        write_run(name, BAD[20 * fold :][:20], ("model=cnn1d_gru", f"data.fold={fold}", "seed=1"), 20 * fold)
        folders.append(name)
    folders = [folder for folder in folders if "logreg" not in folder.name]
    change_logits(folders[1], 4, [9.0, 0.0, 0.0])
    model = ensembles(folders)["cnn1d_gru ensemble (2 members)"]
    assert [run.fold for run in model.runs] == [0, 1, 2]
    assert model.n_folds == 3
    (joined,) = model.predictions.values()
    assert joined.track_id.tolist() == [f"{number:06d}" for number in range(60)]
    odds = [0.2 + 0.4 * np.eye(3)[(np.arange(60) + ~correct) % 3] for correct in (GOOD, BAD)]
    odds[0][24] = np.exp([9.0, 0.0, 0.0]) / (np.exp(9.0) + 2)  # track 24 is the fifth of fold 1
    assert np.exp(joined.logits) == pytest.approx(np.mean(odds, axis=0))
    for fold, run in enumerate(model.runs):
        assert np.array_equal(run.predictions.logits, joined.logits[20 * fold :][:20])
    assert len(model.score_per_run("accuracy")) == 3


def test_folds_of_other_splits_are_not_averaged(tmp_path: Path) -> None:
    folders = [
        write_run(
            tmp_path / f"{seed}-{fold}", GOOD[:30], (f"seed={seed}", f"data.fold={fold}"), 30 * (fold ^ (seed == 2))
        )
        for seed in (1, 2)
        for fold in (0, 1)
    ]
    change_logits(folders[0], 4, [9.0, 0.0, 0.0])
    group_runs([load_run(folder) for folder in folders])  # which are comparable, since each track is tested once
    with pytest.raises(GenreError) as caught:
        ensembles(folders)
    assert str(caught.value) == (
        f"{folders[0]} and {folders[2]} have different test tracks, which ensemble=true cannot average: train them "
        "with the same data.split_seed and data.folds"
    )


def test_leakage_levels_are_not_averaged(tmp_path: Path) -> None:
    write_leakage_levels(tmp_path)
    with pytest.raises(GenreError, match="ensemble=true cannot average leakage levels"):
        compare(list(find_runs(str(tmp_path))), ensemble=True)


def test_non_finite_logits_of_one_seed_are_noted_for_the_ensemble(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)[:2]
    change_logits(folders[1], 3, [np.nan] * 3)
    end = "have non-finite logits: they count as errors and are excluded from the log loss."
    result = compare(folders, ensemble=True)
    assert result.notes == [
        f"1 test tracks of cnn1d_gru (seed 2) {end}",
        f"1 test tracks of cnn1d_gru ensemble (2 members) {end}",
    ]
    assert result.table.loc[1, "accuracy"] == pytest.approx((GOOD.sum() - 1) / 60)  # track 3 was right in both


def test_costs_are_those_of_all_members(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)[:2]
    change_scores(folders[0], epochs=5, clips_per_second=10)
    change_scores(folders[1], epochs=8, clips_per_second=30)
    row = compare(folders, ensemble=True).table.iloc[1]
    assert (row["parameters"], row["epochs"], row["train_seconds"]) == (2 * 12345, 13, 120)
    assert row["clips_per_second"] == pytest.approx(1 / (1 / 10 + 1 / 30))


def test_ensembles_resample_the_same_artists_as_all_models(tmp_path: Path) -> None:
    folders = write_seeds(tmp_path)
    for folder in folders[2:]:  # the same artists, named in another order
        tracks = pd.read_parquet(folder / run_folder.TRACKS)
        names = [f"{'zyxwvutsrq'[number % 10]} band" for number in range(60)]
        tracks.assign(artist=names).to_parquet(folder / run_folder.TRACKS)
    expected, *others = (next(iter(model.predictions.values())).cluster_ids for model in ensembles(folders).values())
    assert len(others) == 4
    assert all(np.array_equal(each, expected) for each in others)


def test_the_ensemble_of_the_networks_predicts_what_its_row_says(music_folder: Path, tmp_path: Path) -> None:
    """The mean over members of the mean over windows is the mean over windows of the mean over members."""
    runs = [
        train_and_evaluate(music_folder, tmp_path / str(seed), f"seed={seed}", "trainer.max_epochs=1")
        for seed in (1, 2)
    ]
    model = load_models([run.folder / run_folder.BEST for run in runs])
    window = runs[0].datamodule.data.cache.spec.n_segment_frames(model.metadata["segment_seconds"])
    assert window < runs[0].datamodule.data.cache.spec.n_frames  # several windows per track
    row = ensembles([run.folder for run in runs])["cnn1d_gru ensemble (2 members)"]
    (predictions,) = row.predictions.values()
    table = predict_splits(model, runs[0].datamodule, "cpu", ["test"]).sort_values("track_id")
    assert table["track_id"].tolist() == predictions.track_id.tolist()
    assert np.stack(table["logits"].to_list()) == pytest.approx(predictions.logits, abs=1e-5)
    members = [run.predictions.logits for run in runs]
    assert np.abs(members[0] - members[1]).max() > 1e-3
    embeddings = [embed_test_set(each, runs[0].datamodule, "cpu") for each in (model, *(run.model for run in runs))]
    assert embeddings[0] == pytest.approx(np.hstack(embeddings[1:]), abs=1e-6)
    clip = runs[0].datamodule.data.read_clips([0])[0]
    saliency = saliency_map(model, clip, 1, window)
    assert saliency is not None
    assert saliency.shape == clip.shape
    assert saliency.max() > 0
