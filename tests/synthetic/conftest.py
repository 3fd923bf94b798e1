"""A small synthetic data set."""

from collections.abc import Callable
from pathlib import Path

import pytest

from genre.synthetic.catalogue import TrackEntry, catalogue
from genre.synthetic.writer import write_dataset

COUNT, SECONDS = 56, 1.0


def write_small(root: Path, seed: int = 1) -> None:
    write_dataset(root, seed, COUNT, SECONDS)


def small_catalogue(seed: int = 1) -> list[TrackEntry]:
    return catalogue(seed, COUNT, SECONDS)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of 56 intact tracks of 1 s. Tests must not change it."""
    root = tmp_path_factory.mktemp("synthetic") / "data"
    write_small(root)
    return root


@pytest.fixture(scope="session")
def faulty(dataset: Path) -> Callable[[str], Path]:
    """Maps a fault to the path of the file that has it."""
    return lambda fault: next(entry.path(dataset) for entry in small_catalogue() if entry.fault == fault)
