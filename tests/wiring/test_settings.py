"""Each setting has an effect: a value that is not the default is composed, and seen on the object that is built."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from genre.config import schema as config_schema
from tests.composing import CONF, ROOT
from tests.wiring import test_best
from tests.wiring.rows import GROUPS
from tests.wiring.table import Group, Row

CASES = [
    pytest.param(group, row, id=f"{row.override} {' '.join(group.context)}") for group in GROUPS for row in group.rows
]
ELSEWHERE = {
    "model.logit_adjustment": test_best.test_logits_are_adjusted_after_training_where_asked,
    "test_last": test_best.test_the_best_epoch_by_the_monitored_score_is_kept_and_tested,
}
"""Settings that have their effect after training, and their tests."""
OVERRIDES = {row.override for group in GROUPS for row in group.rows}
SEEN = {text.partition("=")[0] for text in OVERRIDES} | ELSEWHERE.keys()

OF_SETTINGS = (
    "experiment",
    "ablation",
    "change",
    "protocol",
    "protocol_genres",
    "hparams_search",
    "search_space",
    "paths",
    "hydra",
)
"""Groups whose options only set keys of other groups: tests/test_conf.py and tests/search test them."""
BY_OPTION = {"trainer.accelerator", "trainer.devices", "trainer.strategy", "model.net._target_"}
"""Tested by the options that set them."""
NAMES = {
    "data.name",
    "data.source",
    "model.name",
    "model.net",
    "model.fit",
    "model.features",
    "model.net.cnn",
    "model.net.rnn",
}
"""Parts of the options of data and model."""
UNTESTED = {"trainer.num_nodes"}
"""Takes several machines."""
OF_OTHERS = {"against", "search", "trust", "print_config"}
"""Not about training: tests/evaluation, tests/search and tests/config test them."""


@pytest.mark.parametrize(("group", "row"), CASES)
def test_a_setting_has_its_effect(build: Any, group: Group, row: Row) -> None:
    without = build(group.context, group.bare)
    assert row.see(without) != row.expected
    built = build([*group.context, *(other.override for other in group.rows)], group.bare)
    assert row.see(built) == row.expected


def readme() -> Iterator[str]:
    """Keys and options of the README's table of settings: `data.fold`, `trainer=cpu`."""
    lines = (ROOT / "README.md").read_text().partition("| key |")[2].splitlines()
    for line in lines[2:]:
        if not line.startswith("|"):
            return
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.split("|")[1:-1]]
        keys = [key if not key.startswith(".") else cells[0][0].rpartition(".")[0] + key for key in cells[0]]
        yield from keys
        for word in cells[2]:
            if re.search(r"\.(csv|json|yaml)$", word):
                continue
            if "=" in word or word.partition(".")[0] in FIELDS:
                yield word
            elif len(keys) == 1 and re.fullmatch(r"\[?[a-z_,0-9]+\]?", word):
                yield f"{keys[0]}={word}"


FIELDS = [field.name for field in dataclasses.fields(config_schema.TrainConfig)]


def options() -> Iterator[str]:
    """Options of conf/: `scheduler=step`; those of `size` come with the data of that name."""
    for path in sorted(CONF.glob("*/*.yaml")):
        if path.parent.name not in OF_SETTINGS:
            yield f"{path.parent.name.replace('size', 'data')}={path.stem}"


def values() -> Iterator[str]:
    """Values in the files of groups without a schema: `augment.noise.sigma`."""

    def leaves(prefix: str, node: dict[str, Any]) -> Iterator[str]:
        for key, value in node.items():
            if isinstance(value, dict):
                yield from leaves(f"{prefix}.{key}", value)
            elif not key.startswith("_") and key != "defaults":
                yield f"{prefix}.{key}"

    for group in (
        "augment",
        "callbacks",
        "executor",
        "features",
        "loss",
        "model/net",
        "optimizer",
        "scheduler",
        "trainer",
    ):
        for path in sorted((CONF / group).glob("*.yaml")):
            yield from leaves(group.replace("/", "."), yaml.safe_load(path.read_text()))


def schema() -> Iterator[str]:
    """Keys of the schema's parts: `trainer.precision`."""
    parts = {
        "data": config_schema.DataConfig,
        "model": config_schema.ModelConfig,
        "monitor": config_schema.MonitorConfig,
        "early_stopping": config_schema.EarlyStoppingConfig,
        "paths": config_schema.PathsConfig,
    }
    for name, part in parts.items():
        yield from (f"{name}.{field.name}" for field in dataclasses.fields(part))


def missing(found: Iterator[str]) -> list[str]:
    return sorted({text for text in found if text not in (OVERRIDES if "=" in text else SEEN)} - OF_OTHERS)


def test_every_setting_of_the_readme_has_a_row() -> None:
    found = list(readme())
    assert {"data.splits", "data.splits=artist_album", "model.net.dropout", "trainer.precision", "seed"} <= set(found)
    assert missing(iter(found)) == []


def test_every_option_has_a_row() -> None:
    assert missing(options()) == []


def test_every_value_has_a_row() -> None:
    follow = {"scheduler.plateau.mode", "model.net.input_norm", "model.net.channels_last"}  # monitor.mode, model.*
    assert set(missing(values())) - follow - {"callbacks.lr_monitor.log_momentum"} - BY_OPTION - NAMES == set()


def test_every_key_of_the_schema_has_a_row() -> None:
    assert set(FIELDS) - {key.partition(".")[0] for key in SEEN} - OF_OTHERS == set()
    assert set(missing(schema())) <= BY_OPTION | NAMES | UNTESTED
