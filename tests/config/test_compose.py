"""Configurations are composed from conf/, in a checkout and in a program that Hydra started."""

from pathlib import Path

import hydra

from genre.config.compose import CONF, compose
from tests import composing


def test_a_checkout_uses_its_own_folder() -> None:
    assert CONF == composing.CONF
    assert compose("train", ["model=cnn1d_lstm"]).model.net.rnn == "lstm"
    assert compose("evaluate", ["run_dir=x"]).split == "test"


def test_files_of_a_running_programs_config_dir_are_found(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mine.yaml").write_text("name: mine\nroot: here\n")
    search = f"hydra.searchpath=[file://{tmp_path}]"
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        assert compose("train", ["data=mine", search]).data.root == "here"
