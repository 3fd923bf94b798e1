"""What the searches of the tests share."""

from pathlib import Path

import pytest

from tests.search.sweeping import loss, search


@pytest.fixture(scope="module")
def home(music_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the cache, so that it is filled once."""
    home = tmp_path_factory.mktemp("searches")
    search(loss, music_folder, home, "search.n_trials=1")
    return home
