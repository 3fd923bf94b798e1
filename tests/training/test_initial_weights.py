"""Training that starts from the weights of another run."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from genre import run_folder
from genre.config.validate import validate
from genre.errors import GenreError
from genre.evaluation.trained_run import TrainedRun
from genre.models.crnn import CRNN
from genre.training.initial_weights import find_checkpoint, load_initial_weights
from tests.composing import compose
from tests.conftest import Runs

GENRES = ["jazz", "pop", "rock"]


def store(path: Path, net: torch.nn.Module, genres: Sequence[str] = GENRES) -> Path:
    weights = {f"net.{name}": value for name, value in net.state_dict().items()}
    torch.save({"state_dict": weights, "hyper_parameters": {"card": {"genres": genres}}}, path)
    return path


def test_weights_of_the_same_name_and_shape_are_copied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other, net = CRNN(5, 16, "1d", "gru", 4), CRNN(3, 16, "1d", "gru", 4)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with caplog.at_level(logging.INFO):
        load_initial_weights(net, store(tmp_path / "a.ckpt", other, list("abcde")), GENRES)
    for name, value in net.state_dict().items():
        expected = before if name.startswith("head.3.") else other.state_dict()
        assert torch.equal(value, expected[name]), name
    assert caplog.records[-1].levelname == "INFO"
    assert caplog.text.endswith("; 2 of 32 tensors keep their random values: head.3.weight, head.3.bias\n")
    load_initial_weights(CRNN(5, 16, "2d", "gru", 4), tmp_path / "a.ckpt", list("abcde"))  # which shares the head alone
    assert caplog.records[-1].levelname == "WARNING"


def test_a_last_layer_for_other_genres_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    net = CRNN(3, 16, "1d", "gru", 4)
    load_initial_weights(net, store(tmp_path / "a.ckpt", net), GENRES)
    assert caplog.text == ""
    load_initial_weights(net, store(tmp_path / "a.ckpt", net, ["rock", "pop", "jazz"]), GENRES)
    message = f"the last layer of {tmp_path / 'a.ckpt'} is for other genres: rock, pop, jazz"
    assert message in [record.message for record in caplog.records]
    caplog.clear()
    torch.save({"state_dict": {f"net.{name}": value for name, value in net.state_dict().items()}}, tmp_path / "b.ckpt")
    load_initial_weights(net, tmp_path / "b.ckpt", GENRES)  # of somebody's own training
    assert "other genres" not in caplog.text


def test_another_network_or_file_is_refused(tmp_path: Path) -> None:
    path = store(tmp_path / "a.ckpt", torch.nn.Linear(2, 2))
    with pytest.raises(GenreError, match="another network"):
        load_initial_weights(CRNN(3, 16, "1d", "gru", 4), path, GENRES)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(GenreError, match="not a usable checkpoint"):
        load_initial_weights(CRNN(3, 16, "1d", "gru", 4), path, GENRES)
    with pytest.raises(GenreError, match="no checkpoint and no folder"):
        find_checkpoint(tmp_path)


def test_a_run_starts_from_another_one(runs: Runs) -> None:
    first, _ = runs.train("first", "trainer.max_epochs=1")
    frozen = ["trainer.max_epochs=1", "model.learning_rate=1e-12", "model.weight_decay=0"]
    second, _ = runs.train("second", *frozen, "seed=7", f"ckpt_path={first}")
    weights = [torch.load(folder / run_folder.BEST, weights_only=True)["state_dict"] for folder in (first, second)]
    for name, value in weights[0].items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(weights[1][name], value, rtol=0, atol=1e-8)


def test_a_run_is_evaluated_without_the_run_that_it_started_from(runs: Runs) -> None:
    first, _ = runs.train("first", "trainer.max_epochs=1")
    second, _ = runs.train("second", "trainer.max_epochs=1", f"ckpt_path={first}")
    shutil.rmtree(first)
    run = TrainedRun.load(second, validate(compose([f"run_dir={second}"], "evaluate")))
    assert run.components.settings.ckpt_path == str(first)


def test_a_wrong_path_is_refused_before_audio_is_read(runs: Runs) -> None:
    with pytest.raises(GenreError, match="ckpt_path=nowhere is no checkpoint"):
        runs.train("run", "ckpt_path=nowhere", "data.root=nowhere")
    assert not (runs.home / "run").exists()
