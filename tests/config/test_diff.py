"""Values that affect training, and those that do not."""

import pytest

from genre.config.diff import first_difference, is_trained, training_values
from tests.composing import compose

IGNORED = [
    "trainer=gpu",
    "trainer.devices=2",
    "trainer.profiler=simple",
    "trainer.deterministic=warn",
    "trainer.benchmark=true",
    "trainer.detect_anomaly=true",
    "data.num_workers=2",
    "executor.workers=3",
    "logger=[none]",
    "paths.runs=elsewhere",
    "paths.cache=elsewhere",
    "run_dir=elsewhere",
    "finished=skip",
    "print_config=true",
    "trainer.enable_progress_bar=false",
    "trainer.enable_model_summary=true",
    "trainer.log_every_n_steps=5",
]
COUNTED = {
    "seed=1": "seed",
    "data.batch_size=3": "data.batch_size",
    "model.net.hidden_dim=3": "model.net.hidden_dim",
    "trainer.max_epochs=3": "trainer.max_epochs",
    "trainer.precision=16-mixed": "trainer.precision",
    "augment.noise=null": "augment.noise",
    "scheduler.plateau.patience=9": "scheduler.plateau.patience",
    "features.n_mels=40": "features.n_mels",
    "monitor.metric=val/accuracy": "monitor.metric",
    "label=mine": "label",
}


STUDY = "recipe=study"


@pytest.mark.parametrize("given", IGNORED)
def test_where_and_how_a_run_is_made_does_not_count(given: str) -> None:
    assert first_difference(training_values(compose([given])), training_values(compose([]))) is None
    assert not is_trained(given.partition("=")[0]) or given == "trainer=gpu"


@pytest.mark.parametrize(("given", "key"), COUNTED.items())
def test_what_is_trained_counts(given: str, key: str) -> None:
    changed = first_difference(training_values(compose([STUDY, given])), training_values(compose([STUDY])))
    assert changed is not None
    assert changed.startswith(key)
    assert is_trained(key)


def test_studies_that_noted_more_than_counts_today_stay_the_same() -> None:
    old = training_values(compose([])) | {"trainer.devices": 4, "trainer.profiler": "simple"}
    assert first_difference(training_values(compose([])), old) is None
