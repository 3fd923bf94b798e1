"""Batches with a trainer: augmentation, resuming, half clips."""

from pathlib import Path
from types import SimpleNamespace

import lightning as L
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from genre.audio.augment import Augment
from genre.audio.mixing import Mixup
from genre.config.validate import validate
from genre.data.datamodule import Batch, GenreDataModule
from genre.training.components import build_components
from tests.composing import TINY, compose
from tests.data.datamodule.conftest import epoch, rows, windows


class Chance(nn.Module):
    """An augmentation that leaves what it drew in the features."""

    def forward(self, mel: Tensor) -> Tensor:
        mel = mel.clone()
        mel[:, :, 2] = 1 + torch.rand(1).item()
        return mel


def trainer(training: bool, current_epoch: int = 0, rank: int = 0, processes: int = 1) -> SimpleNamespace:
    return SimpleNamespace(training=training, current_epoch=current_epoch, global_rank=rank, world_size=processes)


def transferred(data: GenreDataModule, training: bool, current_epoch: int = 0, rank: int = 0) -> Tensor:
    data.trainer = trainer(training, current_epoch, rank, rank + 1)
    batch = next(iter(data.train_dataloader()))
    after = data.on_after_batch_transfer(batch, 0)
    assert after.target is batch.target
    assert after.track_index is batch.track_index
    assert after.mel.dtype == torch.float32
    assert torch.equal(after.mel[:, :, :2], batch.mel[:, :, :2].float())
    return after.mel[:, :, 2]


def test_only_training_is_augmented(make):
    data = make(augment=Chance())
    assert (transferred(data, training=True) >= 1).all()
    assert (transferred(data, training=False) == 0).all()
    data.trainer = None
    batch = next(iter(data.val_dataloader()))
    assert torch.equal(data.on_after_batch_transfer(batch, 0).mel, batch.mel.float())


def test_augmentation_depends_on_seed_and_epoch(make):
    undisturbed = make(augment=Chance())
    drawn = [transferred(undisturbed, True, number) for number in (0, 0, 1, 1, 2, 2)]
    values = [value[0, 0].item() for value in drawn]
    assert len(set(values)) == 6  # seeded at an epoch's first batch only
    for number in (2, 1):
        torch.manual_seed(99)
        resumed = make(augment=Chance())
        again = [transferred(resumed, True, number)[0, 0].item() for _ in range(2)]
        assert again == values[2 * number : 2 * number + 2]
    assert transferred(make(augment=Chance(), seed=43), True, 0)[0, 0].item() != values[0]


def test_ranks_sample_different_augmentation_and_rank_0_that_of_a_single_process(make):
    drawn = [transferred(make(augment=Chance()), True, 3, rank)[0, 0].item() for rank in (0, 1, 2)]
    assert len(set(drawn)) == 3
    torch.manual_seed(int(np.random.SeedSequence([42, 3]).generate_state(1)[0]))
    assert drawn[0] == np.float32(1 + torch.rand(1).item())


def test_processes_share_the_training_windows_and_each_validates_on_all_tracks(make, prepared):
    single = epoch(make(), 5)
    shares = []
    for rank in (0, 1):
        data = make()
        data.trainer = trainer(True, 5, rank, 2)
        shares.append(epoch(data, 5))
        assert len(data.train_dataloader().sampler) == len(shares[-1]) == 12  # of 23
        assert windows(data.val_dataloader()) == [(row, 0) for row in rows(prepared, "val")]
    assert [window for pair in zip(*shares, strict=True) for window in pair] == [*single, single[0]]


def test_the_teacher_gets_the_windows_and_its_values_are_mixed_like_the_targets(make):
    data = make(augment=Augment(mixup=Mixup(p=1.0)))
    data.teacher = lambda tracks, starts: np.stack([tracks, starts], axis=1).astype(np.float32)
    loader = data.train_dataloader()
    batch = next(iter(loader))
    assert windows([batch]) == [tuple(values) for values in batch.teacher.int().tolist()]
    data.trainer = trainer(True, 0)
    mixed = data.on_after_batch_transfer(batch, 0)
    clips = mixed.mel[:, 0]  # the first bin tells the first frame, the second the track
    torch.testing.assert_close(mixed.teacher, torch.stack([clips[:, 1], clips[:, 0]], dim=1))
    assert mixed.target.shape == (4, 3)
    torch.testing.assert_close(mixed.target.sum(dim=1), torch.ones(4))
    assert next(iter(data.val_dataloader())).teacher.shape == (4, 0)


def test_validation_does_not_change_the_random_state(make):
    data = make(augment=Chance())
    data.trainer = trainer(training=False, current_epoch=3)
    batch = next(iter(data.val_dataloader()))
    before = torch.get_rng_state()
    data.on_after_batch_transfer(batch, 0)
    assert torch.equal(torch.get_rng_state(), before)


class Recorder(L.LightningModule):
    """Notes what comes, and learns nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: dict[str, list[tuple[int, int]]] = {}
        self.drawn: dict[int, list[float]] = {}

    def training_step(self, batch: Batch) -> Tensor:
        assert batch.mel.dtype == torch.float32
        self.seen.setdefault(f"train {self.current_epoch}", []).extend(windows([batch]))
        self.drawn.setdefault(self.current_epoch, []).append(batch.mel[0, 0, 2].item())
        return 0 * self.weight.sum()

    def validation_step(self, batch: Batch) -> None:
        assert batch.mel.dtype == torch.float32
        assert (batch.mel[:, :, 2] == 0).all()
        self.seen.setdefault(f"val {self.current_epoch}", []).extend(windows([batch]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(data: GenreDataModule, epochs: int, path, checkpoint: str | None = None, **given) -> Recorder:
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=1,
        default_root_dir=path,
        **given,
    )
    recorder = Recorder()
    trainer.fit(recorder, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    trainer.save_checkpoint(path / "last.ckpt")
    return recorder


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*LeafSpec")
def test_a_resumed_run_gets_the_same_batches(make, prepared, tmp_path):
    whole = fit(make(augment=Chance()), 4, tmp_path)
    for number in range(4):
        assert whole.seen[f"train {number}"] == epoch(make(), number)
        validated = [(row, 0) for row in rows(prepared, "val")]
        assert whole.seen[f"val {number}"] == (validated[:4] if number == 0 else []) + validated  # a sanity check first
        assert len(set(whole.drawn[number])) == 6
    fit(make(augment=Chance()), 2, tmp_path)
    torch.manual_seed(99)
    resumed = fit(make(augment=Chance()), 4, tmp_path, tmp_path / "last.ckpt")
    for number in (2, 3):
        assert resumed.seen[f"train {number}"] == whole.seen[f"train {number}"]
        assert resumed.drawn[number] == whole.drawn[number]
    assert "train 1" not in resumed.seen


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:.*LeafSpec")
def test_overfitting_repeats_the_same_windows_each_epoch(make, prepared, tmp_path):
    seen = fit(make(), 3, tmp_path, overfit_batches=1).seen
    assert seen["train 0"] == seen["train 1"] == seen["train 2"] == epoch(make(), 0)[:4]
    assert seen["val 1"] == seen["val 2"] == [(row, 0) for row in rows(prepared, "val")[:4]]


def test_half_clips_keep_training_and_test_apart(music_folder: Path, tmp_path: Path) -> None:
    settings = validate(compose([*TINY, f"data.root={music_folder}", f"paths.data={tmp_path}"]))
    prepared = build_components(settings).datamodule.data
    frames = prepared.cache.spec.n_frames
    data = GenreDataModule(lambda: prepared, nn.Identity(), 4, frames // 4, 0, 1, half_clips=True)
    whole = prepared.cache.read_windows(
        prepared.tracks["shard"], prepared.tracks["row"], [0] * len(prepared.tracks), frames
    )
    for part, first in (("train", frames // 2), ("val", 0), ("test", 0)):
        for batch in data.eval_dataloader(part):
            rows = batch.track_index.numpy()
            assert np.array_equal(batch.mel.numpy(), whole[rows, first : first + frames // 2])
    starts = [start for _, start in data.train_dataloader().sampler]
    assert min(starts) >= frames // 2
    assert max(starts) + frames // 4 <= 2 * (frames // 2)
