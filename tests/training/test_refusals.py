"""What is not trained: finished runs, other settings, other genres, divergence."""

import json

import pandas as pd
import pytest
from omegaconf import OmegaConf

from genre import run_folder
from genre.config.schema import EvaluateConfig
from genre.errors import GenreError
from genre.evaluation import evaluate
from tests.training.conftest import Runs, weights


def test_adjusted_logits_are_tested_where_asked(runs: Runs) -> None:
    folder, _ = runs.train("run", "model.logit_adjustment=true", "trainer.max_epochs=1")
    stored = json.loads((folder / run_folder.SCORES).read_text())
    assert 0 <= stored["tau"] <= 2
    scores = evaluate.reevaluate_run(EvaluateConfig(accelerator="cpu"), folder).scores
    assert scores["tau"] == stored["tau"]


def test_a_finished_run_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(GenreError, match="holds a finished run: choose another run_dir"):
        runs.train("run", "trainer.max_epochs=1")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_finished_run_is_skipped_where_asked(runs: Runs) -> None:
    folder, objective = runs.train("run", "trainer.max_epochs=2", "finished=skip")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert runs.train("run", "trainer.max_epochs=2", "finished=skip", "logger=tensorboard")[1] == objective
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    with pytest.raises(GenreError, match=r"holds a finished run with trainer.max_epochs=2, not 3: delete it"):
        runs.train("run", "trainer.max_epochs=3", "finished=skip")


def test_an_unfinished_run_of_other_settings_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    (folder / run_folder.SCORES).unlink()
    with pytest.raises(GenreError, match=r"unfinished run with trainer\.max_epochs=1, not 2: give run_dir alone"):
        runs.train("run", "trainer.max_epochs=2")


def test_several_processors_are_refused(runs: Runs) -> None:
    with pytest.raises(GenreError, match=r"trainer\.devices=2 requires GPUs: set trainer\.devices=1"):
        runs.train("two", "trainer.devices=2")
    assert not (runs.home / "two").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("data.root=/does/not/exist", "is not a folder"),
        ("best=/does/not/exist", r"holds no best\.yaml"),
        (
            "trainer.limit_train_batches=0.1",
            r"limit_train_batches=0.1 is less than one of 6 batches: use at least 0.167",
        ),
        ("trainer.limit_val_batches=0.5", r"limit_val_batches=0.5 is less than one of 1 batches: use at least 1.0"),
    ],
)
def test_a_run_that_cannot_start_leaves_no_folder(runs: Runs, given: str, message: str) -> None:
    with pytest.raises(GenreError, match=message):
        runs.train("run", given)
    assert not (runs.home / "run").exists()


def test_the_least_share_of_batches_that_is_named_can_be_used(runs: Runs) -> None:
    runs.train("run", "trainer.limit_train_batches=0.167", "trainer.max_epochs=1")


def test_a_checkpoint_of_other_genres_is_refused(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    tracks["genre"] = tracks["genre"].replace({tracks["genre"].iloc[0]: "Zydeco"})
    tracks.to_parquet(folder / run_folder.TRACKS)
    with pytest.raises(GenreError, match=r"knows the genres .* and the data have .*Zydeco"):
        evaluate.reevaluate_run(EvaluateConfig(accelerator="cpu"), folder)


@pytest.mark.parametrize("name", [run_folder.BEST, run_folder.TRACKS, run_folder.CONFIG])
def test_a_run_folder_that_lacks_a_part_is_refused(runs: Runs, name: str) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    (folder / name).unlink()
    with pytest.raises(GenreError, match=r"run_dir must be|is not a run folder"):
        evaluate.reevaluate_run(EvaluateConfig(accelerator="cpu"), folder)


def test_diverged_training_says_so(runs: Runs) -> None:
    with pytest.raises(GenreError, match=r"training diverged .* lower model.learning_rate"):
        runs.train("run", "model.learning_rate=1e30", "trainer.max_epochs=2")
    assert not (runs.home / "run" / run_folder.SCORES).exists()


def test_class_weights_have_mean_one_over_the_training_tracks(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1", "model.class_weights=true")
    weight = weights(folder)["loss.weight"]
    tracks = pd.read_parquet(folder / run_folder.TRACKS)
    train = tracks[tracks["split"] == "train"]
    counts = train["genre"].value_counts().sort_index().to_numpy()
    assert weight.numpy() == pytest.approx(len(train) / (len(counts) * counts))
    assert (weight.numpy() * counts).sum() / counts.sum() == pytest.approx(1)


def test_the_stored_configuration_is_the_composed_one(runs: Runs) -> None:
    folder, _ = runs.train("run", "trainer.max_epochs=1")
    stored = OmegaConf.load(folder / run_folder.CONFIG)
    assert stored.model.net.hidden_dim == 4
    assert stored.run_dir == str(folder)
    assert OmegaConf.load(folder / run_folder.OVERRIDES) == runs.overrides("trainer.max_epochs=1")
