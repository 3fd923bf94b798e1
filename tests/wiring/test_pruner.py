"""A trial reports the monitored score, and is judged by it in the right direction."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState, create_trial

from genre.search.study import ResumableStudy
from genre.search.trial import run_trial
from tests.search.conftest import SPACE, loss, random_sampler, recorded, sweep
from tests.wiring.building import composed
from tests.wiring.conftest import Training
from tests.wiring.networks import Scripted

BY_F1 = ["monitor.metric=val/f1_macro", "monitor.mode=max"]
EPOCHS = 3


def run(training: Training, rivals: float, *given: str) -> tuple[optuna.Study, pd.DataFrame]:
    """Run a trial among six others that had a score of `rivals` in every epoch."""
    search = ["hparams_search=optuna", "search.warm_up_epochs=1", f"trainer.max_epochs={EPOCHS}", *given]
    overrides = training.overrides(*search)
    config = composed(overrides, hydra_too=True)
    direction = str(config.hydra.sweeper.direction)
    study = ResumableStudy(config.search, direction, SPACE, random_sampler, {}).study
    for _ in range(6):
        values = dict.fromkeys(range(EPOCHS), rivals)
        study.add_trial(create_trial(state=TrialState.COMPLETE, value=rivals, intermediate_values=values))
    number = study.ask().number
    folder = training.home / "trial"
    folder.mkdir()
    with suppress(optuna.TrialPruned):
        run_trial(composed([*overrides, f"search.trial={number}", f"run_dir={folder}"]), folder, overrides)
    return study, pd.read_csv(folder / "metrics.csv")


HALF = [(3.0, -0.1)]
"""Of 3 validation tracks of A and 2 of B, those of A are right."""
LOSS = (3 * np.log(1 + np.exp(-3.0)) + 2 * np.log(1 + np.exp(0.1))) / 5
F1 = (2 * 3 / (5 + 3) + 0) / 2


@pytest.mark.parametrize(
    ("given", "rivals", "pruned"),
    [([], 0.3, True), ([], 0.5, False), (BY_F1, 0.5, True), (BY_F1, 0.3, False)],
    ids=["worse loss", "better loss", "worse F1", "better F1"],
)
def test_a_trial_is_pruned_by_the_monitored_score(
    training: Training, use: Any, given: list[str], rivals: float, pruned: bool
) -> None:
    use(Scripted, judged=HALF)
    study, epochs = run(training, rivals, *given)
    told = study.trials[-1]
    metric = "val/f1_macro" if given else "val/loss"
    assert len(epochs) == (2 if pruned else EPOCHS)
    assert list(told.intermediate_values.values()) == pytest.approx(epochs[metric].tolist())
    assert epochs["val/f1_macro"][0] == pytest.approx(F1)
    assert epochs["val/loss"][0] == pytest.approx(LOSS)
    assert (told.state == TrialState.PRUNED) == pruned


class NotBegunError(Exception):
    """A search would begin."""


@pytest.mark.parametrize(("given", "direction"), [([], "minimize"), (BY_F1, "maximize")], ids=["loss", "F1"])
def test_a_search_goes_the_monitors_way(
    given: list[str], direction: str, build: Any, library: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(**study: Any) -> None:
        raise NotBegunError(study["direction"])

    _ = build([]).begun  # fills the cache
    monkeypatch.setattr(optuna, "create_study", stop)
    with pytest.raises(NotBegunError, match=direction):
        sweep(recorded(loss), library, home, *given)
