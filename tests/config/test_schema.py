"""The schema has keys, types and ranges; conf/ has the values."""

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import ConfigAttributeError

from genre.config.schema import OPEN, EvaluateConfig, SearchConfig, TrainConfig, structured
from tests.composing import compose


def fields(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(schema):
        key = f"{path}{field.name}"
        yield key, field
        if dataclasses.is_dataclass(field.type):
            yield from fields(field.type, f"{key}.")


def is_section(field: Any) -> bool:
    return dataclasses.is_dataclass(field.type) or field.metadata == OPEN


@pytest.mark.parametrize("schema", [TrainConfig, EvaluateConfig, SearchConfig])
def test_the_schema_has_no_values(schema: type) -> None:
    valued = [key for key, field in fields(schema) if field.default != MISSING and not is_section(field)]
    assert valued == []


def test_conf_has_a_value_for_every_key() -> None:
    config = compose(["run_dir=x"])
    missing = [key for key, _ in fields(TrainConfig) if OmegaConf.is_missing(*parent_and_name(config, key))]
    assert missing == []
    search = compose(["run_dir=x", "hparams_search=optuna"]).search
    assert [key for key, _ in fields(SearchConfig) if OmegaConf.is_missing(search, key)] == []
    evaluation = compose([], "evaluate")
    assert [key for key, _ in fields(EvaluateConfig) if OmegaConf.is_missing(evaluation, key)] == ["run_dir"]


def parent_and_name(config: Any, key: str) -> tuple[Any, str]:
    parent, _, name = key.rpartition(".")
    return (OmegaConf.select(config, parent) if parent else config), name


@pytest.mark.parametrize("section", [key for key, field in fields(TrainConfig) if field.metadata == OPEN])
def test_an_open_section_takes_any_key_without_a_plus(section: str) -> None:
    assert OmegaConf.select(compose([f"{section}.anything.inside=3"]), f"{section}.anything.inside") == 3


def test_other_sections_do_not() -> None:
    config = structured(TrainConfig)
    with pytest.raises(ConfigAttributeError):
        config.data.anything = 3
    with pytest.raises(ConfigAttributeError):
        config.anything = 3


def test_the_store_is_never_copied_but_what_is_loaded_from_it_is() -> None:
    store = ConfigStore.instance()
    assert copy.deepcopy([store])[0] is store
    store.load("schema/train.yaml").node.seed = 1
    assert OmegaConf.is_missing(store.load("schema/train.yaml").node, "seed")
