"""A trained run to predict with."""

from pathlib import Path

import pytest

from tests.conftest import Runs


@pytest.fixture(scope="session")
def trained(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of a small network, trained on three genres."""
    runs = Runs(music_folder, tmp_path_factory.mktemp("trained"))
    return runs.train("run", "trainer.max_epochs=2")[0]
