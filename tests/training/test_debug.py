"""Runs with debug=..."""

import pytest

from tests.conftest import Runs, read_metrics


@pytest.mark.filterwarnings("ignore:.*LeafSpec")
def test_overfitting_lowers_the_training_loss_on_the_same_batches(runs: Runs) -> None:
    folder, _ = runs.train("run", "debug=overfit", "trainer.max_epochs=30", "model.learning_rate=0.01")
    loss = read_metrics(folder)["train/loss"]
    assert len(loss) == 30
    assert loss.iloc[-1] < loss.iloc[0] / 2
    assert not list(folder.glob("*profile*"))


def test_a_profile_is_in_the_run_folder(runs: Runs) -> None:
    folder, _ = runs.train("run", "debug=profile", "trainer.max_epochs=1")
    assert "run_training_epoch" in (folder / "fit-profile.txt").read_text()
