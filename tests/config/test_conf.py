"""Every file under conf/ composes, and what it names can be made."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from genre.config.diff import first_difference, training_values
from genre.config.instantiate import build
from genre.config.validate import validate
from genre.errors import GenreError
from genre.training.components import build_components
from tests.composing import CONF, compose
from tests.pretrained.weights import write_musicnn

GROUPS = sorted(
    (path.parent.relative_to(CONF).as_posix(), path.stem)
    for path in CONF.glob("*/*.yaml")
    if path.parent.name != "hydra"
)

PRETRAINED = ("musicnn", "probe", "features", "distill", "pretrained")
"""Options that need the weights of musicnn."""


@pytest.mark.parametrize(("group", "option"), GROUPS)
def test_every_option_composes_and_can_be_built(group: str, option: str, tmp_path: Path) -> None:
    overrides = [f"{group}={option}", f"paths.data={tmp_path}"]
    if group == "size":
        overrides = [f"data={option}", f"paths.data={tmp_path}"]
    if OmegaConf.is_missing(compose(overrides).data, "root"):
        overrides.append(f"data.root={tmp_path}")
    overrides += ["data.table=tracks.csv"] if option == "table" else []
    before = [write_musicnn(tmp_path / "weights" / "musicnn.safetensors").parent] if option in PRETRAINED else []
    settings = validate(compose(overrides))
    if settings.trainer["accelerator"] == "gpu" and not torch.cuda.is_available():
        with pytest.raises(GenreError, match="accelerator=gpu is not available on this machine"):
            build_components(settings)
        return
    components = build_components(settings)
    assert components.build_network(["a", "b", "c"]) is not None
    for name, spec in settings.logger.items():
        assert build(f"logger.{name}", spec) is not None
    assert hasattr(build("executor", settings.executor), "submit")
    assert list(tmp_path.iterdir()) == before


def test_the_comparison_includes_the_probe_if_its_weights_are_there(tmp_path: Path) -> None:
    overrides = ["experiment=compare", f"paths.data={tmp_path}"]
    without = compose(overrides, hydra_too=True).hydra.sweeper.params.model
    write_musicnn(tmp_path / "weights" / "musicnn.safetensors")
    assert without == "majority,logreg,cnn2d,cnn1d_gru,cnn1d_lstm,cnn2d_gru,cnn2d_lstm"
    found = compose(overrides, hydra_too=True).hydra.sweeper.params.model
    assert found == without.replace("logreg,", "logreg,probe,")
    others = ["experiment=compare", "features@probe=mfcc"]  # which need no weights
    assert compose(others, hydra_too=True).hydra.sweeper.params.model == found


RECIPES = ("default", "study")


def test_the_evaluate_configuration_composes() -> None:
    assert validate(compose(["run_dir=r"], "evaluate")).run_dir == "r"


def test_real_data_bring_the_studys_size_and_the_synthetic_ones_their_own(tmp_path: Path) -> None:
    real = validate(compose(["recipe=study", "data=fma", f"data.root={tmp_path}"]))
    assert (real.data.clip_seconds, real.data.segment_seconds, real.features["n_mels"]) == (30.0, None, 128)
    assert (real.model.net["hidden_dim"], real.trainer["max_epochs"]) == (64, 40)
    small = validate(compose(["recipe=study"]))
    assert small.model.net["hidden_dim"] == 32
    assert (small.data.clip_seconds, small.data.segment_seconds) == (10.0, 3.0)


def test_the_command_line_wins_over_the_size() -> None:
    assert validate(compose(["features.n_mels=40"])).features["n_mels"] == 40


def test_the_plateau_scheduler_watches_what_the_monitor_says() -> None:
    settings = validate(compose(["scheduler=plateau", "monitor.mode=max", "monitor.metric=val/f1_macro"]))
    assert settings.scheduler["plateau"]["mode"] == "max"


def test_class_weights_are_for_the_baseline_too() -> None:
    assert compose(["model=logreg"]).model.fit.class_weights is False
    assert compose(["model=logreg", "model.class_weights=true"]).model.fit.class_weights is True


def test_both_schedulers_at_once() -> None:
    assert list(validate(compose(["scheduler=plateau_step"])).scheduler) == ["plateau", "step"]


def test_a_recipe_is_chosen_by_one_word() -> None:
    default, study = (validate(compose([f"recipe={name}", "data=folder", "data.root=x"])) for name in RECIPES)
    assert (default.features["n_mels"], default.features["hop_length"]) == (64, 1024)
    assert (default.optimizer["_target_"], default.optimizer["weight_decay"]) == ("torch.optim.AdamW", 0.05)
    assert (list(default.callbacks), list(default.scheduler)) == (["ema"], ["one_cycle"])
    assert (default.monitor.select, default.early_stopping.patience) == ("last", None)
    assert (study.features["n_mels"], study.features["hop_length"], study.data.segment_seconds) == (128, 512, None)
    assert (study.optimizer["_target_"], study.optimizer["weight_decay"]) == ("torch.optim.Adam", 1e-4)
    assert (study.callbacks, list(study.scheduler)) == ({}, ["plateau", "step"])
    assert (study.scheduler["plateau"]["factor"], study.scheduler["step"]["gamma"]) == (0.7, 0.7)
    assert (study.data.batch_size, study.model.learning_rate, study.early_stopping.patience) == (16, 1e-3, 6)


def test_the_probe_weights_genres_equally_unless_told_otherwise() -> None:
    assert compose(["model=probe"]).model.fit.class_weights is True
    assert compose(["model=probe", "model.fit.class_weights=false"]).model.fit.class_weights is False


def test_a_recipe_of_ones_own_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    text = "# @package _global_\ndefaults: [default, override /optimizer: sgd, _self_]\nmodel: {learning_rate: 0.05}\n"
    (tmp_path / "recipe/mine.yaml").write_text(text)
    config = compose(["recipe=mine", f"hydra.searchpath=[file://{tmp_path}]"])
    assert (config.optimizer._target_, config.optimizer.lr) == ("torch.optim.SGD", 0.05)
    assert (list(config.scheduler), config.data.segment_seconds) == (["one_cycle"], 3.0)


@pytest.mark.parametrize("change", sorted(path.stem for path in (CONF / "change").glob("*.yaml")))
def test_each_change_of_the_recipe_changes_something(change: str) -> None:
    given = ["experiment=recipe", "data=folder", "data.root=x", "label=x"]
    changed = training_values(compose([*given, f"change={change}"]))
    plain = training_values(compose(given))
    assert (first_difference(changed, plain) is None) == (change == "default")


def test_the_ablations_steps_are_the_studys() -> None:
    """What each step has, from the first to the last."""
    rows = []
    for path in sorted((CONF / "ablation").glob("*.yaml")):
        settings = validate(compose(["experiment=ablation", f"ablation={path.stem}"]))
        net, plateau = settings.model.net, settings.scheduler.get("plateau", {})
        rows.append(
            (
                settings.model.name,
                settings.model.weight_decay,
                net["dropout"],
                settings.augment["p"] > 0,
                net["pooling"],
                net["bidirectional"],
                (plateau.get("factor"), plateau.get("threshold_mode")),
                "step" in settings.scheduler,
                tuple(net["pool_sizes"]),
                net["rnn_dropout"],
            )
        )
    first = ("cnn1d_gru", 0.0, 0.0, False, None, True, (None, None), False, (2, 2), None)
    assert rows[0] == first
    rel, sharp, absolute = (0.7, "rel"), (0.5, "rel"), (0.5, "abs")
    gru, lstm = ("cnn1d_gru", 1e-4, 0.4), ("cnn1d_lstm", 1e-4, 0.4)
    assert rows[1:8] == [
        (*gru, False, None, True, rel, False, (2, 2), None),
        (*gru, True, None, True, rel, False, (2, 2), None),
        (*lstm, True, "last", False, rel, False, (2, 2), None),
        (*lstm, True, "mean", False, rel, False, (2, 2), None),
        (*lstm, True, "mean_max", False, rel, False, (2, 2), None),
        (*lstm, True, "mean_max", True, sharp, False, (2, 2), None),
        (*lstm, True, "mean_max", True, absolute, True, (2, 2), None),
    ]
    assert rows[8:] == [
        ("cnn2d_lstm", 1e-4, 0.4, True, "mean_max", True, absolute, True, (1, 1), 0.0),
        ("cnn2d_lstm", 1e-4, 0.4, True, "mean_max", True, absolute, True, (2, 2), 0.4),
        ("cnn2d_gru", 1e-4, 0.4, True, "mean", True, absolute, True, (2, 2), 0.4),
    ]


@pytest.mark.parametrize("path", sorted((CONF / "search_space").glob("*_cnn*.yaml")), ids=lambda path: path.stem)
def test_a_search_space_belongs_to_a_model_and_names_keys_that_exist(path: Path) -> None:
    search, _, model = path.stem.partition("_")
    config = compose([f"hparams_search={search}", f"model={model}"], hydra_too=True)
    assert config.model.name == model
    names = list(config.hydra.sweeper.params)
    assert {"data.batch_size", "model.learning_rate", "model.net.hidden_dim", "model.net.dropout"} <= set(names)
    for name in names:
        assert OmegaConf.select(config, name) is not None, name


@pytest.mark.parametrize(
    ("data", "left_out"),
    [("fma", ["Country", "Soul-RnB", "Blues", "Easy Listening"]), ("synthetic", []), ("folder", [])],
)
def test_the_study_leaves_out_fma_s_rarest_genres_and_no_others(data, left_out) -> None:
    overrides = ["experiment=study_cnn1d_gru", f"data={data}", "data.root=music"]
    config = compose(overrides)
    assert list(config.data.exclude_genres) == left_out
    assert (config.data.splits, config.test_last, config.trainer.max_epochs) == ("stratified", True, 40)
    assert list(compose([*overrides, "data.exclude_genres=[Rock]"]).data.exclude_genres) == ["Rock"]
