"""Components of a run, built from its configuration."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Timer

from genre.audio.augment import Augment
from genre.audio.features import LogMel
from genre.config.validate import validate
from genre.data.sources.folder import Folder
from genre.errors import GenreError
from genre.models.crnn import CRNN
from genre.training.components import Components, build_components
from tests.composing import TINY, compose


def build(*overrides: str) -> Components:
    return build_components(validate(compose([*TINY, "data.root=somewhere", *overrides])))


def test_each_section_becomes_an_object(tmp_path: Path) -> None:
    components = build(
        f"paths.cache={tmp_path}/cache",
        "data.segment_seconds=1.6",
        "optimizer._target_=torch.optim.AdamW",
        "scheduler=plateau_step",
        "callbacks.timer._target_=lightning.pytorch.callbacks.Timer",
    )
    assert type(components.features) is LogMel
    assert type(components.source) is Folder
    assert components.cache.folder.parent == tmp_path / "cache"
    assert type(components.datamodule.augment) is Augment
    assert components.datamodule.segment_frames == 1 + int(1.6 * 22050) // 512
    optimizer = components.make_optimizer(torch.nn.Linear(1, 1))
    assert type(optimizer) is torch.optim.AdamW
    made = [schedule.make(optimizer, 9) for schedule in components.schedules]
    assert [type(scheduler).__name__ for scheduler in made] == ["ReduceLROnPlateau", "StepLR"]
    assert type(components.make_loss(torch.ones(3))) is torch.nn.CrossEntropyLoss
    assert [type(callback) for callback in components.callbacks] == [Timer]
    assert list(tmp_path.iterdir()) == []  # nothing was read or written


def test_the_network_gets_the_numbers_of_genres_and_features() -> None:
    components = build("features.n_mels=20")
    network = components.build_network(["a", "b", "c"])
    assert type(network) is CRNN
    assert network.eval()(torch.rand(2, 64, 20)).shape == (2, 3)


def test_the_metadata_rebuild_the_network() -> None:
    components = build()
    metadata = components.model_metadata(["a", "b"])
    assert metadata["net"] == {**components.settings.model.net, "num_classes": 2, "n_mels": 16}
    assert metadata["features"]["_target_"] == "genre.audio.features.LogMel"
    assert metadata["genres"] == ["a", "b"]
    assert (metadata["clip_seconds"], metadata["clip_start"], metadata["segment_seconds"]) == (2.0, 0.0, 1.5)


def test_only_the_networks_own_code_and_trusted_packages_may_be_in_a_checkpoint() -> None:
    trust = build("trust=[mylab]").trust(["a", "b"])
    assert list(trust.packages) == ["mylab"]
    assert trust.typed["model"]["net"]["_target_"] == "genre.models.crnn.CRNN"


WRONG: dict[str, str] = {
    "data.fold=5": r"data\.fold=5 is not one of the 5 folds: use 0 to 4",
    "data.segment_seconds=9": r"data\.segment_seconds=9\.0 is longer than the 2 s that are used of each track",
    "data.clip_seconds=1": r"data\.clip_seconds=1\.0 gives 44 frames, but the networks need at least 64: use",
    "model.net.pool_sizes=[40,40]": r"model\.net",
    "model.net._target_=torch.nn.Linear": r"model\.net\.cnn is not an argument of torch\.nn\.Linear",
    "optimizer.betas=3": r"optimizer: ",
    "loss.gama=3": r"loss\.gama is not an argument of torch\.nn\.CrossEntropyLoss",
    "augment.own={_target_: torch.nn.ReLU}": r"augment: own is no transform",
    "model.features=mfcc": r"model\.features=mfcc must be a section of settings: choose features=mfcc",
    "teacher={_target_: genre.training.distillation.FeatureTeacher, features: mfcc, weight: 1}": (
        r"teacher: features=mfcc is not an extractor: choose features@probe=mfcc instead"
    ),
    "loss.reduction=none": r"loss returns \(2,\) for a batch of 2: it must return a scalar tensor",
    "trainer={min_epochs: 3}": r"trainer\.min_epochs=3 cannot be used with early_stopping\.patience=6: leave one of",
    "callbacks.x={_target_: lightning.pytorch.callbacks.Timer, hours: 3}": r"callbacks\.x\.hours is not an argument of",
}


@pytest.mark.parametrize("override", WRONG)
def test_a_component_that_cannot_be_built_is_named(override: str) -> None:
    with pytest.raises(GenreError, match=WRONG[override]) as caught:
        build(override)
    assert "\n" not in str(caught.value)


def test_baselines_have_no_teacher_and_no_windows() -> None:
    given = ["recipe=distill", "features@probe=mfcc", "features.hop_length=512"]
    assert build(*given).teacher is not None
    for model, seconds in {"logreg": 0.5, "majority": 99}.items():
        assert build(*given, f"model={model}", f"data.segment_seconds={seconds}").teacher is None


def test_the_initial_weights_are_needed_for_training_alone(tmp_path: Path) -> None:
    assert build_components(validate(compose([*TINY, "data.root=somewhere", "ckpt_path=gone"])), tmp_path)
    with pytest.raises(GenreError, match="ckpt_path=gone is no checkpoint"):
        build("ckpt_path=gone")


def test_a_fraction_that_leaves_no_batch_is_refused(music_folder: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"data.root": music_folder, "paths.data": tmp_path, "data.split_seed": 3}
    components = build(*(f"{key}={value}" for key, value in given.items()), "trainer.limit_val_batches=0.4")
    with pytest.raises(GenreError, match=r"limit_val_batches=0\.4 is less than one of 1 val batches: use at least 1"):
        _ = components.datamodule.data


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("PerFrame", r"model.net returns \(2, \d+, 2\) for 2 clips and 2 genres: it must return a tensor"),
        ("Pair", "model.net returns tuple for 2 clips and 2 genres"),
    ],
)
def test_a_network_with_another_output_is_refused(target: str, message: str) -> None:
    with pytest.raises(GenreError, match=message):
        build(f"model.net._target_={__name__}.{target}")


class PerFrame(torch.nn.Module):
    """Logits of each frame."""

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> Any:
        return x[:, :, :2]


class Pair(PerFrame):
    """Logits and something else."""

    def forward(self, x: torch.Tensor) -> Any:
        return x[:, 0, :2], x
