import csv

import numpy as np
import pandas as pd
import pytest

from genre.training.loggers import EpochCSVLogger


def log(logger: EpochCSVLogger, epochs, values=lambda epoch: 1 / (epoch + 3)) -> None:
    """What Lightning logs: validation first, then training, several calls an epoch."""
    for epoch in epochs:
        step = 10 * epoch + 9
        logger.log_metrics({"val/loss": values(epoch), "val/f1_macro": 0.5, "epoch": epoch}, step)
        logger.log_metrics({"train/loss": 2 * values(epoch), "learning_rate": 1e-3, "epoch": epoch}, step)


def test_one_row_an_epoch(tmp_path):
    path = tmp_path / "metrics.csv"
    log(EpochCSVLogger(path), range(3))
    assert path.read_text().splitlines()[0] == "epoch,step,val/loss,val/f1_macro,train/loss,learning_rate"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert [row["step"] for row in rows] == ["9", "19", "29"]
    assert [float(row["val/loss"]) for row in rows] == [1 / 3, 1 / 4, 1 / 5]  # to the last bit
    assert [float(row["train/loss"]) for row in rows] == [2 / 3, 2 / 4, 2 / 5]
    assert {row["learning_rate"] for row in rows} == {"0.001"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.csv"]


def test_the_file_is_there_after_each_call(tmp_path):
    path = tmp_path / "metrics.csv"
    logger = EpochCSVLogger(path)
    logger.log_metrics({"val/loss": 1.0, "epoch": 0}, 4)
    assert path.read_text() == "epoch,step,val/loss\n0,4,1.0\n"
    logger.log_metrics({"train/loss": 2.0, "epoch": 0}, 4)
    assert path.read_text() == "epoch,step,val/loss,train/loss\n0,4,1.0,2.0\n"
    logger.log_metrics({"val/loss": 3.0, "epoch": 1}, 9)
    assert path.read_text() == "epoch,step,val/loss,train/loss\n0,4,1.0,2.0\n1,9,3.0,\n"


def test_a_later_value_replaces_an_earlier_one(tmp_path):
    logger = EpochCSVLogger(tmp_path / "metrics.csv")
    logger.log_metrics({"val/loss": 1.0, "epoch": 0}, 4)
    logger.log_metrics({"val/loss": 2.0, "epoch": 0}, 4)
    assert pd.read_csv(logger.path)["val/loss"].tolist() == [2.0]


@pytest.mark.parametrize("metrics", [{}, {"hp_metric": -1.0}])
def test_what_belongs_to_no_epoch_is_left_out(tmp_path, metrics):
    logger = EpochCSVLogger(tmp_path / "metrics.csv")
    logger.log_metrics(metrics, 3)
    logger.log_hyperparams({"lr": 1})
    assert not logger.path.exists()


def test_a_resumed_run_leaves_the_file_of_an_undisturbed_one(tmp_path):
    whole, broken = tmp_path / "whole.csv", tmp_path / "broken.csv"
    numbers = np.random.default_rng(0).random(60)
    log(EpochCSVLogger(whole), range(60), values=lambda epoch: numbers[epoch])
    log(EpochCSVLogger(broken), range(51), values=lambda epoch: numbers[epoch])
    # Interrupted after the checkpoint of epoch 49: epoch 50 is made again
    resumed = EpochCSVLogger(broken, start_epoch=50)
    assert list(resumed.rows) == list(range(50))
    log(resumed, range(50, 60), values=lambda epoch: numbers[epoch])
    assert broken.read_bytes() == whole.read_bytes()


def test_rows_from_the_first_epoch_to_come_are_dropped(tmp_path):
    path = tmp_path / "metrics.csv"
    log(EpochCSVLogger(path), range(5))
    log(EpochCSVLogger(path, start_epoch=2), [2], values=lambda epoch: 0.75)
    table = pd.read_csv(path)
    assert table["epoch"].tolist() == [0, 1, 2]
    assert table["val/loss"].tolist()[2] == 0.75


def test_a_new_run_begins_anew(tmp_path):
    path = tmp_path / "metrics.csv"
    log(EpochCSVLogger(path), range(5))
    log(EpochCSVLogger(path), [0])
    assert pd.read_csv(path)["epoch"].tolist() == [0]


def test_resuming_without_a_file(tmp_path):
    path = tmp_path / "metrics.csv"
    log(EpochCSVLogger(path, start_epoch=2), [2])
    assert pd.read_csv(path)["epoch"].tolist() == [2]


def test_name_and_version(tmp_path):
    logger = EpochCSVLogger(tmp_path / "metrics.csv")
    assert logger.name == "metrics"
    assert logger.version == ""
