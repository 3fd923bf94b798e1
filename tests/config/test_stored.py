"""The configuration of a run folder, read as data."""

from pathlib import Path

import pytest
import yaml
from omegaconf import DictConfig, OmegaConf

from genre.config.schema import TrainConfig, structured
from genre.config.stored import ADDED, EXTENDED, foreign_resolver, read, read_config, stored_config
from genre.config.targets import Trust
from genre.errors import GenreError
from tests.composing import compose


def store(folder: Path, config: DictConfig) -> Path:
    (folder / ".hydra").mkdir(parents=True)
    OmegaConf.save(config, folder / ".hydra/config.yaml")
    return folder


def test_what_was_stored_is_read(tmp_path: Path) -> None:
    config = compose([f"run_dir={tmp_path}", "seed=7"])
    read_back = stored_config(store(tmp_path, config))
    assert (read_back.logger, read_back.callbacks, read_back.probe) == ({}, {}, {})  # nothing builds them
    read_back.logger, read_back.callbacks, read_back.probe = config.logger, config.callbacks, config.probe
    assert read_back == config


def test_limits_that_training_no_longer_takes_are_left_out_of_an_evaluation(tmp_path: Path) -> None:
    stored = store(
        tmp_path, compose([f"run_dir={tmp_path}", "+trainer.max_steps=100", "+trainer.max_time=00:01:00:00"])
    )
    assert not {"max_steps", "max_time"} & stored_config(stored).trainer.keys()


def test_the_features_of_a_stored_probe_stay(tmp_path: Path) -> None:
    config = compose([f"run_dir={tmp_path}", "model=probe", "features@probe=mfcc", "probe.n_mfcc=13"])
    assert stored_config(store(tmp_path, config)).model.features.n_mfcc == 13


def test_a_run_of_an_earlier_version_has_the_values_and_names_of_today(tmp_path: Path) -> None:
    config = compose(
        [f"run_dir={tmp_path}", "recipe=study", "scheduler=plateau", "test_last=false", "data=folder", "data.root=x"]
    )  # of the sizes for real data
    old = yaml.safe_load(OmegaConf.to_yaml(config))
    for key, value in ADDED.items():
        if key in EXTENDED and key != "size":
            for name in value:
                del old[key][name]
        else:
            del old[key]
    for name in ("input_norm", "channels_last"):
        del old["model"]["net"][name]
    old["features"]["_target_"] = "genre.features.LogMel"
    old["augment"]["_target_"] = "genre.augment.Augment"
    old["augment"]["noise"]["_target_"] = "genre.augment.Noise"
    old["model"]["net"]["_target_"] = "genre.models.hybrid.Hybrid"
    old["executor"]["_target_"] = "genre.data.extract.local_executor"
    found = OmegaConf.to_container(read_config(store(tmp_path, OmegaConf.create(old))))
    expected = OmegaConf.to_container(OmegaConf.merge(structured(TrainConfig), config))
    expected["model"]["net"] |= {"input_norm": False, "channels_last": False}
    # Trust is given anew for each command, and earlier versions had no probe
    assert found == expected | {"trust": "???", "probe": {}}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain", None),
        ("${data.name}/x", None),
        ("${now:%Y}", None),
        ("${oc.select:features.top_db,80.0}", None),
        ("${paths.${data.name}}", None),
        ("a/${oc.env:HOME}", "${oc.env:HOME}"),
        ("${oc.env:${data.name}}", "${oc.env:_}"),
        ("${mine:1}", "${mine:1}"),
    ],
)
def test_a_resolver_that_is_not_trusted_is_found(text: str, found: str | None) -> None:
    assert foreign_resolver(text) == found
    assert foreign_resolver(text, ["mine", "oc.env"]) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it holds no configuration"),
        ("- a", "it holds no configuration"),
        ("a: [", "is damaged"),
        (
            "label: ${oc.env:HOME}",
            r"label uses \$\{oc.env:HOME\}, which a stored file may not use: add trust=\[",
        ),
    ],
)
def test_a_damaged_or_suspect_file_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra/config.yaml").write_text(text)
    with pytest.raises(GenreError, match=message):
        read(tmp_path)


def test_trust_is_never_stored(tmp_path: Path) -> None:
    store(tmp_path, compose([f"run_dir={tmp_path}", "trust=[other]"]))
    assert stored_config(tmp_path).trust == []
    assert stored_config(tmp_path, Trust(["mylab"])).trust == ["mylab"]
