"""Whole runs of a tiny network on a tiny collection."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from genre import run_folder
from genre.pipeline import train_and_test
from genre.training.classifier import GenreClassifier
from tests.composing import TINY, compose


class Runs:
    """Trains in a folder of its own, on the session's small music."""

    def __init__(self, music: Path, home: Path) -> None:
        self.home = home
        self.common = [*TINY, f"data.root={music}", f"paths.data={home}", "trainer.max_epochs=4"]

    def overrides(self, *more: str) -> list[str]:
        return [*self.common, *more]

    def train(self, name: str, *more: str) -> tuple[Path, float]:
        folder = self.home / name
        overrides = self.overrides(*more)
        return folder, train_and_test(compose([*overrides, f"run_dir={folder}"]), folder, overrides)


@pytest.fixture
def runs(music_folder: Path, tmp_path: Path) -> Runs:
    return Runs(music_folder, tmp_path)


def weights(folder: Path, which: str = run_folder.LAST) -> dict[str, torch.Tensor]:
    return torch.load(folder / which, weights_only=True)["state_dict"]


def learnt(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / run_folder.METRICS).drop(columns="seconds")


def break_at(patch: pytest.MonkeyPatch, epoch: int) -> None:
    """Let training fail as that epoch begins."""
    start = GenreClassifier.on_train_epoch_start

    def start_or_fail(self: GenreClassifier) -> None:
        if self.current_epoch == epoch:
            raise RuntimeError("the machine went down")
        start(self)

    patch.setattr(GenreClassifier, "on_train_epoch_start", start_or_fail)
