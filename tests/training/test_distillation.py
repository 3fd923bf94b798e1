"""A pretrained network as teacher."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from genre import run_folder
from genre.audio.features import LogMel
from genre.config.validate import validate
from genre.data.cache.extraction import FeatureSpec
from genre.data.cache.feature_cache import FeatureCache
from genre.data.cache.shards import shard_path
from genre.data.prepared import PreparedData
from genre.errors import GenreError
from genre.models.checkpoint import load_model
from genre.pipeline import train_and_test
from genre.training.components import build_components
from genre.training.distillation import TeacherLoss, WindowTargets, embedding_size
from tests.composing import compose
from tests.conftest import Runs, have_same_weights, read_metrics

TEACHER = "teacher=features", "features@probe=mfcc", "probe.n_mfcc=13"


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedData:
    """Noise as features of 31.25 frames per second, of 40 training tracks and one track of validation."""
    features = LogMel(sample_rate=16000, hop_length=512, n_mels=3)
    cache = FeatureCache(tmp_path, "music", FeatureSpec(features, 4.0, 0.0))
    cache.folder.mkdir()
    noise = np.random.default_rng(0).normal(size=(41, 126, 3)) * [1, 2, 3]
    noise[7, :, 1] = 100
    noise[40] = 1000
    np.save(shard_path(cache.folder, 0, ".npy"), noise.astype(np.float16))
    table = pd.DataFrame(
        {"split": ["train"] * 40 + ["val"], "shard": 0, "row": range(41), "duration": 4.0, "decoded": 1}
    )
    return PreparedData(table, table.iloc[:0], ["a", "b"], cache)


def test_the_targets_are_the_standardized_statistics_of_the_same_window(prepared: PreparedData) -> None:
    # The network has 20 frames per second and windows of one second: 31 frames of the teacher
    targets = WindowTargets(prepared, 20, 1 / 20)
    found = targets(np.array([5, 3]), np.array([30, 79]))
    clips = np.array(prepared.read_clips(list(range(40))))
    windows = clips[:, :124].reshape(160, 31, 3)
    statistics = np.concatenate([windows.mean(axis=1), windows.std(axis=1)], axis=1)
    for row, track, start in (0, 5, 47), (1, 3, 95):  # frame 79 starts at 3.95 s, after the last window of the teacher
        window = clips[track, start : start + 31]
        raw = np.concatenate([window.mean(axis=0), window.std(axis=0)])
        expected = (raw - statistics.mean(axis=0)) / statistics.std(axis=0)
        np.testing.assert_allclose(found[row], expected.clip(-4, 4), atol=1e-3)
    assert found.shape == (2, len(targets)) == (2, 6)


def test_the_padding_of_short_clips_is_not_counted(prepared: PreparedData) -> None:
    prepared.tracks.loc[:19, "duration"] = 2.0  # 63 frames, so two windows of 31
    scaler = WindowTargets(prepared, 20, 1 / 20).scaler
    windows = np.array(prepared.read_clips(list(range(40))))[:, :124].reshape(40, 4, 31, 3)
    heard = np.concatenate([windows[:20, :2].reshape(40, 31, 3), windows[20:].reshape(80, 31, 3)])
    np.testing.assert_allclose(scaler.mean_[:3], heard.mean(axis=(0, 1)), atol=1e-3)
    assert scaler.n_samples_seen_ == 120
    prepared.tracks.loc[:19, "duration"] = 0.5  # shorter than a window, which is their only one
    assert WindowTargets(prepared, 20, 1 / 20).scaler.n_samples_seen_ == 100


def test_outliers_are_clipped(prepared: PreparedData) -> None:
    (found,) = WindowTargets(prepared, 20, 1 / 20)(np.array([7]), np.array([0]))
    assert found[1] == 4  # else sqrt(39)


def test_the_loss_is_the_weighted_mean_squared_error_of_a_linear_layer() -> None:
    loss = TeacherLoss(2, 3, 0.5)
    loss.head.load_state_dict({"weight": torch.tensor([[1.0, 0], [0, 1], [1, 1]]), "bias": torch.tensor([0.0, 0, 1])})
    targets = torch.tensor([[1.0, 0, 6]])
    assert loss(torch.tensor([[1.0, 2]]), targets).item() == pytest.approx(0.5 * (0 + 4 + 4) / 3)


def test_the_network_learns_what_the_teacher_hears(runs: Runs) -> None:
    alone, _ = runs.train("alone", "trainer.max_epochs=2")
    taught, _ = runs.train("taught", "trainer.max_epochs=2", *TEACHER)
    assert read_metrics(taught)["train/loss"].iloc[0] > read_metrics(alone)["train/loss"].iloc[0] + 0.5  # of about 1
    assert not have_same_weights(alone, taught, run_folder.LAST)
    stored = torch.load(taught / run_folder.LAST, weights_only=True)["state_dict"]
    assert stored["teacher_loss.head.weight"].shape[0] == 26
    model = load_model(taught / run_folder.BEST)  # which needs no teacher
    assert model.net.state_dict().keys() == load_model(alone / run_folder.BEST).net.state_dict().keys()


def test_a_resumed_run_equals_an_uninterrupted_one(runs: Runs) -> None:
    settings = "augment.mixup._target_=genre.audio.mixing.Mixup", "callbacks=[ema]", "trainer.max_epochs=3", *TEACHER
    whole, _ = runs.train("whole", *settings)
    runs.interrupt("cut", 1, *settings)
    cut = whole.with_name("cut")
    alone = [f"run_dir={cut}"]  # the teacher is that of the stored file
    train_and_test(compose(alone), cut, alone)
    assert read_metrics(whole).equals(read_metrics(cut))
    assert have_same_weights(whole, cut, run_folder.LAST)


def test_a_network_without_embedding_and_an_impossible_weight_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GenreError, match="Linear cannot have a teacher, because it has no embed and head"):
        embedding_size(nn.Linear(4, 2), 4)
    settings = validate(compose([f"paths.data={tmp_path}", *TEACHER, "teacher.weight=0"]))
    with pytest.raises(GenreError, match="teacher: weight=0 must be above 0"):
        build_components(settings)


def test_recipe_distill_is_the_default_recipe_with_a_teacher() -> None:
    distill, default = compose(["recipe=distill"]), compose([])
    assert distill.teacher.features == distill.probe
    distill.teacher = default.teacher
    assert distill == default
